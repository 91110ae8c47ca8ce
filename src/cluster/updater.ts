/**
 * RollingUpdater: walks one release through the cluster, one node at a time, and has a node go back that does not
 * prove itself. The story in one line: observe, plan, record, act, again and again.
 *
 * Where the rest is:
 *   observe.ts           everything that may influence a decision, as one plain value
 *   update/plan.ts       observation + record -> the next step (pure)
 *   update/record.ts     what the record becomes before and after a step (pure); states.ts has the legal moves
 *   update/preflight.ts  phase 0: plan and refusals (pure); lint.ts, quorum.ts, stability.ts are its rules
 *   journal.ts           the record in etcd: compare-and-swap on its revision and on the epoch
 *   left-drained.ts      a node that nobody put back into service is put back
 *   looks.ts             every node has looked at its known-good release before an update begins
 *   damaged.ts           a release that rots on a node is staged again
 *   stragglers.ts        a node that missed an update gets one of its own
 *   execute.ts           the table from kind of step to what is done on the nodes
 */
import { asClusterError, ClusterError } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { LocalReleases } from '../ports/local-releases.ts';
import type { Logger } from '../ports/logger.ts';
import type { Membership, NodeInfo } from '../ports/membership.ts';
import type { Raft } from '../ports/raft.ts';
import { describeByHand, wayOutOf } from './by-hand.ts';
import { execute } from './execute.ts';
import type { Journal } from './journal.ts';
import { createLeftDrainedWatch } from './left-drained.ts';
import { freshLooks } from './looks.ts';
import { refuseNewerRecord } from './newer-record.ts';
import { createObserver, type Observer } from './observe.ts';
import { createStragglerWatch, type StragglerWatch } from './stragglers.ts';
import { describeStep, nodeOf } from './update/describe.ts';
import { newRecord } from './update/new-record.ts';
import { noteLeader, noteRaftLeader, noteWaiting } from './update/notes.ts';
import { defaultOptions } from './update/options.ts';
import { plan } from './update/plan.ts';
import { preflight, refusedBy } from './update/preflight.ts';
import { currentTask, isEnded, recordIntent, recordOutcome } from './update/record.ts';
import { judgeStability } from './update/stability.ts';
import { inFlightPhases } from './update/states.ts';
import type { Observation, Step, UpdatePlan, UpdateRecord, UpdateRequest, UpdateResult } from './update/types.ts';
import { noteAwait, noteStep, waitsAt } from './update/waits.ts';

/** Polling starts fast and slows down while nothing changes, ms. */
const pollFirstMs = 50;
const pollMostMs = 500;
/** Between two looks for something to do, ms; a wish of an operator wakes it at once. */
const idleMs = 1_000;
/** After the store or a peer did not answer, ms. */
const backOffMs = 300;

export interface RollingUpdaterDeps {
  membership: Membership;
  raft: Raft;
  clientPool: ClientPool;
  logger: Logger;
  selfNodeId: string;
  journal: Journal;
  releases: LocalReleases;
  clock: Clock;
  service: string;
  /** The cluster's membership heartbeat, ms. */
  heartbeatMs: number;
  /** What happens to a node that comes back on a release that the cluster has left: brought up, or left alone. */
  stragglers: 'update' | 'leave';
}

export class RollingUpdater {
  private readonly deps: RollingUpdaterDeps;
  private readonly observer: Observer;
  private readonly stragglers: StragglerWatch;
  private readonly leftDrained: ReturnType<typeof createLeftDrainedWatch>;
  /** When each await began, and each step was first and last done, by this leader's monotonic clock. */
  private readonly since = new Map<string, number>();
  /** The update, and our leadership, that these times are about. */
  private sinceOf = '';
  private wakeUp = new AbortController();

  constructor(deps: RollingUpdaterDeps) {
    this.deps = deps;
    this.observer = createObserver(deps);
    this.leftDrained = createLeftDrainedWatch(deps);
    this.stragglers = createStragglerWatch({ ...deps, start: (request) => this.start(request) });
  }

