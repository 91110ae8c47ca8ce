/** What a node thinks of itself: the reasons why it is not healthy, and the whole answer to a health check. */
import type { NodeHealth } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { ReleaseRef } from '../ports/releases.ts';
import type { Room } from '../release/room.ts';
import { readProbationView } from '../trial/probation-view.ts';
import { readLastRollback, readTrialView } from '../trial/trial-view.ts';
import type { EtcdMemberState } from './etcd/member.ts';

export interface SelfFacts {
  /** Why the node does not take part yet, or any more; '' when it does. */
  notReady: string;
  /** null: this node runs no member. */
  member: EtcdMemberState | null;
  /** ms since its last written heartbeat; null: none yet. */
  heartbeatMsAgo: number | null;
  heartbeatMs: number;
  /** Its own code is not whole: why; '' when it is, as far as that is known (P7). */
  damaged: string;
}

/** Each in words that an operator understands; none: healthy. */
export function unhealthyReasons(facts: SelfFacts): string[] {
  const reasons: string[] = [];
  if (facts.notReady !== '') reasons.push(facts.notReady);
  if (facts.damaged !== '') reasons.push(facts.damaged);
  if (facts.member !== null && facts.member.phase !== 'serving') {
    reasons.push(facts.member.reason || `its etcd is ${facts.member.phase}`);
  }
  const limitMs = 2 * facts.heartbeatMs;
  if (facts.heartbeatMsAgo === null) {
    if (facts.notReady === '') reasons.push('no heartbeat written yet');
  } else if (facts.heartbeatMsAgo > limitMs) {
    reasons.push(`last heartbeat written ${Math.round(facts.heartbeatMsAgo)} ms ago, at most ${limitMs} wanted`);
  }
  return reasons;
}

export interface HealthReportDeps {
  nodeId: string;
  service: string;
  base: string;
  incarnation: string;
  release: ReleaseRef;
  heartbeatMs: number;
  clock: Clock;
  facts(): SelfFacts;
  /** Own member's applied index; null: no member, or no answer. */
  appliedIndex(): Promise<number | null>;
  staged(): Promise<string[]>;
  installed(): string | null;
  epoch(): number;
  draining(): boolean;
  runningTasks(): number;
  /** Throws ClusterError 'disk'. */
  diskRoom(): Promise<Room>;
  /** Why a failed trial could not end by itself; '' when it could. Never rejects. */
  wayBack(): Promise<string>;
  /** Releases that are not whole, and when it last looked. Never throws. */
  looked(): Pick<NodeHealth, 'damage' | 'lastLookMsAgo'>;
}

/** The answer to HealthCheck. Nothing that is wrong on the disk keeps a node from answering. */
export async function healthReport(deps: HealthReportDeps): Promise<NodeHealth> {
  const reasons = unhealthyReasons(deps.facts());
  const problem = (what: string) => (thrown: unknown) => {
    reasons.push(`${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  };
  const read = <T>(what: string, otherwise: T, how: () => T): T => {
    try {
      return how();
    } catch (thrown) {
      problem(what)(thrown);
      return otherwise;
    }
  };
  const [appliedIndex, staged, room, wayBack] = await Promise.all([
    deps.appliedIndex().catch(() => null),
    deps.staged().catch((thrown): string[] => {
      problem('releases')(thrown);
      return [];
    }),
    deps.diskRoom().catch((thrown): Room => {
      problem('disk')(thrown);
      return { freeBytes: 0, reserveBytes: 0 };
    }),
    deps.wayBack(),
  ]);
  const trial = read('trial', null, () => readTrialView(deps.base, deps.clock));
  const probation = read('probation', null, () => readProbationView(deps.base));
  const lastRollback = read('last rollback', null, () => readLastRollback(deps.base));
  const epoch = read('epoch', 0, () => deps.epoch());
  return {
    nodeId: deps.nodeId,
    service: deps.service,
    incarnation: deps.incarnation,
    healthy: reasons.length === 0,
    reasons,
    release: deps.release,
    installed: deps.installed() ?? '',
    trial,
    probation,
    wayBack,
    ...deps.looked(),
    lastRollback,
    staged,
    epoch,
    appliedIndex,
    draining: deps.draining(),
    runningTasks: deps.runningTasks(),
    diskFreeBytes: room.freeBytes,
    diskReserveBytes: room.reserveBytes,
    heartbeatMs: deps.heartbeatMs,
  };
}
