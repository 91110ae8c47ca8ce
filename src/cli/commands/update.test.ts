import { describe, expect, it } from 'vitest';
import type { Control, StartRequest } from '../../cluster/control/control-api.ts';
import { refuseNeeds } from '../../cluster/update/needs.ts';
import { refusedBy } from '../../cluster/update/preflight.ts';
import { ClusterError } from '../../errors.ts';
import type { Session } from '../../front/session.ts';
import {
  fakeEvent,
  fakePlan,
  fakeRecord,
  fakeSession,
  fakeStatus,
  fakeTask,
  fakeWorld,
  newVersion,
  planHash,
  run,
  story,
} from '../testing/fakes.ts';

const refusal = { code: 'node-stale' as const, nodeId: 'n3', seen: 'silent', wanted: 'heartbeats', next: 'look at n3' };

/** A session that keeps what was asked to start, and what was pushed where. */
function watched(control: Partial<Control> = {}, change: Partial<Session> = {}) {
  const started: StartRequest[] = [];
  const pushed: string[] = [];
  const session = fakeSession(
    {
      start: async (request) => {
        started.push(request);
        return fakeRecord({ state: 'running', outcome: null, lastEvent: 0 });
      },
      ...control,
    },
    {
      push: async (address) => {
        pushed.push(address);
        return { bytesTransferred: 5000 };
      },
      ...change,
    },
  );
  return { session, started, pushed };
}

