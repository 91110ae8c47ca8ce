/** Types of check-layers.js, for its test. */
export function check(root: string): string[];
