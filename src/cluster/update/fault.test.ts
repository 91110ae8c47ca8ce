import { describe, expect, it } from 'vitest';
import { record as aRecord } from '../../../test/scenarios/a-record.ts';
import type { Failure } from './failure.ts';
import { endInFault } from './fault.ts';

const failure: Failure = {
  nodeId: 'n2',
  kind: 'start',
  phase: 'trial',
  seen: 'started 3 times of 3',
  wanted: 'a daemon that stays up',
  next: 'mend the build',
  evidence: [],
};

function recordWith(phase: 'rolling-back' | 'trial', task: { failure?: Failure; direction?: 'forward' | 'back' }) {
  const record = aRecord({ n2: phase });
  return { ...record, tasks: record.tasks.map((one) => (one.nodeId === 'n2' ? { ...one, ...task } : one)) };
}

describe('an update that ends by a fault of ours', () => {
  it('blames no build for the fault', () => {
    expect(endInFault(recordWith('trial', {}), 'a line threw', [])).toMatchObject({ quarantine: null });
  });

  it('quarantines the build that a node was about to go back from (P10)', () => {
    const change = endInFault(recordWith('rolling-back', { failure }), 'a line threw', []);
    expect(change).toMatchObject({ quarantine: failure, record: { outcome: 'failed', failure: { kind: 'internal' } } });
  });

  it('and neither one whose node failed for another reason, nor one on its way back to it', () => {
    const asked: Failure = { ...failure, kind: 'operator' };
    for (const task of [{ failure: asked }, { failure, direction: 'back' as const }]) {
      expect(endInFault(recordWith('rolling-back', task), 'a line threw', []).quarantine).toBeNull();
    }
  });
});