describe('update', () => {
  it("without a directory updates to the leader's own build, and follows it to its end", async () => {
    const { session, started, pushed } = watched();
    const { code, out } = await run(['update', '--yes'], fakeWorld(session));
    expect(code).toBe(0);
    expect(started).toEqual([{ by: 'op@host', options: {} }]);
    expect(pushed).toEqual([]);
    expect(out()).toContain('n2 is committed\n');
    expect(out()).toContain('update u-1 committed: every node runs the new release\n');
  });

  it('to a build that cannot follow what a node runs is refused, and the operator reads the release in between (P11)', async () => {
    const needs = { from: '>=0.3.0', through: '0.3.0' };
    const target = { ...newVersion, version: '0.4.0', needs };
    const old = { buildHash: 'c'.repeat(64), version: '0.1.0', gitCommit: '' };
    const away = { nodeId: 'n2', status: 'offline' as const, protocol: { min: 1, max: 1 }, release: old, health: null };
    const plan = { ...fakePlan(), refusals: refuseNeeds([away], target) };
    const { session } = watched({ plan: async () => plan, start: async () => Promise.reject(refusedBy(plan)) });
    const hop = 'update to 0.3.0 first, and then to 0.4.0';
    const dry = await run(['update', '--dry-run'], fakeWorld(session));
    expect([dry.code, dry.out()]).toEqual([3, expect.stringContaining(`next:   ${hop}`)]);
    expect(dry.out()).toContain('needs n2: runs 0.1.0');
    const plain = await run(['update', '--yes'], fakeWorld(session));
    expect([plain.code, plain.out() + plain.err()]).toEqual([3, expect.stringContaining(hop)]);
  });

  it('takes the beginning of a hash that names one of the releases that the leader has', async () => {
    const row = { version: '', gitCommit: '', builtAt: '', runningOn: [], committed: false, quarantine: null };
    const there = { ...row, buildHash: newVersion.buildHash, onNodes: ['n1', 'n2'] };
    const elsewhere = { ...row, buildHash: `1f3c1f3c1f3c${'0'.repeat(52)}`, onNodes: ['n3'] };
    const { session, started } = watched({ listReleases: async () => [there, elsewhere] });
    const world = () => fakeWorld(session);
    expect((await run(['update', '1f3c1f3c', '--yes'], world())).code).toBe(0);
    expect(started).toEqual([expect.objectContaining({ buildHash: newVersion.buildHash })]);
    const [short, unknown] = [
      await run(['update', '1f3c1f3', '--yes'], world()),
      await run(['update', '00000000', '--yes'], world()),
    ];
    expect([short.code, short.err()]).toEqual([2, expect.stringContaining('8 ')]);
    expect([unknown.code, unknown.err()]).toEqual([2, expect.stringContaining('begins like this')]);
    const short2 = await run(['update', '--plan', 'c0dec0d', '--yes'], world());
    expect([short2.code, short2.err()]).toEqual([2, expect.stringContaining('8 to 64')]);
    expect(started).toHaveLength(1);
  });

  it('pushes a directory to the leader first, and updates to what it holds', async () => {
    const { session, started, pushed } = watched();
    const { code } = await run(['update', '/tmp', '--yes', '--trial', '3m', '--plan', planHash], fakeWorld(session));
    expect(code).toBe(0);
    expect(pushed).toEqual(['127.0.0.1:21001']);
    expect(started).toEqual([
      { by: 'op@host', options: { trialMs: 180_000 }, buildHash: newVersion.buildHash, planHash },
    ]);
  });

  it('pushes again when the leadership moved while it pushed', async () => {
    const leaders = ['n1', 'n2', 'n2', 'n2'];
    const status = async () => {
      const seen = fakeStatus();
      seen.cluster.leader = leaders.shift() ?? 'n2';
      return seen;
    };
    const { session, pushed } = watched({ status });
    expect((await run(['update', '/tmp', '--yes'], fakeWorld(session))).code).toBe(0);
    expect(pushed).toEqual(['127.0.0.1:21001', '127.0.0.1:21002']);
  });

  it('a push that fails ends with 4, and the last JSON line says so; nothing was begun', async () => {
    const push = async () => Promise.reject(new ClusterError('transfer-failed', 'cut off'));
    const { session, started } = watched({}, { push });
    const { code, json } = await run(['update', '/tmp', '--yes', '--json'], fakeWorld(session));
    expect(code).toBe(4);
    expect(json().at(-1)).toMatchObject({
      outcome: 'failed',
      updateId: null,
      nodes: [],
      error: { code: 'transfer-failed' },
    });
    expect(started).toEqual([]);
  });

  it('a directory that is no release ends with 3, and nothing is pushed', async () => {
    const inspectRelease = async () => Promise.reject(new ClusterError('release-invalid', 'no version.json'));
    const { session, pushed } = watched();
    const { code, json } = await run(['update', '/tmp', '--yes', '--json'], fakeWorld(session, { inspectRelease }));
    expect(code).toBe(3);
    expect(json().at(-1)).toMatchObject({ outcome: 'refused', error: { code: 'release-invalid' } });
    expect(pushed).toEqual([]);
  });

  it('what is neither a directory nor a buildHash is a usage error', async () => {
    expect((await run(['update', 'no-such-thing', '--yes'])).code).toBe(2);
  });

  it('takes a buildHash that the leader has', async () => {
    const { session, started } = watched();
    await run(['update', newVersion.buildHash, '--yes'], fakeWorld(session));
    expect(started[0]?.buildHash).toBe(newVersion.buildHash);
  });
});

describe('update --dry-run', () => {
  it('prints the plan and starts nothing', async () => {
    const { session, started } = watched();
    const { code, out } = await run(['update', '--dry-run'], fakeWorld(session));
    expect(code).toBe(0);
    expect(out()).toContain(`Plan ${planHash} can go.`);
    expect(started).toEqual([]);
  });

  it('ends with 3 when the update would be refused', async () => {
    const { session, started } = watched({ plan: async () => fakePlan({ refusals: [refusal] }) });
    const plain = await run(['update', '--dry-run'], fakeWorld(session));
    expect(plain.code).toBe(3);
    expect(plain.out()).toContain('node-stale n3: silent');
    const { code, json } = await run(['update', '--dry-run', '--json'], fakeWorld(session));
    expect(code).toBe(3);
    expect(json()).toEqual([fakePlan({ refusals: [refusal] })]);
    expect(started).toEqual([]);
  });
});

