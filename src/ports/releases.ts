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
  /** Absent: nothing. Not known before 0.2.0: older leaders do not ask. */
  needs?: ReleaseNeeds;
}

/** What a build needs of the cluster that it comes into. Names that are not listed here come from a newer build. */
export interface ReleaseNeeds {
  /** Protocol that every node must speak. */
  protocol?: number;
  /** semver range of the versions that it can follow. */
  from?: string;
  /** Version to go through where a node is older: one that `from` takes. */
  through?: string;
}

/** The short form that records and statuses carry. */
export interface ReleaseRef {
  buildHash: string;
  version: string;
  gitCommit: string;
}
