/** What one supervisor knows and is asked for: plain data, and the orders that end a wait. */
import type { BaseLook } from '../../../base/base-look.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Logger } from '../../../ports/logger.ts';
import type { Daemon } from './child.ts';
import type { Complaints } from './complaints.ts';
import type { Predecessor } from './predecessor.ts';
import type { Presence } from './presence.ts';
import type { SupervisorStatus } from './socket.ts';

/** Times in ms. */
export interface SupervisorOptions {
  /** Pause before a start after an exit nobody asked for: doubles from the first to the second. Defaults 100 and 5,000. */
  backoffMinMs: number;
  backoffMaxMs: number;
  /** A daemon up for this long starts the doubling anew. Default 10,000. */
  backoffResetMs: number;
  /** From SIGTERM to SIGKILL of the group; the daemon has 10 s. Default 12,000. */
  stopTimeoutMs: number;
  /** The same for a build that was rolled back. Default 2,000. */
  rollbackGraceMs: number;
  /** How often the disk is looked at. Default 1,000. */
  pollMs: number;
  /** How long a guard may take. Default 5,000. */
  guardTimeoutMs: number;
  /** Size at which daemon.log is put aside. Default 10 MiB. */
  logMaxBytes: number;
  /** A base directory that is missing for so long is gone. Default 10,000. */
  goneAfterMs: number;
  /** A new release's supervisor must be ready within this, and have taken over within the second. Defaults 30,000 and 10,000. */
  readyMs: number;
  takeOverMs: number;
}

export const defaultOptions: SupervisorOptions = {
  backoffMinMs: 100,
  backoffMaxMs: 5000,
  backoffResetMs: 10_000,
  stopTimeoutMs: 12_000,
  rollbackGraceMs: 2000,
  pollMs: 1000,
  guardTimeoutMs: 5000,
  logMaxBytes: 10 * 1024 * 1024,
  goneAfterMs: 10_000,
  readyMs: 30_000,
  takeOverMs: 10_000,
};

export interface SupervisorDeps {
  /** Handed to the daemon as --config. */
  configFile: string;
  base: string;
  clock: Clock;
  logger: Logger;
  /** Aborted by SIGTERM or SIGINT: stop the daemon and return. */
  signal: AbortSignal;
  options?: Partial<SupervisorOptions>;
  /** Turns a plain dist/ into a release, before the first start. A failure is logged, and the node runs as it is. */
  convert?: (base: string) => Promise<unknown>;
  /** The directory that this supervisor's own code is in, as realpath(3) gives it. Below releases/ it follows the installed release; elsewhere never. */
  codeDir?: string;
  /** Verifies a release before its supervisor is started (P7). */
  verify?: (base: string, hash: string) => Promise<unknown>;
  /** The arguments for Node of the supervisor in this release's directory. */
  successorArgs?: (releaseDir: string) => string[];
  /** Given when a supervisor started this one to be taken over from. */
  predecessor?: Predecessor;
}

export interface Order {
  /** hand-over: the daemon runs on, and another supervisor has it. */
  kind: 'restart' | 'stop' | 'rolled-back' | 'hand-over';
  why: string;
}

/** Everything that one supervisor knows. */
export interface State extends SupervisorDeps {
  settings: SupervisorOptions;
  bootId: string;
  order: Order | null;
  /** Aborted, and replaced, when there is an order or something to look at. */
  wake: AbortController;
  daemon: Daemon | null;
  /** The last daemon that this very process started: of it, and of no other, it learns how it ended. */
  child: Daemon | null;
  phase: SupervisorStatus['state'];
  starts: number;
  backoffMs: number;
  lastGuard: string;
  /** buildHash of the release that our own code is from; null: from elsewhere. */
  ownRelease: string | null;
  baseLook: BaseLook;
  /** Why the base is gone for good; '' while it is not. */
  gone: string;
  complaints: Complaints;
  presence: Presence;
  /** Settled when a hand-over that is under way has ended: is another supervisor in charge now? */
  handing: Promise<boolean> | null;
  /** Is there a successor to be started, or to be handed over to? Asked at every turn while a daemon runs. */
  lookForSuccessor(): void;
}

/** Says to whoever handed over to us that we live; the next such word comes within so many ms. */
export function beat(state: State, withinMs: number): void {
  state.predecessor?.send({
    t: 'beat',
    withinMs: withinMs + 10_000,
    daemon: noteOf(state.daemon),
    starts: state.starts,
  });
}

export function noteOf(daemon: Daemon | null) {
  if (daemon === null) return null;
  const { identity, release, run, startedAtMs } = daemon;
  return { ...identity, release, run, startedAtMs };
}

/** `order` changes while a run waits, which a direct comparison would be taken to rule out. */
export function orderOf(state: State): Order | null {
  return state.order;
}

export function stopping(state: State): boolean {
  return state.order?.kind === 'stop';
}

/** The newest order counts, but for a stop: nothing takes that back. */
export function give(state: State, order: Order): void {
  if (!stopping(state)) state.order = order;
  wakeUp(state);
}

export function wakeUp(state: State): void {
  const { wake } = state;
  state.wake = new AbortController();
  wake.abort();
}
