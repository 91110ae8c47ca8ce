/** What the bundle puts in the place of Node's own (sim/bundle.ts): the simulated process and its host. */
declare global {
  var simPid: number;
  var simHrtime: () => bigint;
  var simKill: (pid: number, signal: number) => true;
  var simWait: () => 'timed-out';
  var simAbortController: unknown;
  var simAbortSignal: unknown;
  /** Several versions in one world (sim/mixed/): nothing but text passes between them. */
  var simMixed: boolean;
  /** Of the version that this bundle is of. */
  var simVersion: { name: string; protocol: { min: number; max: number }; verbs: Record<string, string[]> };
  /** The bundles of the versions that are in this world; none: it has one version. */
  var simSides: string[];
  /** By the name of its file: what the bundles of all versions have in common (sim/world/shared.ts). */
  var simShared: Record<string, unknown>;
  /** Without `quicker` (sim/bundle.ts). */
  var simExact: boolean;
  var simText: (value: object) => string;
  var simValue: (text: string) => unknown;
  var simReadText: (path: string) => string | null;
  /** What the link leads to; null: no link. */
  var simReadLink: (path: string) => string | null;
  /** All that a directory holds, as one text; null: no directory. */
  var simTreeText: (path: string) => string | null;
  /** What `read` says of the disk of `base`: asked again only when that has changed. `what` is its name. */
  var simOfDisk: <T>(base: string, what: string, read: (base: string) => T) => T;
  var simWriteText: (fd: number, text: string) => void;
  var simStat: (pid: number) => { state: string; group: number; session: number; startTime: string } | null;
  var simFs: import('./fs-shim.ts').FsTarget;
}

export {};
