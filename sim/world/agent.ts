/** A node's agent: answers to health checks and drains, and the node verbs as processes of their own. */

import { presentEpoch } from '../../src/cluster/present-epoch.ts';
import { unhealthyReasons } from '../../src/daemon/self-health.ts';
import { asClusterError, ClusterError } from '../../src/errors.ts';
import { admitEpoch, readEpoch } from '../../src/host/epoch.ts';
import { activate, commit, rollback, type VerbDeps } from '../../src/host/verbs.ts';
import type { NodeHealth, Task, TaskResult } from '../../src/ports/agent.ts';
import { readInstalled, readLastRollback, readTrialView } from '../../src/trial/trial-view.ts';
import { lookOn, verifyOn } from './look.ts';
import { ownError } from './own-error.ts';
import { clockOf, quorumCheckOf } from './ports.ts';
import { completeNames, linkedBy, prune, stageVerb } from './releases.ts';
import { endProc } from './scheduler.ts';
import type { Daemon, Host, VerbRun, World } from './types.ts';

export function reasonsOf(world: World, daemon: Daemon): string[] {
  const { group } = world;
  const { host } = daemon;
  const serves = host.role === 'worker' || group.serves(host.id);
  const reasons = unhealthyReasons({
    notReady: daemon.stopping ? `${host.id} is stopping` : daemon.joined ? '' : 'has not joined yet',
    member: serves ? null : ({ phase: 'starting', reason: 'its etcd has no leader' } as never),
    heartbeatMsAgo: daemon.lastBeatMs === null ? null : world.sched.now() - daemon.lastBeatMs,
    heartbeatMs: world.heartbeatMs,
    damaged: daemon.look.damaged(),
  });
  if (daemon.ill !== '') reasons.push(daemon.ill);
  return reasons;
}

export function answerHealth(world: World, daemon: Daemon): NodeHealth {
  const { host } = daemon;
  const reasons = reasonsOf(world, daemon);
  const { buildHash, version, gitCommit } = daemon.build.version;
  const { problem, ...disk } = readDisk(world, daemon);
  if (problem !== '') reasons.push(problem);
  return {
    nodeId: host.id,
    service: 'claudecluster',
    incarnation: daemon.incarnation,
    healthy: reasons.length === 0,
    reasons,
    release: { buildHash, version, gitCommit },
    ...disk,
    ...daemon.look.looked(),
    appliedIndex: host.role === 'voter' ? world.group.index() - world.group.lag(host.id) : null,
    draining: daemon.draining || daemon.stopping,
    runningTasks: daemon.tasksUntilMs > world.sched.now() ? 1 : 0,
    diskFreeBytes: host.disk.full ? 0 : 1e9,
    heartbeatMs: world.heartbeatMs,
  };
}

type DiskFacts = Pick<NodeHealth, 'installed' | 'trial' | 'lastRollback' | 'staged' | 'epoch'> & { problem: string };
const factsOf = new WeakMap<Host, { version: number; atMs: number; facts: DiskFacts }>();