  /**
   * Phases 0 to 4. Returns when the update ended, or when the leadership was handed over: the record, which the next
   * leader goes on from, then has no outcome yet.
   * @throws ClusterError 'refused', 'update-running', 'stale-epoch', 'unavailable'
   */
  async execute(request: UpdateRequest = {}): Promise<UpdateResult> {
    if (request.dryRun === true) return { plan: await this.preflight(request), record: null };
    const started = await this.start(request);
    const record = await this.drive(() => false);
    return { plan: started.plan, record: record ?? started.record };
  }

  /** Phase 0: what the update would do, and every reason why it may not begin. No effect. */
  async preflight(request: UpdateRequest = {}): Promise<UpdatePlan> {
    const [{ observation, notLooked }, release, running, leadership, held] = await Promise.all([
      this.lookedObservation(),
      this.deps.releases.inspect(request.buildHash),
      this.deps.journal.current(),
      this.deps.raft.leadership(),
      this.deps.journal.byHand(),
    ]);
    const quarantine = 'invalid' in release ? null : await this.deps.journal.quarantine(release.version.buildHash);
    return preflight({
      observation,
      notLooked,
      options: { ...defaultOptions, ...request.options },
      release,
      running,
      quarantine,
      byHand: held === null ? null : { nodeId: held.nodeId, seen: describeByHand(held), next: wayOutOf(held) },
      leader: leadership.leader,
      planHash: request.planHash ?? null,
    });
  }

  /** Writes the record of a new update; `lead` goes on with it. @throws ClusterError 'refused', 'update-running' */
  async start(request: UpdateRequest): Promise<{ plan: UpdatePlan; record: UpdateRecord }> {
    const { clock, journal, raft, selfNodeId } = this.deps;
    const made = await this.preflight(request);
    if (made.refusals.length > 0) throw refusedBy(made);
    const { epoch, leader } = await raft.leadership();
    // Lost since preflight: an update must not begin in another leader's name (P6).
    if (leader !== selfNodeId) {
      throw new ClusterError('not-leader', `${selfNodeId} does not lead any more`, {
        nodeId: selfNodeId,
        seen: leader === null ? 'no leader' : `${leader} leads`,
        wanted: `${selfNodeId} to lead`,
        next: leader === null ? 'try again in a few seconds' : `ask ${leader}`,
      });
    }
    const record = newRecord(
      made,
      { ...defaultOptions, ...request.options },
      {
        service: this.deps.service,
        startedAt: clock.wallIso(),
        suffix: clock.randomId(3),
        by: request.by ?? 'unknown',
        kind: request.kind ?? 'update',
        leader: selfNodeId,
        epoch,
      },
    );
    const nodes = made.order.filter((one) => !one.skip).map((one) => one.nodeId);
    const text = `update to ${made.target.version} ${made.target.buildHash.slice(0, 12)}: ${nodes.join(', ')}`;
    const created = await journal.create(record, text);
    this.deps.logger.info({ updateId: created.id, epoch, by: record.startedBy }, text);
    this.wake();
    return { plan: made, record: created };
  }

  /** Phases 1 to 3 for one node of the running update: returns when its part ended. */
  async upgradeFollower(node: Pick<NodeInfo, 'nodeId'>): Promise<UpdateRecord | null> {
    return this.drive((record) => {
      const { phase } = currentTask(record, node.nodeId);
      return phase !== 'pending' && phase !== 'staged' && !inFlightPhases.includes(phase);
    });
  }

  /** Phase 4: goes on until the leadership was handed over (the next leader updates this node) or the update ended. */
  async upgradeLeader(): Promise<UpdateRecord | null> {
    return this.drive(() => false);
  }

  /** Has a node in flight go back to its known-good release, and stops the update there. */
  async rollbackNode(node: Pick<NodeInfo, 'nodeId'>): Promise<UpdateRecord | null> {
    const record = await this.deps.journal.current();
    if (record === null || !inFlightPhases.includes(currentTask(record, node.nodeId).phase)) return record;
    await this.deps.journal.request(record.id, (now) => ({
      record: { ...now, requested: 'abort' },
      events: [],
      quarantine: null,
    }));
    return this.upgradeFollower(node);
  }