describe('asking before it begins', () => {
  it('a person at a terminal is asked; no is no', async () => {
    const { session, started } = watched();
    const asked: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      return false;
    };
    const { code, err } = await run(['update'], fakeWorld(session, { canAsk: true, ask }));
    expect(code).toBe(0);
    expect(asked).toEqual(['Begin? [y/N] ']);
    expect(err()).toContain('Nothing was begun.');
    expect(started).toEqual([]);
  });

  it('yes goes only as long as the plan is the one that was shown', async () => {
    const { session, started } = watched();
    await run(['update'], fakeWorld(session, { canAsk: true, ask: async () => true }));
    expect(started[0]?.planHash).toBe(planHash);
  });

  it.each([[['--yes']], [['--plan', planHash]], [['--yes', '--json']], [['--dry-run']]])(
    '%j is not asked: the answer was given',
    async (flags) => {
      const ask = async () => Promise.reject(new Error('asked'));
      expect((await run(['update', ...flags], fakeWorld(watched().session, { canAsk: true, ask }))).code).toBe(0);
    },
  );

  it.each([
    ['without a terminal', [], false],
    ['with --json, which leaves no place for a question', ['--json'], true],
  ])('%s it wants --yes or --plan before anything is done', async (_, flags, canAsk) => {
    const { session, started, pushed } = watched();
    const touched: string[] = [];
    const connect = async (file: string) => {
      touched.push(file);
      return session;
    };
    const world = fakeWorld(session, { canAsk, connect, ask: async () => true });
    const { code, out, err } = await run(['update', '/tmp', ...flags], world);
    expect(code).toBe(2);
    expect(`${out()}${err()}`).toMatch(/--yes.*--plan HASH/);
    expect(`${out()}${err()}`).toContain('claudecluster update /tmp --dry-run');
    expect([touched, pushed, started]).toEqual([[], [], []]);
  });
});

describe('update --json', () => {
  it('prints the plan, every event, and last the report', async () => {
    const { code, json, err } = await run(['update', '--yes', '--json'], fakeWorld(watched().session));
    expect(code).toBe(0);
    expect(json().slice(0, -1)).toEqual([{ plan: fakePlan() }, ...story.map((event) => ({ event }))]);
    expect(json().at(-1)).toMatchObject({
      outcome: 'committed',
      updateId: 'u-1',
      raftLeaderChanges: 1,
      bytesTransferred: 3000,
      nodes: [
        {
          nodeId: 'n2',
          before: { version: '0.1.0' },
          after: { version: '0.2.0' },
          durationsMs: { stage: 350, health: 1200 },
        },
        { nodeId: 'n3' },
        { nodeId: 'n1' },
      ],
    });
    expect(err()).toBe('');
  });

  it('a refusal is the outcome of the last line', async () => {
    const { session, started } = watched({ plan: async () => fakePlan({ refusals: [refusal] }) });
    const { code, json } = await run(['update', '--yes', '--json'], fakeWorld(session));
    expect(code).toBe(3);
    expect(json().at(-1)).toMatchObject({ outcome: 'refused', updateId: null, refusals: [refusal] });
    expect(started).toEqual([]);
  });

  it('so is one that came up between plan and start', async () => {
    const start = async () => Promise.reject(new ClusterError('update-running', 'u-0 runs'));
    const { code, json } = await run(['update', '--yes', '--json'], fakeWorld(watched({ start }).session));
    expect(code).toBe(3);
    expect(json().at(-1)).toMatchObject({ outcome: 'refused', error: { code: 'update-running', message: 'u-0 runs' } });
  });
});

describe('how an update ended', () => {
  it.each([
    ['committed', null, 0],
    ['refused', null, 3],
    ['rolled-back', null, 4],
    ['reverted', null, 4],
    ['failed', null, 4],
    ['failed', 'look at n2', 5],
  ] as const)('%s, an operator must: %s → exit code %d', async (outcome, operatorMust, wanted) => {
    const getUpdate = async () => fakeRecord({ outcome, operatorMust });
    expect((await run(['update', '--yes'], fakeWorld(watched({ getUpdate }).session))).code).toBe(wanted);
  });

  it('the record is asked for again while it does not say its outcome yet', async () => {
    let asked = 0;
    const getUpdate = async () => {
      asked += 1;
      if (asked === 1) throw new ClusterError('unavailable', 'the leader changes');
      return fakeRecord(asked === 2 ? { outcome: null } : {});
    };
    expect((await run(['update', '--yes'], fakeWorld(watched({ getUpdate }).session))).code).toBe(0);
    expect(asked).toBe(3);
  });
});

