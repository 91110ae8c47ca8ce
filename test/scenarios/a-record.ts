/** The record of an update of three voters, for tests of what reads one. */
import { newRecord } from '../../src/cluster/update/new-record.ts';
import type { Observation } from '../../src/cluster/update/observation.ts';
import { defaultOptions } from '../../src/cluster/update/options.ts';
import { preflight } from '../../src/cluster/update/preflight.ts';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import type { TaskPhase } from '../../src/cluster/update/states.ts';
import { createNode, observe, versionOf, type World } from './world.ts';

/** Three voters on one release. */
export function observation(): Observation {
  const nodes = ['n1', 'n2', 'n3'].map((id) => createNode(id, 'voter', 'A'));
  const nothing = { foreignPeers: [], nowMs: 0, since: new Map<string, number>() };
  const world: World = { nodes, self: 'n1', epoch: 1, raftLeader: 'n1', heartbeatMs: 1_000, ...nothing };
  return observe(world);
}

/** An update of them to another one, as it begins, with what is given changed. */
export function record(
  phases: Partial<Record<string, TaskPhase>> = {},
  part: Partial<UpdateRecord> = {},
): UpdateRecord {
  const seen = observation();
  const release = { version: versionOf('B'), sizeBytes: 1 };
  const plan = preflight({
    observation: seen,
    options: defaultOptions,
    release,
    running: null,
    quarantine: null,
    leader: 'n1',
    planHash: null,
  });
  const beginning = {
    service: 's',
    startedAt: '2026-02-17T14:30:00.123Z',
    suffix: 'abc',
    by: 'ops',
    kind: 'update' as const,
    leader: 'n1',
    epoch: 1,
  };
  const made = newRecord(plan, defaultOptions, beginning);
  return { ...made, tasks: made.tasks.map((task) => ({ ...task, phase: phases[task.nodeId] ?? task.phase })), ...part };
}
