import { expect, it } from 'vitest';
import { createNode, observe, versionOf, type World } from '../../../test/scenarios/world.ts';
import type { Failure } from './failure.ts';
import { newRecord } from './new-record.ts';
import { defaultOptions } from './options.ts';
import { plan } from './plan.ts';
import { preflight } from './preflight.ts';
import { recordOutcome, type StageResult } from './record-step.ts';

/** Writes of one transaction that etcd takes by default. */
const mostWrites = 128;

it('a build whose self-test fails on as many nodes as are staged at once is recorded in one transaction', () => {
  const workers = Array.from({ length: 70 }, (_, at) => createNode(`w${at}`, 'worker', 'A'));
  const leader = createNode('n1', 'voter', 'A');
  leader.staged = [...leader.staged, versionOf('B').buildHash];
  const nodes = [leader, createNode('n2', 'voter', 'A'), createNode('n3', 'voter', 'A'), ...workers];
  const nothing = { foreignPeers: [], nowMs: 0, since: new Map<string, number>() };
  const world: World = { nodes, self: 'n1', epoch: 1, raftLeader: 'n1', heartbeatMs: 1_000, ...nothing };
  const observation = observe(world);
  const options = { ...defaultOptions, stageConcurrency: 64 };
  const release = { version: versionOf('B'), sizeBytes: 1 };
  const asked = { observation, options, release, running: null, quarantine: null, leader: 'n1', planHash: null };
  const by = { service: 's', startedAt: '2026-02-17T14:30:00.123Z', suffix: 'abc', by: 'ops', leader: 'n1', epoch: 1 };
  const record = newRecord(preflight(asked), options, { ...by, kind: 'update' });
  const step = plan(observation, record);
  if (step.kind !== 'stage') throw new Error(`planned ${step.kind}`);
  const told = { kind: 'self-test', phase: 'pending', seen: '', wanted: '', next: '', evidence: [] } as const;
  const results = step.nodes.map(({ nodeId }): StageResult => {
    const failure: Failure = { ...told, nodeId, evidence: [] };
    return { nodeId, ms: 1, bytesTransferred: 0, failure };
  });
  const { events, quarantine } = recordOutcome(record, step, { kind: 'staged', ms: 1, results });
  expect(quarantine?.kind).toBe('self-test');
  // Beside the events: the record and the quarantine.
  expect(events.length + 2).toBeLessThanOrEqual(mostWrites);
});
