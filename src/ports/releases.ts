/** What is known of a build: the content of its `version.json`. */
export interface VersionInfo {
  /** SHA-256 (64 lower-case hex) over every entry of the tree but version.json; the release's name. */
  buildHash: string;
  /** ISO 8601. */
  builtAt: string;
  gitCommit: string;
  /** Package version. */
  version: string;
  /** Versions of the cluster protocol that the build speaks, both ends included. */
  protocol: { min: number; max: number };
  /** semver range of Node that the build needs. */
  node: string;
}

/** The short form that records and statuses carry. */
export interface ReleaseRef {
  buildHash: string;
  version: string;
  gitCommit: string;
}
