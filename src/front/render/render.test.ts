import { describe, expect, it } from 'vitest';
import { reportOf } from '../report.ts';
import { fakePlan, fakeRecord, fakeStatus, fakeTask, newRelease, oldRelease } from '../testing/documents.ts';
import { planLines } from './plan.ts';
import { recordHead, releasesTable, reportLines, updatesTable } from './report.ts';
import { statusLines } from './status.ts';
import { fit, type Line, line, paint, paintAll, span, table } from './text.ts';

const text = (rows: Line[]): string => paintAll(rows, false);

describe('status', () => {
  it('of a healthy cluster', () => {
    expect(text(statusLines(fakeStatus()))).toBe(
      `quorum 3 of 3 voters healthy, 2 needed   leader n1 (epoch 3)   raft leader n1 (term 4)
release 09ab09ab09

NODE  ROLE   STATUS  HEALTH   RELEASE           TRIAL  SEEN       ADDRESS
n1    voter  active  healthy  0.1.0 09ab09ab09  -      400ms ago  127.0.0.1:21001
n2    voter  active  healthy  0.1.0 09ab09ab09  -      400ms ago  127.0.0.1:21002
n3    voter  active  healthy  0.1.0 09ab09ab09  -      400ms ago  127.0.0.1:21003
`,
    );
  });

  it('in the middle of an update: trial, reservation, what is waited for, and why a node is not healthy', () => {
    const status = fakeStatus({
      update: fakeRecord({
        state: 'running',
        outcome: null,
        reservation: 'n2',
        requested: 'pause',
        tasks: [fakeTask('n2', { phase: 'trial' }), fakeTask('n3', { phase: 'pending' })],
        waiting: { nodeId: 'n2', what: 'n2 to be stable', seen: '2 of 3 heartbeats', waitedMs: 1, atMostMs: 2 },
      }),
    });
    const [, n2] = status.nodes;
    if (n2) {
      n2.healthy = false;
      n2.lastSeenMsAgo = null;
      n2.reasons = ['etcd does not serve yet'];
      n2.trial = {
        updateId: 'u-1',
        release: newRelease.buildHash,
        knownGood: oldRelease.buildHash,
        epoch: 3,
        switched: true,
        bootsUsed: 1,
        bootsMax: 3,
        healthyInMs: null,
        commitInMs: 61_000,
      };
    }
    const shown = text(statusLines(status));
    expect(shown).toContain(
      'update  u-1 running to 0.2.0 1f3c1f3c1f, 0 of 2 nodes done, pause asked for, down by us: n2; waits for n2 to be stable: 2 of 3 heartbeats\n',
    );
    expect(shown).toContain(
      'n2    voter  active  unhealthy  0.1.0 09ab09ab09  boot 1/3, 1m 01s to commit  never      127.0.0.1:21002\n',
    );
    expect(shown).toContain('\nn2: etcd does not serve yet\n');
  });

  it('without a leader says so', () => {
    const status = fakeStatus();
    status.cluster.leader = null;
    status.cluster.raftLeader = null;
    status.release = null;
    expect(text(statusLines(status))).toContain(
      'leader none (epoch 3)   raft leader none (term 4)\nrelease none committed',
    );
  });
});

describe('plan', () => {
  it('shows order, versions, moves and durations', () => {
    const plan = fakePlan({ notes: ['n3 has the release already'] });
    const [first, , third] = plan.order;
    if (first) first.skip = true;
    if (third) third.left = 'not in --only';
    expect(text(planLines(plan))).toBe(
      `Update to 0.2.0 1f3c1f3c1f (commit bbbb222, built 2026-02-17T14:30:00Z)
3 of 3 voters healthy, 2 needed · best 24.0s, worst 11m 00s · at most 12.3 MB to each node

  #  NODE  ROLE   RUNS              THEN                     ADDRESS
  1  n2    voter  0.1.0 09ab09ab09  there already            127.0.0.1:21002
  2  n3    voter  0.1.0 09ab09ab09  0.2.0 1f3c1f3c1f         127.0.0.1:21003
  3  n1    voter  0.1.0 09ab09ab09  left out: not in --only  127.0.0.1:21001

Leader moves
  - n1 to n2

Notes
  - n3 has the release already

Plan ${plan.planHash} can go.
`,
    );
  });

  it('every refusal says which node, what was seen, what was wanted and what to do', () => {
    const shown = text(
      planLines(
        fakePlan({
          refusals: [
            {
              code: 'node-stale',
              nodeId: 'n3',
              seen: 'last heartbeat 12s ago',
              wanted: 'within 10s',
              next: 'look at n3',
            },
            { code: 'timing', nodeId: null, seen: 'trial 10s', wanted: 'at least 115s', next: '' },
          ],
        }),
      ),
    );
    expect(shown.slice(shown.indexOf('Refused'))).toBe(
      `Refused
  node-stale n3: last heartbeat 12s ago
    wanted: within 10s
    next:   look at n3
  timing: trial 10s
    wanted: at least 115s
`,
    );
  });
});

