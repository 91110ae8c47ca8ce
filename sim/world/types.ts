/** The parts of the simulated cluster, as they see each other. */

import type { createControl } from '../../src/cluster/control/control.ts';
import type { ControlAction } from '../../src/cluster/control/control-api.ts';
import type { Journal } from '../../src/cluster/journal/journal.ts';
import type { LeadershipHandle } from '../../src/cluster/leadership/leadership.ts';
import type { UpdateOptions } from '../../src/cluster/update/options.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { RollingUpdater } from '../../src/cluster/updater.ts';
import type { LookWatch } from '../../src/daemon/look-watch.ts';
import type { checkDueInMs, runsOther } from '../../src/host/managers/supervisor/guard-watch.ts';
import type { NodeHealth, Task, TaskResult } from '../../src/ports/agent.ts';
import type { NodeRole } from '../../src/ports/membership.ts';
import type { Lease, Store } from '../../src/ports/store.ts';
import type { runGuard } from '../../src/trial/guard.ts';
import type { Trial } from '../../src/trial/trial-file.ts';
import type { Behaviour, Build } from './builds.ts';
import type { SimDisk } from './disk.ts';
import type { Group } from './group.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { Proc, Scheduler } from './scheduler.ts';
import type { SimStore } from './store.ts';
import type { Trace } from './trace.ts';

/** One version of src/, from the daemon inwards: whatever acts on a host acts through the side of the build that it is of. */
export interface Side {
  /** Version and abbreviated commit, or HEAD. */
  name: string;
  /** What its builds speak. */
  protocol: { min: number; max: number };
  /** Verbs that its command has, each with the flags that it takes. */
  verbs: Record<string, string[]>;
  defaultOptions: UpdateOptions;
  startDaemon(
    world: World,
    host: Host,
    start: { build: Build; told: string | null },
    onExit: (daemon: Daemon) => void,
  ): Daemon;
  stopGracefully(world: World, daemon: Daemon): void;
  reasonsOf(world: World, daemon: Daemon): string[];
  answerHealth(world: World, daemon: Daemon): NodeHealth;
  answerDrain(
    world: World,
    daemon: Daemon,
    draining: boolean,
    updateId: string,
    epoch: number,
  ): Promise<() => { runningTasks: number }>;
  answerTask(world: World, daemon: Daemon, task: Task, answer: (value: () => TaskResult) => void): void;
  runVerb(world: World, host: Host, run: VerbRun): Promise<object>;
  /** Which release's guard its supervisor asks; null: its own copy. */
  guardOf(host: Host): string | null;
  /** Its supervisor goes on with the code of what was committed. */
  takesOver: boolean;
  runGuard: typeof runGuard;
  checkDueInMs: typeof checkDueInMs;
  runsOther: typeof runsOther;
  noteCommitted(base: string, hash: string, at: string): void;
}

/** A verb that runs, or ran, as a process of its own. */
export interface VerbRun {
  verb: string;
  argv: string[];
  proc: Proc;
  updateId: string;
  epoch: number;
}

export interface Daemon {
  proc: Proc;
  host: Host;
  side: Side;
  incarnation: string;
  release: string;
  build: Build;
  startedAtMs: number;
  /** Its server answers. */
  listening: boolean;
  joined: boolean;
  stopping: boolean;
  draining: boolean;
  /** Why the build itself says that it is not well; '' when it does not. */
  ill: string;
  tasksUntilMs: number;
  seq: number;
  lastBeatMs: number | null;
  lease: (Lease & { lose(): void; renewedAtMs: number }) | null;
  leaseListeners: Set<() => void>;
  markerWritten: boolean;
  /** The truth about P4: since when healthy without a break; heartbeats in the store since it first was. */
  healthySinceMs: number | null;
  wasHealthy: boolean;
  illSinceMs: number;
  beatsHealthy: number;
  store: Store;
  journal: Journal;
  leadership: LeadershipHandle | null;
  updater: RollingUpdater | null;
  control: ReturnType<typeof createControl> | null;
  ending: AbortController;
  verbs: Set<VerbRun>;
  look: LookWatch;
  /** Of callers that wait for an answer: told when the process ends. */
  broken: Set<() => void>;
}

