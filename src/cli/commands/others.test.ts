import { describe, expect, it } from 'vitest';
import { ClusterError } from '../../errors.ts';
import type { Session, TaskEnd } from '../../front/session.ts';
import type { Task } from '../../ports/agent.ts';
import {
  fakeRecord,
  fakeSession,
  fakeStatus,
  fakeWorld,
  newRelease,
  oldRelease,
  run,
  story,
} from '../testing/fakes.ts';

describe('updates', () => {
  it('list prints rows, or one JSON array', async () => {
    const limits: number[] = [];
    const session = fakeSession({
      listUpdates: async (limit) => {
        limits.push(limit);
        return [];
      },
    });
    expect((await run(['updates', 'list'], fakeWorld(session))).out()).toBe('No update was ever recorded.\n');
    expect((await run(['updates', 'list', '--limit', '5', '--json'], fakeWorld(session))).json()).toEqual([[]]);
    expect(limits).toEqual([20, 5]);
  });

  it('show prints the whole record with --json', async () => {
    expect((await run(['updates', 'show', 'u-1', '--json'])).json()).toEqual([fakeRecord()]);
    expect((await run(['updates', 'show', 'u-1'])).out()).toContain('took 30.0s');
  });

  it('watch goes on after a number, and ends with the exit code of the update', async () => {
    const world = fakeWorld(fakeSession({ getUpdate: async () => fakeRecord({ outcome: 'rolled-back' }) }));
    const { code, json } = await run(['updates', 'watch', 'u-1', '--from', '2', '--json'], world);
    expect(code).toBe(4);
    expect(json()[0]).toEqual({ event: story[2] });
    expect(json().at(-1)).toMatchObject({ outcome: 'rolled-back' });
  });

  it('watch from the last event of an ended update on, or beyond it, waits for no other one', async () => {
    const watch: Session['watch'] = () => {
      throw new Error('watched');
    };
    for (const from of ['3', '9999']) {
      const world = fakeWorld(
        fakeSession({ getUpdate: async () => fakeRecord({ outcome: 'rolled-back' }) }, { watch }),
      );
      const { code, json } = await run(['updates', 'watch', 'u-1', '--from', from, '--json'], world);
      expect(code).toBe(4);
      expect(json()).toMatchObject([{ outcome: 'rolled-back', updateId: 'u-1' }]);
    }
  });

  it('watch without an id takes the running one, then the last one, and otherwise says that there is none', async () => {
    expect((await run(['updates', 'watch'])).code).toBe(2);
    const running = fakeSession({ status: async () => fakeStatus({ update: fakeRecord() }) });
    expect((await run(['updates', 'watch'], fakeWorld(running))).code).toBe(0);
  });

  it.each(['pause', 'resume', 'abort', 'revert'])(
    '%s is passed on for the running update, with by whom and why',
    async (action) => {
      const asked: unknown[] = [];
      const session = fakeSession({
        status: async () => fakeStatus({ update: fakeRecord() }),
        controlUpdate: async (...words) => {
          asked.push(words);
          return fakeRecord();
        },
      });
      const { code, out } = await run(['updates', action, '--why', 'lunch'], fakeWorld(session));
      expect(code).toBe(0);
      expect(asked).toEqual([['u-1', action, 'op@host', 'lunch']]);
      expect(out()).toContain(`${action} taken for u-1`);
    },
  );

  it('a pause of nothing says that nothing runs', async () => {
    const { code, err } = await run(['updates', 'pause']);
    expect(code).toBe(2);
    expect(err()).toContain('there is nothing to pause');
  });
});

describe('an update whose record no build here can read', () => {
  const problem = {
    message: 'an update runs whose record cannot be read',
    seen: 'v: 2',
    next: 'have another node lead',
  };
  const session = fakeSession({ status: async () => ({ ...fakeStatus(), updateProblem: problem }) });

  it('is told by status, beside everything else', async () => {
    const { code, out } = await run(['status'], fakeWorld(session));
    expect(code).toBe(0);
    for (const words of [problem.message, problem.seen, problem.next, 'n3']) expect(out()).toContain(words);
  });

  it.each([['watch'], ['pause'], ['abort'], ['revert']])('%s needs an operator: exit code 5', async (action) => {
    const { code, err } = await run(['updates', action], fakeWorld(session));
    expect([code, err()]).toEqual([5, expect.stringContaining(problem.next)]);
  });
});

