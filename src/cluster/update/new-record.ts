/** The record that an update begins with. */
import type { UpdateOptions } from './options.ts';
import { leftOffline } from './preflight.ts';
import type { NodeTask, UpdateRecord } from './record.ts';
import type { UpdatePlan } from './update-plan.ts';

/** Who begins the update, when, and as which leader. */
export interface Beginning {
  service: string;
  startedAt: string;
  /** A few random characters: two updates may begin in the same second. */
  suffix: string;
  by: string;
  kind: UpdateRecord['kind'];
  leader: string;
  epoch: number;
}

/** The record of an update that was just planned. Its id sorts by time. */
export function newRecord(plan: UpdatePlan, options: UpdateOptions, beginning: Beginning): UpdateRecord {
  const { service, startedAt, suffix, by, leader, epoch } = beginning;
  return {
    v: 1,
    service,
    id: `u-${startedAt.replace(/\D/g, '').slice(0, 14)}-${suffix}`,
    state: 'running',
    kind: beginning.kind,
    partial: plan.order.some((one) => one.left !== '' && one.left !== leftOffline),
    target: plan.target,
    ...(plan.protocol === undefined ? {} : { protocol: plan.protocol }), // P11
    planHash: plan.planHash,
    options,
    startedBy: by,
    startedAt,
    endedAt: '',
    leader,
    epoch,
    tasks: plan.order.filter((one) => one.left === '').map((one) => newTask(one, plan.target.buildHash)),
    reservation: null,
    intent: null,
    waiting: null,
    leaderMoves: 0,
    raftLeaderChanges: 0,
    raftLeader: null,
    failure: null,
    outcome: null,
    requested: null,
    operatorMust: null,
    lastEvent: 0,
    rehearsed: false,
    canaryPassed: false,
    revertBegun: false,
  };
}

function newTask(one: UpdatePlan['order'][number], to: string): NodeTask {
  return {
    nodeId: one.nodeId,
    address: one.address,
    role: one.role,
    from: one.from,
    to,
    direction: 'forward',
    phase: one.skip ? 'skipped' : 'pending',
    incarnationBefore: '',
    incarnationTrial: '',
    durations: {},
    bytesTransferred: 0,
    failure: null,
  };
}
