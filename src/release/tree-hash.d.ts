export interface TreeEntry {
  /** Relative to the root, as bytes. */
  path: Buffer;
  kind: 'file' | 'dir' | 'link';
  /** A file's `mode & 0o7777`; 0 for the others. */
  mode: number;
  /** Bytes of a file; 0 for the others. */
  size: number;
  /** Hex: SHA-256 of a file's content, or a link's target; '' for a directory. */
  content: string;
}

export interface TreeHash {
  /** 64 lower-case hex. */
  hash: string;
  /** Sum of the files' sizes. */
  totalBytes: number;
  /** Sorted by the bytes of the path. */
  entries: TreeEntry[];
}

export class TreeError extends Error {
  code: 'release-invalid';
  detail: { seen?: string; wanted?: string; next?: string };
  constructor(message: string, detail?: { seen?: string; wanted?: string; next?: string });
}

export function printable(bytes: Buffer): string;
export function hashTree(dir: string): Promise<TreeHash>;
/** The hash over entries in the order of their paths; `digest`: SHA-256 of a file's content, `target` of a link. */
export function sum(entries: (Omit<TreeEntry, 'content'> & { digest?: Buffer; target: Buffer | null })[]): TreeHash;
export function hashTreeSync(dir: string): TreeHash;
