import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyObservation, anyRecord, propertyRuns, propertyTimeoutMs } from '../../../test/scenarios/arbitraries.ts';
import { openStory, runLine } from '../../../test/scenarios/runner.ts';
import { observe, type WorldNode } from '../../../test/scenarios/world.ts';
import type { Change } from './change.ts';
import type { Failure } from './failure.ts';
import type { Observation } from './observation.ts';
import { plan } from './plan.ts';
import { quorumWithout } from './quorum.ts';
import { currentTask, type UpdateRecord } from './record.ts';
import { recordIntent, recordOutcome, type StepOutcome } from './record-step.ts';
import { judgeStability } from './stability.ts';
import { inFlightPhases } from './states.ts';
import type { Step } from './step.ts';

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

const failureAt = (nodeId: string): Failure => {
  return { nodeId, kind: 'health', phase: 'pending', seen: 'seen', wanted: 'wanted', next: 'next', evidence: [] };
};

function everyOutcome(step: Step): StepOutcome[] {
  const outcomes: StepOutcome[] = [
    { kind: 'ok', ms: 1 },
    { kind: 'retry', ms: 1, seen: 'no answer' },
  ];
  if ('nodeId' in step) outcomes.push({ kind: 'refused', ms: 1, failure: failureAt(step.nodeId) });
  if (step.kind === 'stage') {
    const good = { ms: 1, bytesTransferred: 1, failure: null };
    outcomes.push({ kind: 'staged', ms: 1, results: step.nodes.map(({ nodeId }) => ({ ...good, nodeId })) });
    const bad = step.nodes.map(({ nodeId }) => ({ ...good, nodeId, failure: failureAt(nodeId) }));
    outcomes.push({ kind: 'staged', ms: 1, results: bad });
  }
  return outcomes;
}

const flyingIn = (record: UpdateRecord) => record.tasks.filter((task) => inFlightPhases.includes(task.phase));

/** One voter and nobody else, or as many workers as may be (P1). */
function expectLawful(record: UpdateRecord, workersBefore: number): void {
  const flying = flyingIn(record);
  const voters = flying.filter((task) => task.role === 'voter');
  if (voters.length > 0) expect(flying.map((task) => task.nodeId)).toHaveLength(1);
  else expect(flying.length).toBeLessThanOrEqual(Math.max(workersBefore, record.options.maxUnavailableWorkers));
  expect(record.reservation).toBe(voters[0]?.nodeId ?? null);
}

function check(property: (observation: Observation, record: UpdateRecord, step: Step) => void): void {
  fc.assert(
    fc.property(anyObservation, anyRecord, (observation, record) =>
      property(observation, record, plan(observation, record)),
    ),
    propertyRuns,
  );
}