describe('losing sight of an update', () => {
  it('Ctrl-C is listened to before the update is begun: it cannot end the process in between', async () => {
    let listening = false;
    const start = async () => {
      expect(listening).toBe(true);
      return fakeRecord({ state: 'running', outcome: null });
    };
    const interrupts = () => {
      listening = true;
      return new AbortController().signal;
    };
    expect((await run(['update', '--yes'], fakeWorld(watched({ start }).session, { interrupts }))).code).toBe(0);
  });

  it('Ctrl-C stops watching, never the update: exit code 6, and how to watch it again', async () => {
    const controlled: string[] = [];
    const world: ReturnType<typeof fakeWorld> = fakeWorld(
      watched(
        { controlUpdate: async (_id, action) => Promise.reject(controlled.push(action)) },
        {
          async *watch() {
            yield fakeEvent(1);
            world.interrupt.abort();
          },
        },
      ).session,
    );
    const { code, err } = await run(['update', '--yes'], world);
    expect(code).toBe(6);
    expect(err()).toContain('you stopped watching: the update goes on without this view.');
    expect(err()).toContain('claudecluster updates watch u-1 --from 1');
    expect(controlled).toEqual([]);
  });

  it('a record that no build here can read is not lost sight of: exit code 5, with what to do', async () => {
    const next = 'have another node lead';
    // biome-ignore lint/correctness/useYield: it fails before the first event
    const watch: Session['watch'] = async function* () {
      throw new ClusterError('operator-needed', 'its record cannot be read', { next });
    };
    const { code, err } = await run(['update', '--yes'], fakeWorld(watched({}, { watch }).session));
    expect([code, err()]).toEqual([5, expect.stringContaining(next)]);
  });

  it('no node answers any more: the same, and JSON says so', async () => {
    // biome-ignore lint/correctness/useYield: it fails before the first event
    const watch: Session['watch'] = async function* () {
      throw new ClusterError('unavailable', 'no node answered for 60 s');
    };
    const { code, json } = await run(['update', '--yes', '--json'], fakeWorld(watched({}, { watch }).session));
    expect(code).toBe(6);
    expect(json().at(-1)).toMatchObject({ outcome: null, updateId: 'u-1', why: 'no node answered for 60 s' });
  });

  it('a leader that restarts is waited for, and no event is shown twice', async () => {
    const watch: Session['watch'] = async function* (_id, _after, _signal, onLooking) {
      yield* story.slice(0, 2);
      onLooking('connection refused');
      yield* story.slice(1);
    };
    const { code, out, err } = await run(['update', '--yes'], fakeWorld(watched({}, { watch }).session));
    expect(code).toBe(0);
    expect(err()).toContain('looking for the leader: connection refused\n');
    expect(out().match(/n2 is committed/g)).toHaveLength(1);
  });
});

describe('on a terminal', () => {
  it('redraws a line per node with quorum and leader above, and leaves the cursor as it was', async () => {
    const status = async () =>
      fakeStatus({ update: fakeRecord({ state: 'running', outcome: null, lastEvent: 2, tasks: [fakeTask('n2')] }) });
    const watch: Session['watch'] = async function* () {
      for (const event of story) {
        await new Promise((done) => setTimeout(done, 5));
        yield event;
      }
    };
    const world = fakeWorld(watched({ status }, { watch }).session, { isTty: true });
    const { code, out } = await run(['update', '--yes'], world);
    expect(code).toBe(0);
    expect(out()).toContain('\u001b[?25l');
    expect(out()).toContain('quorum 3 of 3 voters healthy');
    expect(out()).toContain('✓ n2  committed');
    expect(out().indexOf('\u001b[?25h')).toBeGreaterThan(out().lastIndexOf('\u001b[?25l'));
  });
});