describe('report', () => {
  it('of a committed update', () => {
    expect(text(reportLines(reportOf(fakeRecord(), 5000, 30_000)))).toBe(
      `update u-1 committed: every node runs the new release
took 30.0s, moved 8.0 kB, Raft leader changes 1

  NODE  BEFORE            AFTER             PHASE      STEPS
  n2    0.1.0 09ab09ab09  0.2.0 1f3c1f3c1f  committed  stage 350ms, health 1.2s
  n3    0.1.0 09ab09ab09  0.2.0 1f3c1f3c1f  committed  stage 350ms, health 1.2s
  n1    0.1.0 09ab09ab09  0.2.0 1f3c1f3c1f  committed  stage 350ms, health 1.2s

record: claudecluster updates show u-1
`,
    );
  });

  it('of a failure carries the evidence and what an operator must do', () => {
    const failure = {
      nodeId: 'n2',
      kind: 'start' as const,
      phase: 'trial' as const,
      seen: 'exit code 42, three times',
      wanted: 'a healthy node',
      next: 'mend the build',
      evidence: ['boom\u001b[2J'],
    };
    const tasks = [fakeTask('n2', { phase: 'rolling-back' }), fakeTask('n3', { phase: 'pending' })];
    const record = fakeRecord({ outcome: 'failed', operatorMust: 'look at n2', failure, tasks });
    const shown = text(reportLines(reportOf(record, 0, 0)));
    expect(shown).toContain('  n2    0.1.0 09ab09ab09  not known         rolling-back');
    expect(shown).toContain('  n3    0.1.0 09ab09ab09  0.1.0 09ab09ab09  pending');
    expect(shown).toContain(
      'n2 failed (start, while trial): exit code 42, three times\n  wanted: a healthy node\n  next:   mend the build\n  | boom [2J\n',
    );
    expect(shown).toContain('An operator must: look at n2\n');
  });

  it('of a node whose rollback nobody saw the end of does not say what it runs', () => {
    const failure = { nodeId: 'n2', kind: 'start' as const, seen: '', wanted: '', next: '', evidence: [] };
    const stuck = fakeTask('n2', { phase: 'failed', failure: { ...failure, phase: 'rolling-back' } });
    const refused = fakeTask('n3', { phase: 'failed', failure: { ...failure, phase: 'staged' } });
    const { nodes } = reportOf(fakeRecord({ outcome: 'failed', tasks: [stuck, refused] }), 0, 0);
    expect(nodes.map(({ after }) => after)).toEqual([null, oldRelease]);
  });

  it('of a reverted update counts a node once, with what it ran before and runs again', () => {
    const forth = fakeTask('n2', { durations: { stage: 100 } });
    const back = fakeTask('n2', {
      from: newRelease,
      to: oldRelease.buildHash,
      direction: 'back',
      durations: { stage: 1, commit: 5 },
    });
    const [node, ...others] = reportOf(fakeRecord({ outcome: 'reverted', tasks: [forth, back] }), 0, 0).nodes;
    expect(others).toEqual([]);
    expect(node).toEqual({
      nodeId: 'n2',
      before: oldRelease,
      after: oldRelease,
      phase: 'committed',
      durationsMs: { stage: 101, commit: 5 },
      bytesTransferred: 2000,
    });
  });
});

describe('lists', () => {
  it('of nothing say so', () => {
    expect(text(updatesTable([]))).toBe('No update was ever recorded.\n');
    expect(text(releasesTable([]))).toBe('No release is known.\n');
  });

  it('of updates', () => {
    const { id, state, outcome, target, startedAt, endedAt, startedBy } = fakeRecord();
    const kind = 'straggler' as const;
    expect(text(updatesTable([{ id, kind, state, outcome, target, startedAt, endedAt, startedBy, nodes: 3 }]))).toBe(
      `UPDATE  STATE             OUTCOME    TARGET            NODES  BY       STARTED               ENDED
u-1     done (straggler)  committed  0.2.0 1f3c1f3c1f  3      op@host  2026-02-17T15:00:00Z  2026-02-17T15:00:30Z
`,
    );
  });

  it('of releases name the quarantine and its reason', () => {
    const quarantine = { why: 'start failed', at: 'noon', by: 'u-1', evidence: null };
    const row = { ...newRelease, builtAt: '', onNodes: ['n1', 'n2'], runningOn: [], committed: false, quarantine };
    const shown = text(releasesTable([row]));
    expect(shown).toContain('n1,n2  -        quarantined\n');
    expect(shown).toContain('1f3c1f3c1f quarantined by u-1 at noon: start failed\n');
  });

  it('the head of a record says who, when and what was asked for', () => {
    const shown = text(recordHead(fakeRecord({ requested: 'abort', reservation: 'n2' })));
    expect(shown).toBe(
      `update u-1 done
target 0.2.0 1f3c1f3c1f, plan c0dec0dec0
by op@host, started 2026-02-17T15:00:00Z, ended 2026-02-17T15:00:30Z
leader n2 (epoch 4), 3 events
abort was asked for
down by us: n2
`,
    );
  });
});

describe('text', () => {
  it('a line is cut to the width with an ellipsis, whatever its colours', () => {
    const row = [span('abc', 'bold'), span('defg', 'bad')];
    expect(paint(fit(row, 7), false)).toBe('abcdefg');
    expect(paint(fit(row, 6), false)).toBe('abcde…');
    expect(paint(fit(row, 3), false)).toBe('ab…');
    expect(paint(fit(row, 6), true)).toBe('\u001b[1mabc\u001b[0m\u001b[31mde…\u001b[0m');
  });

  it('control characters and direction marks are taken out of what others say', () => {
    expect(paint(line('a\u0007b\u009bc\u202ed\r\ne'), true)).toBe('a b c d e');
  });

  it('columns are as wide as their widest cell', () => {
    expect(text(table(['A', 'B'], [[line('long one'), line('x')]]))).toBe('A         B\nlong one  x\n');
  });
});
