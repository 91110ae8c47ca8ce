/** What the bundle puts in the place of Node's own (sim/bundle.ts): the simulated process and its host. */
declare global {
  var simPid: number;
  var simHrtime: () => bigint;
  var simKill: (pid: number, signal: number) => true;
  var simWait: () => 'timed-out';
  var simAbortController: unknown;
  var simAbortSignal: unknown;
  var simExists: (path: string) => boolean;
  var simFs: import('./fs-shim.ts').FsTarget;
}

export {};