  /** Waits until a node is stable (P4) as it runs now; throws 'refused' with what was missing at the end. */
  async waitForStabilization(node: Pick<NodeInfo, 'nodeId'>, timeoutMs: number): Promise<void> {
    const { clock } = this.deps;
    const startMs = clock.nowMs();
    let incarnation = '';
    for (;;) {
      const observation = await this.freshObservation();
      const seen = observation.nodes.find((one) => one.nodeId === node.nodeId);
      if (seen === undefined)
        throw new ClusterError('not-found', `${node.nodeId} is no member`, { nodeId: node.nodeId });
      incarnation ||= seen.health?.incarnation ?? '';
      const peer = observation.peers.find((one) => one.nodeId === node.nodeId);
      const runs = seen.health?.release.buildHash ?? '';
      const verdict = judgeStability(seen, peer, incarnation, runs, defaultOptions);
      if (verdict.stable) return;
      if (clock.nowMs() - startMs >= timeoutMs) {
        throw new ClusterError('refused', `${node.nodeId} is not stable after ${timeoutMs} ms`, {
          nodeId: node.nodeId,
          seen: verdict.seen,
          wanted: 'a stable node',
          next: `see the log of ${node.nodeId}`,
        });
      }
      await clock.sleep(pollMostMs);
    }
  }

  /** For the daemon: as long as this node leads, whatever update there is goes on, also one that another leader began. */
  async lead(signal: AbortSignal): Promise<void> {
    const { clock, logger, raft } = this.deps;
    signal.addEventListener('abort', () => this.wake(), { once: true });
    while (!signal.aborted) {
      try {
        if (raft.isLeader()) await this.drive(() => signal.aborted);
        if (raft.isLeader() && !signal.aborted) await this.leftDrained.look();
        if (raft.isLeader() && !signal.aborted) await this.stragglers.look();
      } catch (thrown) {
        const error = asClusterError(thrown);
        if (error.code === 'stale-epoch') {
          logger.info({ err: error.toJSON() }, 'another leader acts: this one stops its part'); // P6
        } else {
          logger.warn({ err: error.toJSON() }, 'the update waits: the store or a peer did not answer');
        }
        await clock.sleep(backOffMs, signal);
      }
      if (!signal.aborted) await this.sleep(idleMs);
    }
  }

  /** Something was asked for: look now. */
  wake(): void {
    this.wakeUp.abort();
    this.wakeUp = new AbortController();
  }

  // ----------------------------------------------------------------------------------- observe, plan, record, act

  /** Goes on until `done`, the end of the update, or the end of our leadership. null: there is no update. */
  private async drive(done: (record: UpdateRecord) => boolean): Promise<UpdateRecord | null> {
    const { journal, raft } = this.deps;
    let record = await journal.current();
    if (record === null) return null;
    const { epoch, leader } = await raft.leadership();
    if (leader !== this.deps.selfNodeId) return record;
    refuseNewerRecord(record, this.deps.selfNodeId); // P11: before anything is decided by it
    // Times from an earlier leadership of ours would end this update's waits before they began.
    if (this.sinceOf !== `${record.id} ${epoch}`) this.since.clear();
    this.sinceOf = `${record.id} ${epoch}`;
    if (record.epoch !== epoch) record = await this.adopt(record, epoch);
    let pollMs = pollFirstMs;
    while (!isEnded(record) && !done(record) && raft.isLeader()) {
      const observation = await this.freshObservation();
      if (observation.epoch !== epoch) break;
      record = await this.seeRaftLeader(record, observation);
      const step = plan(observation, record);
      if (step.kind === 'await') {
        const changed = await this.wait(record, step, epoch);
        pollMs = changed ? pollFirstMs : Math.min(pollMostMs, Math.ceil(pollMs * 1.3));
        await this.sleep(pollMs);
        record = await this.reread(record);
        continue;
      }
      record = await this.act(record, step, observation, epoch);
      pollMs = pollFirstMs;
    }
    return record;
  }

