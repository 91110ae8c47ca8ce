/** Throws an Error that says what to fetch where the history of the clone at `root` does not have the commit. */
export function requireCommit(root: string, name: string, commit: string): Promise<void>;
