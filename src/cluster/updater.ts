/**
 * RollingUpdater: walks one release through the cluster, one node at a time, and has a node go back that does not
 * prove itself. The story in one line: observe, plan, record, act, again and again.
 *
 * Where the rest is:
 *   drive.ts             the loop itself, and the end of an update that is our own fault
 *   observe.ts           everything that may influence a decision, as one plain value; look-afresh.ts, lag.ts: its eyes
 *   update/plan.ts       observation + record -> the next step (pure); plan-next, plan-active, plan-back are its turns
 *   update/record.ts     the record; record-step.ts: what a step makes of it (pure); states.ts: the legal moves
 *   update/preflight.ts  phase 0: plan and refusals (pure); refuse-cluster, refuse-node, lint, needs are its rules
 *   act.ts               one step: record the intent, do it, record what came of it
 *   execute.ts           the table from kind of step to what is done on the nodes; run-verb.ts runs a verb there
 *   journal/             the record in etcd: compare-and-swap on its revision and on the epoch; builds that must not run again
 *   looks.ts             every node has looked at its known-good release before an update begins
 *   until-stable.ts      waiting for one node; why-not.ts: what a leader that cannot go on says, once
 *   aftercare/           a node that nobody put back into service, that missed an update, or whose release rots
 *   control/             what CLI and MCP can ask, answered on any node
 *   leadership/          who leads; raft.ts: where the Raft leader is
 *   newer-record.ts      what a newer build wrote is not acted on (P11)
 *   by-hand.ts           what an operator does beside updates; quorum-check.ts: the last question on the node itself;
 *                        own-upkeep.ts: what a node puts right about itself
 */
import { asClusterError, ClusterError } from '../errors.ts';
import type { ClientPool } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { LocalReleases } from '../ports/local-releases.ts';
import type { Logger } from '../ports/logger.ts';
import type { Membership, NodeInfo } from '../ports/membership.ts';
import type { Raft } from '../ports/raft.ts';
import { backOffMs } from './act.ts';
import { createLeftDrainedWatch } from './aftercare/left-drained.ts';
import { createStragglerWatch, type StragglerWatch } from './aftercare/stragglers.ts';
import { describeByHand, wayOutOf } from './by-hand.ts';
import { Drive } from './drive.ts';
import type { Journal } from './journal/journal.ts';
import { lookedObservation } from './looks.ts';
import { untilStable } from './until-stable.ts';
import { newRecord } from './update/new-record.ts';
import { defaultOptions } from './update/options.ts';
import { preflight, refusedBy } from './update/preflight.ts';
import { currentTask, type NodeTask, type UpdateRecord } from './update/record.ts';
import type { UpdateRequest, UpdateResult } from './update/request.ts';
import { inFlightPhases } from './update/states.ts';
import type { UpdatePlan } from './update/update-plan.ts';
import { createWhyNot, type WhyNot } from './why-not.ts';