describe('the planner, whatever it sees', { timeout: propertyTimeoutMs }, () => {
  it('never throws, changes nothing that it was given, and gives the same step again', () => {
    fc.assert(
      fc.property(anyObservation, anyRecord, (observation, record) => {
        const step = plan(freeze(observation), freeze(record));
        expect(plan(structuredClone(observation), structuredClone(record))).toEqual(step);
        expect(JSON.parse(JSON.stringify(step))).toEqual(step);
      }),
      propertyRuns,
    );
  });

  it('says in every wait what for and what is seen, and how long at most', () => {
    check((_observation, _record, step) => {
      if (step.kind !== 'await') return;
      expect(step.waiting.what).not.toBe('');
      expect(step.waiting.seen).not.toBe('');
      const { atMostMs, waitedMs } = step.waiting;
      if (atMostMs > 0) expect(atMostMs).toBeGreaterThan(waitedMs);
      else expect(['pause', 'canary']).toContain(step.key);
    });
  });

  it('says in every failure which node, what was seen and wanted, and what to do next (P8)', () => {
    check((_observation, _record, step) => {
      if (!('failure' in step)) return;
      const { nodeId, seen, wanted, next } = step.failure;
      for (const text of [nodeId, seen, wanted, next]) expect(text).not.toBe('');
    });
  });

  it('takes a voter out of service only where the others alone are a quorum (P1)', () => {
    check((observation, record, step) => {
      if (step.kind !== 'drain' && step.kind !== 'activate') return;
      const { phase } = currentTask(record, step.nodeId);
      // A drain or a switch that is asked for again adds nothing to what is under way already.
      if (step.kind === 'drain' ? phase !== 'staged' : phase !== 'draining') return;
      if (!observation.peers.some((peer) => peer.nodeId === step.nodeId)) return;
      const view = quorumWithout(observation, step.nodeId);
      expect(view.safe || (record.options.acceptDowntime && view.voters < 3)).toBe(true);
    });
  });

  it('touches no second node while a voter is in flight, and no voter while a worker is (P1)', () => {
    check((_observation, record, step) => {
      const flying = flyingIn(record);
      const [first] = flying;
      if (first === undefined) return;
      expect(['drain', 'activate', 'trial', 'commit', 'rollback', 'rolledBack', 'failed', 'await']).toContain(
        step.kind,
      );
      const nodeId = 'nodeId' in step ? step.nodeId : first.nodeId;
      if (flying.some((task) => task.nodeId === nodeId)) return;
      expect(step.kind).toBe('drain');
      expect([first.role, currentTask(record, nodeId).role]).toEqual(['worker', 'worker']);
      expect(flying.length).toBeLessThan(record.options.maxUnavailableWorkers);
    });
  });

  it('commits only what proved itself, or what the node committed already (P4)', () => {
    check((observation, record, step) => {
      if (step.kind !== 'commit') return;
      const task = currentTask(record, step.nodeId);
      const node = observation.nodes.find((one) => one.nodeId === step.nodeId);
      if (node === undefined) throw new Error('committed a node that is not there');
      if (node.health?.trial === null && node.health.installed === task.to) return;
      const peer = observation.peers.find((one) => one.nodeId === step.nodeId);
      expect(judgeStability(node, peer, task.incarnationTrial, task.to, record.options)).toEqual({ stable: true });
    });
  });

  it('leads to legal moves only, whatever comes of the step, and never to a second voter in flight', () => {
    check((observation, record, step) => {
      if (step.kind === 'await') return;
      const before = flyingIn(record).length;
      const intended: Change = recordIntent(freeze(record), step, observation);
      expectLawful(intended.record, before);
      for (const outcome of everyOutcome(step)) {
        const after = recordOutcome(freeze(intended.record), step, outcome).record;
        expectLawful(after, before);
        expect(after.intent).toBeNull();
      }
    });
  });

  it('can be asked again after every step: what was recorded is something that it can go on from', () => {
    check((observation, record, step) => {
      if (step.kind === 'await') return;
      const intended = recordIntent(record, step, observation).record;
      expect(() => plan(observation, intended)).not.toThrow();
      for (const outcome of everyOutcome(step)) {
        const after = recordOutcome(intended, step, outcome).record;
        if (after.outcome === null) expect(() => plan(observation, after)).not.toThrow();
      }
    });
  });

  it('stages at least one node when it stages, and no more than may be staged at once', () => {
    check((_observation, record, step) => {
      if (step.kind !== 'stage') return;
      expect(step.nodes.length).toBeGreaterThan(0);
      expect(step.nodes.length).toBeLessThanOrEqual(record.options.stageConcurrency);
    });
  });
});

describe('a node on trial that runs the target without a trial', () => {
  /** n2 on trial, as another leader finds it: `change` is what its disk says. */
  function stepAfter(change: (node: WorldNode, updateId: string) => void): Step {
    const story = openStory();
    for (const line of ['cluster voters=n1,n2,n3 leader=n1', 'update to=B', 'walk until=n2:trial'])
      runLine(story, line);
    const [node] = story.world.nodes.filter((one) => one.nodeId === 'n2');
    const { record } = story;
    if (node === undefined || record === null) throw new Error('no such story');
    node.trial = null;
    change(node, record.id);
    return plan(observe(story.world), record);
  }

  it('was committed, if its disk says nothing else: the record follows', () => {
    expect(stepAfter(() => {}).kind).toBe('commit');
  });

  it('is going back, if dist leads elsewhere already: nothing is recorded as committed', () => {
    const step = stepAfter((node) => {
      node.installed = 'A';
    });
    expect(step).toMatchObject({ kind: 'await', key: 'stable:n2' });
  });

  it('is going back, if it remembers so: the claim on its trial comes before the switch of dist', () => {
    const step = stepAfter((node, updateId) => {
      const why = { cause: 'commit-deadline', why: 'late', exitCode: null, signal: null, logTail: [], at: '' };
      node.lastRollback = { updateId, release: 'B', knownGood: 'A', ...why };
    });
    expect(step).toMatchObject({ kind: 'await', key: 'stable:n2' });
  });

  it('was committed, if all it remembers is how another update ended with the same build', () => {
    const step = stepAfter((node) => {
      const why = { cause: 'boots', why: 'then', exitCode: 1, signal: null, logTail: [], at: '' };
      node.lastRollback = { updateId: 'u-then', release: 'B', knownGood: 'A', ...why };
    });
    expect(step.kind).toBe('commit');
  });
});