describe('releases', () => {
  const rows = [newRelease, oldRelease].map((release) => ({
    ...release,
    builtAt: '',
    onNodes: [],
    runningOn: [],
    committed: false,
    quarantine: null,
  }));

  it('quarantine and unquarantine take the beginning of a hash that names exactly one', async () => {
    const asked: unknown[] = [];
    const session = fakeSession({
      listReleases: async () => rows,
      setQuarantine: async (...words) => void asked.push(words),
    });
    expect((await run(['releases', 'quarantine', '1f3c1f3c', '--why', 'leaks'], fakeWorld(session))).code).toBe(0);
    expect((await run(['releases', 'unquarantine', oldRelease.buildHash], fakeWorld(session))).code).toBe(0);
    expect(asked).toEqual([
      [newRelease.buildHash, true, 'op@host', 'leaks'],
      [oldRelease.buildHash, false, 'op@host', ''],
    ]);
    expect((await run(['releases', 'quarantine', 'ffffffff'], fakeWorld(session))).code).toBe(2);
    const short = await run(['releases', 'quarantine', '1f3c1f3'], fakeWorld(session));
    expect([short.code, short.err()]).toEqual([2, expect.stringContaining('8 to 64')]);
    expect((await run(['releases', 'quarantine', '../etc'], fakeWorld(session))).code).toBe(2);
    expect(asked).toHaveLength(2);
  });

  it('the old word for unquarantine goes on working, says so on stderr, and is in no help', async () => {
    const asked: unknown[] = [];
    const session = fakeSession({ setQuarantine: async (...words) => void asked.push(words) });
    const { code, err, json } = await run(
      ['releases', 'release', oldRelease.buildHash, '--why', 'was the disk', '--json'],
      fakeWorld(session),
    );
    expect(code).toBe(0);
    expect(asked).toEqual([[oldRelease.buildHash, false, 'op@host', 'was the disk']]);
    expect(json()).toEqual([{ buildHash: oldRelease.buildHash, quarantined: false }]);
    expect(err()).toContain('releases unquarantine');
    const help = (await run(['releases', '--help'])).out();
    expect(help).toContain('unquarantine');
    expect(help).not.toMatch(/^ {2}release /m);
  });

  it('list --json is one array', async () => {
    const session = fakeSession({ listReleases: async () => rows });
    expect((await run(['releases', 'list', '--json'], fakeWorld(session))).json()).toEqual([rows]);
  });
});

describe('nodes approve', () => {
  it('lets the node in', async () => {
    const approved: string[] = [];
    const approveNode = async (id: string) => void approved.push(id);
    const { code, json } = await run(['nodes', 'approve', 'w1', '--json'], fakeWorld(fakeSession({ approveNode })));
    expect(code).toBe(0);
    expect(json()).toEqual([{ nodeId: 'w1', approved: true }]);
    expect(approved).toEqual(['w1']);
  });
});

describe('exec', () => {
  const executing = (
    end: Partial<TaskEnd>,
    output: [Uint8Array, Uint8Array] = [new Uint8Array(), new Uint8Array()],
  ) => {
    const tasks: [string, Task][] = [];
    const exec: Session['exec'] = async (address, task, sinks) => {
      tasks.push([address, task]);
      await sinks.stdout(output[0]);
      await sinks.stderr(output[1]);
      return { exitCode: 0, signal: null, timedOut: false, ...end };
    };
    return { session: fakeSession({}, { exec }), tasks };
  };

  it('passes bytes through as they are, and the exit code on', async () => {
    const { session, tasks } = executing({ exitCode: 7 }, [Buffer.from([0, 255, 10]), Buffer.from('oops')]);
    const argv = ['exec', 'n2', '--timeout', '3s', '--env', 'A=b=c', '--cwd', '/tmp', '--', 'ls', '-l', '--json'];
    const { code, bytes, err } = await run(argv, fakeWorld(session));
    expect(code).toBe(7);
    expect(bytes()).toEqual(Buffer.from([0, 255, 10]));
    expect(err()).toBe('oops');
    expect(tasks).toEqual([
      ['127.0.0.1:21002', { argv: ['ls', '-l', '--json'], timeoutMs: 3000, cwd: '/tmp', env: { A: 'b=c' } }],
    ]);
  });

  it.each([
    [{ exitCode: null, signal: 'SIGKILL' }, 137],
    [{ exitCode: null, signal: 'SIGKILL', timedOut: true }, 124],
  ])('%j ends with %d', async (end, wanted) => {
    expect((await run(['exec', 'n1', '--', 'x'], fakeWorld(executing(end).session))).code).toBe(wanted);
  });

  it.each([[[]], [['--json']]])('Ctrl-C cuts the call off, and is exit code 130: %j', async (words) => {
    const exec: Session['exec'] = async (_address, _task, _sinks, signal) => {
      world.interrupt.abort();
      // As the wire says it: a call that its own caller cancelled.
      throw new ClusterError('unavailable', `the call failed (CANCELLED), ${signal.aborted}`);
    };
    const world = fakeWorld(fakeSession({}, { exec }));
    const { code, err } = await run(['exec', 'n1', ...words, '--', 'sleep', '60'], world);
    expect([code, err()]).toEqual([130, '']);
  });

  it('--json collects the output in one line', async () => {
    const { session } = executing({}, [Buffer.from('out'), Buffer.from('err')]);
    const { json } = await run(['exec', 'n1', '--json', '--', 'x'], fakeWorld(session));
    expect(json()).toEqual([{ exitCode: 0, signal: null, timedOut: false, stdout: 'out', stderr: 'err' }]);
  });

  it('a node that is not there is named, with those that are', async () => {
    const { code, err } = await run(['exec', 'n9', '--', 'x']);
    expect(code).toBe(2);
    expect(err()).toContain('no node is called n9\n  seen:   n1, n2, n3');
  });
});