/** Between two looks for something to do, ms; a wish of an operator wakes it at once. */
const idleMs = 1_000;

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
  private readonly drive: Drive;
  private readonly stragglers: StragglerWatch;
  private readonly leftDrained: ReturnType<typeof createLeftDrainedWatch>;
  private readonly whyNot: WhyNot;

  constructor(deps: RollingUpdaterDeps) {
    this.deps = deps;
    this.drive = new Drive(deps);
    this.whyNot = createWhyNot(deps.logger);
    this.leftDrained = createLeftDrainedWatch(deps);
    this.stragglers = createStragglerWatch({ ...deps, start: (request) => this.start(request) });
  }

  /**
   * Phases 0 to 4. Returns when the update ended, or when the leadership was handed over: the record, which the next
   * leader goes on from, then has no outcome yet.
   * @throws ClusterError 'refused', 'update-running', 'stale-epoch', 'unavailable', 'operator-needed'
   */
  async execute(request: UpdateRequest = {}): Promise<UpdateResult> {
    if (request.dryRun === true) return { plan: await this.preflight(request), record: null };
    const started = await this.start(request);
    return { plan: started.plan, record: await this.onwards(started.record.id, () => false) };
  }

  /** Phase 0: what the update would do, and every reason why it may not begin. No effect. */
  async preflight(request: UpdateRequest = {}): Promise<UpdatePlan> {
    const [{ observation, notLooked }, release, running, leadership, held] = await Promise.all([
      lookedObservation(this.drive, this.deps.clientPool),
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
    if (leader !== selfNodeId) throw leadsNoMore(selfNodeId, leader);
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

  /**
   * Phases 1 to 3 for one node of the running update: returns when its part ended. null: no update runs.
   * @throws ClusterError 'not-found': the update is not about that node
   */
  async upgradeFollower({ nodeId }: Pick<NodeInfo, 'nodeId'>): Promise<UpdateRecord | null> {
    const running = await this.deps.journal.current();
    if (running !== null) partOf(running, nodeId);
    return this.drive.until((record) => {
      // Another update that began meanwhile may leave the node out: what throws here would count as a fault of the update.
      const phase = record.tasks.findLast((task) => task.nodeId === nodeId)?.phase;
      if (phase === undefined) return true;
      return phase !== 'pending' && phase !== 'staged' && !inFlightPhases.includes(phase);
    });
  }

  /** Phase 4: goes on until the leadership was handed over (the next leader updates this node) or the update ended. */
  async upgradeLeader(): Promise<UpdateRecord | null> {
    return this.drive.until(() => false);
  }

  /**
   * Has a node in flight go back to its known-good release, and stops the update there; returns when it is back.
   * @throws ClusterError 'not-found': the update is not about that node
   */
  async rollbackNode(node: Pick<NodeInfo, 'nodeId'>): Promise<UpdateRecord | null> {
    const { journal } = this.deps;
    const record = await journal.current();
    if (record === null || !inFlightPhases.includes(partOf(record, node.nodeId).phase)) return record;
    await journal.request(record.id, (now) => ({
      record: { ...now, requested: 'abort' },
      events: [],
      quarantine: null,
    }));
    this.wake();
    return this.onwards(record.id, (now) => !inFlightPhases.includes(currentTask(now, node.nodeId).phase));
  }

  /** Waits until a node is stable (P4) as it runs now; throws 'refused' with what was missing at the end. */
  waitForStabilization(node: Pick<NodeInfo, 'nodeId'>, timeoutMs: number): Promise<void> {
    return untilStable(this.drive, this.deps.clock, node.nodeId, timeoutMs);
  }

  /** For the daemon: as long as this node leads, whatever update there is goes on, also one that another leader began. */
  async lead(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.wake(), { once: true });
    while (!signal.aborted) {
      try {
        const leads = (): boolean => this.deps.raft.isLeader() && !signal.aborted;
        if (leads()) await this.drive.until(() => signal.aborted);
        if (leads()) await this.leftDrained.look();
        if (leads()) await this.stragglers.look();
        this.whyNot.goesOn();
      } catch (thrown) {
        this.whyNot.tell(asClusterError(thrown));
        await this.deps.clock.sleep(backOffMs, signal);
      }
      if (!signal.aborted) await this.drive.sleep(idleMs);
    }
  }

  /** Something was asked for: look now. */
  wake(): void {
    this.drive.wake();
  }

  /** The update of this id, driven until `done`: its record, also when another loop of ours ended it meanwhile. */
  private async onwards(id: string, done: (record: UpdateRecord) => boolean): Promise<UpdateRecord | null> {
    const record = await this.drive.until((now) => now.id !== id || done(now));
    return record?.id === id ? record : this.deps.journal.get(id);
  }
}

/** The node's part in the update, named by whoever calls. @throws ClusterError 'not-found' */
function partOf(record: UpdateRecord, nodeId: string): NodeTask {
  if (record.tasks.some((task) => task.nodeId === nodeId)) return currentTask(record, nodeId);
  throw new ClusterError('not-found', `update ${record.id} is not about ${nodeId}`, {
    nodeId,
    seen: record.tasks.map((task) => task.nodeId).join(', '),
    wanted: 'a node of this update',
    next: `\`claudecluster updates show ${record.id}\``,
  });
}

function leadsNoMore(selfNodeId: string, leader: string | null): ClusterError {
  return new ClusterError('not-leader', `${selfNodeId} does not lead any more`, {
    nodeId: selfNodeId,
    seen: leader === null ? 'no leader' : `${leader} leads`,
    wanted: `${selfNodeId} to lead`,
    next: leader === null ? 'try again in a few seconds' : `ask ${leader}`,
  });
}
