/**
 * Documents from the wire. Their shape is checked at the top level, as deep as a reader depends on it at once; fields of a
 * newer build pass through unread.
 */
import { z } from 'zod';
import type { ReleaseRow, UpdateSummary } from '../cluster/control/control-api.ts';
import type { ClusterStatus } from '../cluster/control/status.ts';
import type { UpdateEvent } from '../cluster/update/event.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import type { UpdatePlan } from '../cluster/update/update-plan.ts';
import { ClusterError } from '../errors.ts';
import type { NodeHealth } from '../ports/agent.ts';

const releaseRef = z.looseObject({ buildHash: z.string(), version: z.string(), gitCommit: z.string() });
const textOrNull = z.string().nullable();

const nodeHealth = z.looseObject({
  nodeId: z.string(),
  incarnation: z.string(),
  healthy: z.boolean(),
  reasons: z.array(z.string()),
  release: releaseRef,
  installed: z.string(),
  trial: z.looseObject({ updateId: z.string(), release: z.string(), epoch: z.number() }).nullable(),
  lastRollback: z.looseObject({ updateId: z.string(), release: z.string(), cause: z.string() }).nullable(),
  staged: z.array(z.string()),
  epoch: z.number(),
  appliedIndex: z.number().nullable(),
  draining: z.boolean(),
  runningTasks: z.number(),
});

const updateRecord = z.looseObject({
  id: z.string(),
  state: z.string(),
  target: releaseRef,
  startedBy: z.string(),
  tasks: z.array(z.looseObject({ nodeId: z.string(), phase: z.string() })),
  outcome: textOrNull,
  lastEvent: z.number(),
});

const clusterStatus = z.looseObject({
  cluster: z.looseObject({
    leader: textOrNull,
    epoch: z.number(),
    raftLeader: textOrNull,
    voters: z.number(),
    quorum: z.number(),
  }),
  nodes: z.array(z.looseObject({ nodeId: z.string(), address: z.string(), status: z.string(), healthy: z.boolean() })),
  update: updateRecord.nullable(),
});

const updatePlan = z.looseObject({
  target: releaseRef,
  planHash: z.string(),
  order: z.array(z.looseObject({ nodeId: z.string(), skip: z.boolean() })),
  refusals: z.array(z.looseObject({ code: z.string(), seen: z.string(), wanted: z.string(), next: z.string() })),
  notes: z.array(z.string()),
});

const updateEvent = z.looseObject({
  number: z.int().nonnegative(),
  updateId: z.string(),
  kind: z.string(),
  nodeId: textOrNull,
  text: z.string(),
});

const updateSummaries = z.array(
  z.looseObject({ id: z.string(), state: z.string(), outcome: textOrNull, target: releaseRef }),
);
const releaseRows = z.array(
  z.looseObject({ buildHash: z.string(), onNodes: z.array(z.string()), committed: z.boolean() }),
);

/** JSON from `address` as a T. Throws ClusterError 'internal' that names the field that is not as expected. */
function reader<T>(schema: z.ZodType, what: string): (json: string, address: string) => T {
  return (json, address) => {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch (cause) {
      throw new ClusterError(
        'internal',
        `${address} sent ${what} that is not JSON`,
        { seen: json.slice(0, 80) },
        cause,
      );
    }
    const checked = schema.safeParse(value);
    if (checked.success) return value as T;
    const issue = checked.error.issues[0];
    throw new ClusterError('internal', `${address} sent ${what} that cannot be read`, {
      seen: `${issue?.path.join('.') || '(top)'}: ${issue?.message ?? 'not as expected'}`,
      next: 'its build and this one may not fit: compare `claudecluster version` on both',
    });
  };
}

export const readNodeHealth = reader<NodeHealth>(nodeHealth, "a node's health");
export const readClusterStatus = reader<ClusterStatus>(clusterStatus, "the cluster's status");
export const readUpdatePlan = reader<UpdatePlan>(updatePlan, 'a plan');
export const readUpdateRecord = reader<UpdateRecord>(updateRecord, "an update's record");
export const readUpdateEvent = reader<UpdateEvent>(updateEvent, 'an event');
export const readUpdateSummaries = reader<UpdateSummary[]>(updateSummaries, 'a list of updates');
export const readReleaseRows = reader<ReleaseRow[]>(releaseRows, 'a list of releases');
