/** The versions of before that the mixed simulation runs beside this one. */

export interface Release {
  /** Version and abbreviated commit. */
  name: string;
  /** All 40 digits: its src/ is taken from the history. */
  commit: string;
  /** Where it has what lies elsewhere now, or what stands in for what it does not have; paths from the root. */
  moved: Record<string, string>;
}

/** The newest first: most seeds are about that one. */
export const releases: Release[] = [
  { name: '0.2.0-d5177e4', commit: 'd5177e4676a9e5da2d90e40ec53cc0a89d07266b', moved: {} },
];