/** Read anew only when the disk changed; a trial's time runs all the same. */
function readDisk(world: World, daemon: Daemon): DiskFacts {
  const { host, proc } = daemon;
  const known = factsOf.get(host);
  if (known !== undefined && known.version === host.disk.version) {
    const { trial } = known.facts;
    if (trial === null) return known.facts;
    const sinceMs = world.sched.now() - known.atMs;
    const left = (ms: number): number => Math.max(0, ms - sinceMs);
    const healthyInMs = trial.healthyInMs === null ? null : left(trial.healthyInMs);
    return { ...known.facts, trial: { ...trial, healthyInMs, commitInMs: left(trial.commitInMs) } };
  }
  let problem = '';
  /** As src/daemon/self-health.ts: what cannot be read is a reason to be unhealthy. */
  const epochNow = (): number => {
    try {
      return readEpoch(host.base);
    } catch (thrown) {
      problem = `epoch: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      return 0;
    }
  };
  const facts: DiskFacts = {
    installed: readInstalled(host.base) ?? '',
    trial: readTrialView(host.base, clockOf(world, host, proc)),
    lastRollback: readLastRollback(host.base),
    staged: completeNames(host),
    epoch: epochNow(),
    problem: '',
  };
  facts.problem = problem;
  factsOf.set(host, { version: host.disk.version, atMs: world.sched.now(), facts });
  return facts;
}

/** As src/daemon/own-part.ts does: the store is asked when the epoch is another one than is kept. */
export async function answerDrain(
  world: World,
  daemon: Daemon,
  draining: boolean,
  updateId: string,
  epoch: number,
): Promise<() => { runningTasks: number }> {
  const { host } = daemon;
  try {
    const storeEpoch = (): Promise<number> => presentEpoch(daemon.store);
    await admitEpoch({ base: host.base, nodeId: host.id, storeEpoch }, epoch);
  } catch (thrown) {
    const error = asClusterError(thrown);
    return () => {
      throw error;
    };
  }
  daemon.draining = draining;
  world.trace.line(`${host.id}: ${draining ? 'drains' : 'no longer drains'}, epoch ${epoch}`);
  world.checkers.drained(host, epoch, updateId);
  const runningTasks = daemon.tasksUntilMs > world.sched.now() ? 1 : 0;
  return () => ({ runningTasks });
}

/** Starts the verb; what it says goes back unless the daemon ended meanwhile. */
export function answerTask(world: World, daemon: Daemon, task: Task, answer: (value: () => TaskResult) => void): void {
  const { host } = daemon;
  const proc = world.newProc(host, `${host.id}/verb`);
  const run: VerbRun = {
    verb: task.argv[2] ?? '',
    argv: task.argv,
    proc,
    updateId: option(task.argv, '--update'),
    epoch: Number(option(task.argv, '--epoch')),
  };
  daemon.verbs.add(run);
  host.acted.verb = daemon.side;
  proc.onEnd = () => {
    daemon.verbs.delete(run);
    if (daemon.proc.dead) return;
    const killed = { exitCode: null, signal: 'SIGKILL', timedOut: false, stdout: '', stderr: '' };
    world.sched.after(daemon.proc, 1, () => answer(() => killed));
  };
  const say = (exitCode: number, value: object): void => {
    proc.onEnd = null;
    daemon.verbs.delete(run);
    endProc(proc);
    const result = { exitCode, signal: null, timedOut: false, stdout: `${JSON.stringify(value)}\n`, stderr: '' };
    if (!daemon.proc.dead) world.sched.after(daemon.proc, 1, () => answer(() => result));
  };
  world.sched.after(proc, world.timing.int(5, 40), () => {
    const unknown = unknownWord(task.argv, daemon.side.verbs);
    if (unknown !== null) {
      world.trace.line(`${host.id}: verb ${run.verb} refused: ${unknown}`);
      say(2, { ok: false, error: new ClusterError('usage', unknown).toJSON() });
      return;
    }
    world.trace.line(`${host.id}: verb ${task.argv.slice(2, 4).join(' ').slice(0, 24)} epoch ${run.epoch}`);
    world.checkers.verbBegins(host, run);
    runVerb(world, host, run).then(
      (value) => {
        if (proc.dead) return;
        world.checkers.verbEnds(host, run, { ok: true, code: '' });
        say(0, value);
      },
      (thrown: unknown) => {
        if (proc.dead) return;
        const error = asClusterError(thrown);
        world.trace.line(`${host.id}: verb ${run.verb} refused: ${error.code} ${error.message}`);
        world.checkers.verbEnds(host, run, { ok: false, code: error.code });
        say(3, { ok: false, error: error.toJSON() });
      },
    );
  });
}

/** What the command of this version does not take; a world of one version has nothing to ask. */
function unknownWord(argv: string[], verbs: Daemon['side']['verbs']): string | null {
  if (!globalThis.simMixed) return null;
  const [, , verb = ''] = argv;
  const flags = verbs[verb];
  if (flags === undefined) return `unknown command '${verb}'`;
  const unknown = argv.find((word) => word.startsWith('--') && !flags.includes(word));
  return unknown === undefined ? null : `unknown option '${unknown}'`;
}

function option(argv: string[], name: string): string {
  const at = argv.indexOf(name);
  return at < 0 ? '' : (argv[at + 1] ?? '');
}

const ms = (text: string): number => Number(text.replace('ms', ''));

export async function runVerb(world: World, host: Host, run: VerbRun): Promise<object> {
  const { argv, updateId, epoch } = run;
  run.proc.errorOf = ownError;
  const deps = verbDeps(world, host, run);
  switch (run.verb) {
    case 'activate': {
      const limits = {
        trialMs: ms(option(argv, '--trial')),
        healthTimeoutMs: ms(option(argv, '--health-timeout')),
        bootsMax: Number(option(argv, '--boots')),
      };
      return activate(deps, { release: argv[3] ?? '', updateId, epoch, ...limits });
    }
    case 'commit':
      return commit(deps, { updateId, epoch, incarnation: option(argv, '--incarnation') });
    case 'rollback': {
      const back = await rollback(deps, { updateId, epoch, why: option(argv, '--why') });
      if (back.what.includes('takes its place')) host.fellTo = back.installed;
      return back;
    }
    case 'verify': {
      const looked = await lookOn(world, host, run.proc);
      if (looked.error !== undefined) throw looked.error;
      return looked;
    }
    case 'stage':
      return stageVerb(world, host, run.proc, argv[3] ?? '', option(argv, '--from'));
    default:
      throw new ClusterError('usage', `no verb ${run.verb}`);
  }
}

function verbDeps(world: World, host: Host, run: VerbRun): VerbDeps {
  const { proc } = run;
  const { sched, timing } = world;
  const store = world.store.port(proc, false);
  return {
    base: host.base,
    nodeId: host.id,
    service: 'claudecluster',
    clock: clockOf(world, host, proc),
    serviceManager: {
      kind: 'supervisor',
      armTrial: () => sched.later(proc, timing.int(1, 5), () => undefined),
      disarmTrial: () => sched.later(proc, timing.int(1, 5), () => undefined),
      requestRestart: () => {
        const taken = sched.later(proc, timing.int(1, 8), () => undefined);
        sched.after(host.supervisor, timing.int(1, 8), () => {
          const runs = host.daemon?.release ?? null;
          host.acted.needlessRestart = runs !== null && runs === linkedBy(host, 'dist') ? host.acted.verb : null;
          world.checkers.restartAsked(host, run);
          host.order = 'restart';
          host.wakeSupervisor();
        });
        return taken;
      },
    },
    quorumCheck: quorumCheckOf(world, host, proc, store),
    verifyRelease: (_base, hash) => verifyOn(world, host, proc, hash),
    storeEpoch: () => presentEpoch(store),
    prune: async () => prune(host),
  };
}