  /** Records the intent, does the step, records what came of it (P5). */
  private async act(before: UpdateRecord, step: Step, observation: Observation, epoch: number): Promise<UpdateRecord> {
    const { journal, logger, clock } = this.deps;
    const { id } = before;
    const nodeId = nodeOf(step);
    const intended = await journal.change(id, epoch, (now) => recordIntent(now, step, observation));
    logger.info({ updateId: id, epoch, nodeId, step: step.kind }, describeStep(step));
    const outcome = await execute(step, intended, this.deps);
    const durations = this.partDurations(step, nodeId);
    noteStep(this.since, step, outcome, clock.nowMs());
    if (step.kind === 'handOver' && outcome.kind === 'ok') return intended; // The next leader writes from here on.
    const after = await journal.change(id, epoch, (now) => recordOutcome(now, step, outcome, durations));
    if (outcome.kind === 'retry') {
      logger.warn(
        { updateId: id, epoch, nodeId, step: step.kind, seen: outcome.seen },
        'no answer to a step: looking again',
      );
      await this.sleep(backOffMs);
    }
    if (isEnded(after)) this.since.clear();
    return after;
  }

  private partDurations(step: Step, nodeId: string | null): Record<string, number> {
    const parts: Partial<Record<Step['kind'], string>> = { trial: 'health', commit: 'stable', rolledBack: 'rollback' };
    const part = parts[step.kind];
    if (part === undefined) return {};
    const begun = this.since.get(`${part}:${nodeId}`);
    const name = part === 'stable' ? 'stability' : part;
    return begun === undefined ? {} : { [name]: this.deps.clock.nowMs() - begun };
  }

  /** Notes what is waited for, where an operator sees it; true when that is something new. */
  private async wait(record: UpdateRecord, step: Extract<Step, { kind: 'await' }>, epoch: number): Promise<boolean> {
    noteAwait(this.since, step.key, this.deps.clock.nowMs());
    const { waiting } = step;
    const old = record.waiting;
    if (old !== null && old.what === waiting.what && old.seen === waiting.seen) return false;
    await this.deps.journal.change(record.id, epoch, (now) => noteWaiting(now, waiting));
    return true;
  }

  /** A record that another leader left: from here on it is ours. */
  private async adopt(record: UpdateRecord, epoch: number): Promise<UpdateRecord> {
    const { journal, selfNodeId, logger } = this.deps;
    logger.info({ updateId: record.id, epoch, before: record.leader }, 'going on with the update of another leader');
    return journal.change(record.id, epoch, (now) => noteLeader(now, selfNodeId, epoch));
  }

  private async seeRaftLeader(record: UpdateRecord, { raftLeader, epoch }: Observation): Promise<UpdateRecord> {
    if (raftLeader === null || raftLeader === record.raftLeader) return record;
    return this.deps.journal.change(record.id, epoch, (now) => noteRaftLeader(now, raftLeader));
  }

  private async reread(record: UpdateRecord): Promise<UpdateRecord> {
    return (await this.deps.journal.current()) ?? (await this.deps.journal.get(record.id)) ?? record;
  }

  /** One in which every node has looked at the release that it would go back to (P7). */
  private async lookedObservation(): Promise<{ observation: Observation; notLooked: Record<string, string> }> {
    const observation = await this.freshObservation();
    const { asked, failed: notLooked } = await freshLooks(observation.nodes, this.deps.clientPool);
    return { observation: asked === 0 ? observation : await this.freshObservation(), notLooked };
  }

  private freshObservation(): Promise<Observation> {
    return this.observer.observe(waitsAt(this.since, this.deps.clock.nowMs()));
  }

  private sleep(ms: number): Promise<void> {
    return this.deps.clock.sleep(ms, this.wakeUp.signal);
  }
}