export interface Host {
  id: string;
  role: NodeRole;
  address: string;
  base: string;
  disk: SimDisk;
  up: boolean;
  bootId: string;
  bootedAtMs: number;
  /** The wall clock's error, ms. */
  wallOffsetMs: number;
  supervisor: Proc;
  /** The release whose code the supervisor runs. */
  code: string;
  /** Its last way back on probation: what from, and in a mixed world of which version the guard was. */
  fall: { release: string; by: Side | null } | null;
  /**
   * Of which version the last verb and the last guard on it were, and the verb that last asked for a restart of what was
   * installed and ran already; null: none, or the last restart was due.
   */
  acted: { verb: Side | null; guard: Side | null; needlessRestart: Side | null };
  /** The versions whose daemons have run on it. */
  ran: Set<string>;
  /** What was committed on it before the story begins; the last one is what it runs. */
  furnished: string[];
  /** The release whose daemon joined last. */
  ranLast: string;
  daemon: Daemon | null;
  /** Living and dead processes of this boot. */
  procs: Map<number, Proc>;
  order: 'restart' | null;
  /** The supervisor has heard of `order`: it need not wait for its next look. */
  wakeSupervisor(): void;
  backoffMs: number;
  otherSeen: number;
  /**
   * A fault: the next so many changes of the disk still work; then the process, or the host, ends. `namesOnly`: only
   * what makes the names of a directory durable counts, which is the worst moment of all.
   */
  /** Releases that a fault reached into, and when it last did, ms: what is wrong with them is no doing of the code. */
  rotten: Map<string, number>;
  /** Something rotted since this node last looked. */
  lookDue: boolean;
  /** A look has ended, and may have changed what its daemon thinks of itself. */
  onLooked: () => void;
  /** The release that its guard took in the place of a known-good one that was not whole; null: none. */
  fellTo: string | null;
  crashIn: { changes: number; power: boolean; namesOnly: boolean } | null;
}

export interface Violation {
  promise: string;
  text: string;
  atMs: number;
}

/** What checkers are told. All are optional; none may change anything. */
export interface Checker {
  diskChanged?(host: Host, change: string, path: string): void;
  daemonStarts?(daemon: Daemon): void;
  daemonHealthy?(daemon: Daemon): void;
  daemonEnded?(daemon: Daemon): void;
  /** A verb asked for a restart: the node is about to stop by our doing. */
  restartAsked?(host: Host, run: VerbRun): void;
  verbBegins?(host: Host, run: VerbRun): void;
  verbEnds?(host: Host, run: VerbRun, answer: { ok: boolean; code: string }): void;
  drained?(host: Host, epoch: number, updateId: string): void;
  /** dist leads to the release on trial now; `before` is where it led. */
  trialBegins?(host: Host, trial: Trial, before: string | null): void;
  committed?(host: Host, trial: Trial): void;
  /** It ended in another way than by a commit. */
  trialOver?(host: Host, trial: Trial): void;
  booted?(host: Host): void;
  storePut?(key: string, value: string, before: string | null): void;
  faultHit?(hostId: string): void;
  tick?(): void;
  atEnd?(): void;
}

export interface World {
  seed: number;
  trace: Trace;
  sched: Scheduler;
  random: Random;
  /** Of latencies and durations. */
  timing: Random;
  hosts: Host[];
  voters: string[];
  builds: Map<string, Build>;
  net: Network;
  group: Group;
  store: SimStore;
  heartbeatMs: number;
  leaseMs: number;
  /** The options that operators give. */
  asked: Partial<UpdateOptions>;
  options: UpdateOptions;
  checkers: Required<Checker>;
  violations: Violation[];
  /** A fault of ours that runs, or ran: own-faults.ts. */
  ownFault: '' | 'look' | 'record' | 'over';
  /** Records that could not be read, as they were when an operator removed them. */
  lostUpdates: { record: UpdateRecord; atMs: number }[];
  /** Every fault has ended by then. */
  faultsEndMs: number;
  violate(promise: string, text: string): void;
  /** Has an operator ask for it, if an update runs. */
  ask(action: ControlAction): void;
  /** Of which version a build is. */
  sideOf(hash: string): Side;
  /** A build that somebody brings in; default: of a version that the story has for it. */
  newBuild(behaviour: Behaviour, random: Random, side?: Side): Build;
  host(id: string): Host;
  newProc(host: Host, name: string): Proc;
  stats: { events: number; updates: number; outcomes: Record<string, number>; faults: number };
}
