/** The guard as it runs on a host: a bundle of its own, in a process of its own, on a real disk that fails as told. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { monotonicMs, readBootId } from '../../src/base/boot.ts';
import { createDisk } from '../../src/base/files.ts';
import { nodeStatus } from '../../src/host/verbs.ts';
import { runGuard } from '../../src/trial/guard.ts';
import { beginProbation } from '../../src/trial/probation-view.ts';
import { readLastRollback } from '../../src/trial/trial-view.ts';
import { bad, bundle, type FakeNode, fakeNode, good, mountSmall, old } from './fake-node.ts';

let bundles = '';
let guardFile = '';
let driver = '';
let node: FakeNode;
beforeAll(() => {
  bundles = mkdtempSync(join(tmpdir(), 'bundles-'));
  guardFile = bundle('../../src/trial/guard-main.ts', bundles);
  driver = bundle('guard-driver.ts', bundles);
});
afterAll(() => rmSync(bundles, { recursive: true, force: true }));
beforeEach(() => {
  node = fakeNode(guardFile);
});
afterEach(() => node.remove());

const noTrialLeft = (): void => {
  for (const name of ['trial.json', 'trial.ending.json', 'dist.bak', 'trial.progress.json']) {
    expect(node.has(name), name).toBe(false);
  }
};

const noProbationLeft = (): void => {
  for (const name of ['probation.json', 'probation.ending.json', 'probation.progress.json']) {
    expect(node.has(name), name).toBe(false);
  }
};

/** As after the commit of `bad`. */
function onProbation(on: FakeNode): void {
  const trial = on.putOnTrial();
  beginProbation(on.base, trial, 'x');
  for (const name of ['trial.json', 'dist.bak']) unlinkSync(join(on.base, name));
}

describe('the guard', () => {
  it('imports nothing but Node', () => {
    const wanted = [...readFileSync(guardFile, 'utf8').matchAll(/require\("([^"]+)"\)/g)].map((match) => match[1]);
    expect(wanted.length).toBeGreaterThan(0);
    expect(wanted.filter((name) => name?.startsWith('node:') !== true)).toEqual([]);
  });

  it('costs less than Node itself does to start', () => {
    node.putOnTrial();
    // Processor time, and of two that share whatever else the machine does: the figure itself is the benchmark's.
    const meter = join(bundles, 'meter.cjs');
    writeFileSync(
      meter,
      "process.on('exit', () => { const { user, system } = process.cpuUsage(); console.error((user + system) / 1000); });",
    );
    const costMs = (args: string[]): number => {
      const { stderr, error } = spawnSync(process.execPath, ['--require', meter, ...args], { encoding: 'utf8' });
      if (error) throw error;
      return Number(stderr);
    };
    const rounds = Array.from({ length: 5 }, () => ({
      guard: costMs([guardFile, 'check', '--base', node.base]),
      bare: costMs(['--eval', '0']),
    }));
    const bareMs = Math.min(...rounds.map(({ bare }) => bare));
    expect(bareMs).toBeGreaterThan(0);
    expect(Math.min(...rounds.map(({ guard }) => guard))).toBeLessThan(2 * bareMs);
  });

  it('starts what is there, and ends with 0', () => {
    const { code, result } = node.guard('start');
    expect(code).toBe(0);
    expect(result).toMatchObject({
      action: 'start',
      run: join(node.base, 'releases', good),
      release: good,
      trial: null,
    });
  });

  it('says how it is used', () => {
    for (const args of [[], ['start'], ['stop', '--base', '/x'], ['start', '--base', '']]) {
      expect(spawnSync(process.execPath, [guardFile, ...args]).status).toBe(2);
    }
  });

  it('gives a release three starts, and goes back at the fourth with the evidence kept (P3)', () => {
    node.putOnTrial();
    writeFileSync(
      join(node.base, 'run/last-exit.json'),
      JSON.stringify({ release: bad, exitCode: 3, signal: null, at: 'x' }),
    );
    const header = (hash: string): string => `== start of releases/${hash} at x ==`;
    writeFileSync(join(node.base, 'log/daemon.log'), `${header(good)}\nfine\n${header(bad)}\nboom\n`);
    for (let boot = 1; boot <= 3; boot += 1) {
      const { code, result } = node.guard('start');
      expect([code, result.release, result.trial]).toEqual([0, bad, expect.objectContaining({ bootsUsed: boot })]);
    }
    const { code, result } = node.guard('start');
    expect(code).toBe(0);
    expect(result).toMatchObject({
      action: 'rolled-back',
      release: good,
      rolledBack: { updateId: 'u1', cause: 'boots' },
    });
    expect(node.runs()).toBe(good);
    noTrialLeft();
    const last = node.json('data/last-rollback.json');
    expect(last).toMatchObject({ updateId: 'u1', release: bad, knownGood: good, cause: 'boots', exitCode: 3 });
    expect(last.logTail).toEqual([header(bad), 'boom']);
  });

  it.each([
    ['healthy', { healthTimeoutMs: 1 }, 'healthy-deadline'],
    ['commit', { healthTimeoutMs: 1, trialMs: 1 }, 'commit-deadline'],
  ])('at a check past the %s deadline goes back and asks for a restart (10)', (_, limits, cause) => {
    node.putOnTrial({ ...limits, startedAtMs: monotonicMs() - 1000 });
    const { code, result } = node.guard('check');
    expect([code, result.action, result.release]).toEqual([10, 'rolled-back', good]);
    expect(node.runs()).toBe(good);
    expect(node.json('data/last-rollback.json').cause).toBe(cause);
    expect(node.guard('check')).toMatchObject({ code: 0, result: { action: 'nothing' } });
  });

  it('after a reboot starts the deadlines anew', () => {
    node.putOnTrial({ bootId: 'an earlier boot', startedAtMs: 5, healthTimeoutMs: 30_000 });
    expect(node.guard('start').result).toMatchObject({ release: bad, trial: { bootsUsed: 1 } });
    const { trial } = node.guard('check').result as { trial: { healthyInMs: number } };
    expect(trial.healthyInMs).toBeGreaterThan(20_000);
  });

  it('goes back from a trial file that is garbage, and keeps that', () => {
    node.putOnTrial();
    writeFileSync(join(node.base, 'trial.json'), '{"v":1,"upd');
    expect(node.guard('start').result).toMatchObject({ action: 'rolled-back', release: good });
    expect(node.read('data/trial-unreadable.json')).toBe('{"v":1,"upd');
    expect(node.json('data/last-rollback.json').cause).toBe('trial-unreadable');
    noTrialLeft();
  });

  it('goes back where dist.bak points nowhere', () => {
    node.putOnTrial({ bootsMax: 1 });
    unlinkSync(join(node.base, 'dist.bak'));
    symlinkSync(`releases/${'e'.repeat(64)}`, join(node.base, 'dist.bak'));
    node.guard('start');
    expect(node.guard('start').result).toMatchObject({ action: 'rolled-back', release: good });
    noTrialLeft();
  });

  it('goes to another complete release where the known-good one is gone', () => {
    node.putOnTrial({ bootsMax: 1 });
    rmSync(join(node.base, 'releases', good), { recursive: true });
    node.guard('start', old);
    expect(node.guard('start', old).result).toMatchObject({ action: 'rolled-back', release: old });
    expect(node.runs()).toBe(old);
  });

  it('keeps what runs, and says so, where there is nothing to go back to', () => {
    node.putOnTrial({ bootsMax: 1 });
    node.guard('start');
    for (const hash of [good, old]) rmSync(join(node.base, 'releases', hash), { recursive: true });
    const { code, result } = node.guard('start', bad);
    expect([code, result.action, result.release]).toEqual([0, 'kept', bad]);
    expect(String(result.notes)).toContain('no other complete release');
  });

  it('repairs a dist that is missing, and one that points nowhere (P2)', () => {
    unlinkSync(join(node.base, 'dist'));
    node.guard('start');
    expect([good, bad, old]).toContain(node.runs());
    unlinkSync(join(node.base, 'dist'));
    symlinkSync(`releases/${'e'.repeat(64)}`, join(node.base, 'dist'));
    node.guard('check');
    expect([good, bad, old]).toContain(node.runs());
  });

  it('gives a committed build three starts without becoming healthy, then goes to the one before, once', () => {
    onProbation(node);
    const starts = (): unknown => node.json('probation.progress.json').starts;
    node.guard('start');
    node.guard('start');
    expect(starts()).toBe(2);
    node.markHealthy(bad);
    for (let boot = 1; boot <= 3; boot += 1) {
      expect(node.guard('start')).toMatchObject({ code: 0, result: { action: 'start', release: bad } });
      expect([starts(), node.has('run/healthy.json')]).toEqual([boot, false]);
    }
    const { code, result } = node.guard('start');
    expect([code, result.action, result.release]).toEqual([0, 'rolled-back', good]);
    expect(result.rolledBack).toMatchObject({ updateId: 'u1', release: bad, cause: 'probation' });
    expect(node.runs()).toBe(good);
    noProbationLeft();
    expect(node.json('data/last-rollback.json')).toMatchObject({ release: bad, knownGood: good, cause: 'probation' });
    for (let boot = 0; boot < 5; boot += 1) expect(node.guard('start').result.release).toBe(good);
  });

  it('starts what is committed where the probation is garbage, and keeps that', () => {
    onProbation(node);
    writeFileSync(join(node.base, 'probation.json'), '{"v":1,"upd');
    expect(node.guard('start').result).toMatchObject({ action: 'start', release: bad });
    expect(node.read('data/probation-unreadable.json')).toBe('{"v":1,"upd');
    noProbationLeft();
  });

  it('ignores the probation of a trial that was rolled back', () => {
    beginProbation(node.base, node.putOnTrial({ startedAtMs: 0, trialMs: 1, healthTimeoutMs: 1 }), 'x');
    expect(node.guard('start').result).toMatchObject({ action: 'rolled-back', release: good });
    for (let boot = 0; boot < 5; boot += 1) expect(node.guard('start').result.release).toBe(good);
    noProbationLeft();
  });

  it('says that it is stuck, and ends with 1, where there is no release at all', () => {
    const out = spawnSync(process.execPath, [guardFile, 'start', '--base', join(node.base, 'data')], {
      encoding: 'utf8',
    });
    expect(out.status).toBe(1);
    expect(JSON.parse(out.stdout)).toMatchObject({ action: 'stuck', run: null });
  });
});

describe('a disk that fails', () => {
  const start = (disk: ReturnType<typeof createDisk>, laterMs = 0) => {
    const now = { bootId: 'b', nowMs: 1000 + laterMs, wallIso: 'now' };
    return runGuard({ base: node.base, reason: laterMs > 0 ? 'tick' : 'start', ...now, disk });
  };
  const refusing = (...changes: string[]) =>
    createDisk((change) => {
      if (changes.includes(change)) throw Object.assign(new Error('refused'), { code: 'EROFS' });
    });

  it('that takes no new file: the trial cannot be counted, so the node goes back', () => {
    node.putOnTrial({ bootId: 'b', startedAtMs: 1000 });
    expect(start(refusing('create'))).toMatchObject({ action: 'rolled-back', release: good });
    expect(node.runs()).toBe(good);
    noTrialLeft();
    const status = nodeStatus({ base: node.base, nodeId: 'n1', service: 's', clock: systemClock });
    expect(status.lastRollback).toMatchObject({ updateId: 'u1', release: bad });
  });

  it('that takes nothing at all: the known-good release is run without the switch', () => {
    node.putOnTrial({ bootId: 'b', startedAtMs: 1000 });
    const nothing = refusing('create', 'rename', 'unlink', 'symlink', 'link', 'mkdir', 'fsyncDir');
    expect(start(nothing)).toMatchObject({
      action: 'disk-refused',
      release: good,
      run: join(node.base, 'releases', good),
    });
    expect(start(nothing, 200_000)).toMatchObject({ action: 'disk-refused', release: good });
    expect(start(createDisk(), 200_000)).toMatchObject({ action: 'rolled-back', release: good });
  });

  it('that takes nothing at all: a committed build is started, or the one before it when it is out of starts', () => {
    const nothing = refusing('create', 'rename', 'unlink', 'symlink', 'link', 'mkdir', 'fsyncDir');
    onProbation(node);
    expect(start(nothing)).toMatchObject({ action: 'disk-refused', release: bad });
    for (let boot = 0; boot < 3; boot += 1) start(createDisk());
    expect(start(nothing)).toMatchObject({ action: 'disk-refused', release: good });
    expect(start(createDisk())).toMatchObject({ action: 'rolled-back', release: good });
    noProbationLeft();
  });

  it('that keeps what a commit was to clear: the committed release runs', () => {
    writeFileSync(join(node.base, 'trial.progress.json'), '{}');
    writeFileSync(join(node.base, 'probation.json'), '{');
    expect(start(refusing('unlink', 'create'))).toMatchObject({
      release: good,
      run: join(node.base, 'releases', good),
    });
    expect(start(refusing('unlink'), 1)).toMatchObject({ release: good });
  });

  it('full, for real: counting fails, going back does not', (context) => {
    const small = mountSmall(join(node.base, 'small'), '1m');
    if (small === null) return context.skip('needs the right to mount a tmpfs');
    try {
      const inner = fakeNode(guardFile, join(node.base, 'small'));
      inner.putOnTrial();
      fill(join(inner.base, 'ballast'));
      expect(inner.guard('start').result).toMatchObject({ action: 'rolled-back', release: good });
      expect(inner.runs()).toBe(good);
      expect(inner.has('trial.json') || inner.has('trial.ending.json')).toBe(false);
      expect(inner.json('data/last-ended-trial.json')).toMatchObject({ updateId: 'u1', release: bad });
    } finally {
      small.unmount();
    }
  });

  it('read-only, for real: the guard tells what to run', (context) => {
    const small = mountSmall(join(node.base, 'small'), '4m');
    if (small === null) return context.skip('needs the right to mount a tmpfs');
    try {
      const inner = fakeNode(guardFile, join(node.base, 'small'));
      inner.putOnTrial();
      small.remountReadOnly();
      const { code, result } = inner.guard('start');
      expect([code, result.action, result.release]).toEqual([0, 'disk-refused', good]);
    } finally {
      small.unmount();
    }
  });

  function fill(path: string): void {
    for (const size of [64 * 1024, 4096, 1]) {
      try {
        for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
      }
    }
  }
});

describe('a power cut at every change of the disk', () => {
  /** Runs an operation that dies (SIGKILL) right before its k-th change; 0: it does not. */
  function run(operation: string, k: number): { died: boolean; out: string } {
    const done = spawnSync(process.execPath, [driver, node.base, operation, String(k)], { encoding: 'utf8' });
    return { died: done.signal === 'SIGKILL', out: done.stdout };
  }

  /** What the next start, or a check after every deadline, makes of it; `offAt`: the power goes again at that change. */
  function guard(reason: 'start' | 'late', offAt = 0): { release: string | null; off: boolean } {
    let changes = 0;
    const disk = createDisk(() => {
      changes += 1;
      if (offAt > 0 && changes >= offAt) throw Object.assign(new Error('no power'), { code: 'EIO' });
    });
    const nowMs = monotonicMs() + (reason === 'late' ? 200_000 : 0);
    const deps = { base: node.base, bootId: readBootId(), nowMs, wallIso: 'now', disk };
    const { release } = runGuard({ ...deps, reason: reason === 'late' ? 'tick' : 'start' });
    return { release, off: offAt > 0 && changes >= offAt };
  }

  const onTrial = (): void => {
    node.putOnTrial();
    guard('start');
  };

  /** Every k until the operation gets through; each on a node of its own. Returns how many changes there are. */
  function atEvery(operation: string, prepare: () => void, afterwards: (k: number) => void): number {
    for (let k = 1; ; k += 1) {
      node.remove();
      node = fakeNode(guardFile);
      prepare();
      const { died, out } = run(operation, k);
      if (!died) expect(JSON.parse(out), out).toMatchObject({ result: expect.anything() });
      afterwards(k);
      if (!died) return k - 1;
    }
  }

  it('of an activation: a complete release is behind dist, and a bad one goes back (P2, P3)', () => {
    const changes = atEvery(
      'activate',
      () => {},
      (k) => {
        // As found after the cut, before anybody repaired anything.
        expect([good, bad]).toContain(node.runs());
        const switched = node.runs() === bad;
        for (let boot = 0; boot < 3; boot += 1) expect(guard('start').release, `k=${k}`).toBe(switched ? bad : good);
        expect(guard('start').release).toBe(good);
        expect(node.runs()).toBe(good);
        noTrialLeft();
      },
    );
    expect(changes).toBeGreaterThan(12);
  });

  it('of a commit: committed or on trial, and what is on trial goes back', () => {
    const healthy = (): void => {
      onTrial();
      node.markHealthy(bad);
    };
    const changes = atEvery('commit', healthy, (k) => {
      const committed = !node.has('trial.json');
      expect(node.runs()).toBe(bad);
      // There is no committed build without its probation, and none of a trial that went back.
      if (committed) expect(node.json('probation.json'), `k=${k}`).toMatchObject({ release: bad, previous: good });
      guard('late');
      expect(node.runs(), `k=${k}`).toBe(committed ? bad : good);
      guard('start');
      noTrialLeft();
      expect(node.has('probation.json'), `k=${k}`).toBe(committed);
      if (committed) expect(node.json('probation.progress.json').starts).toBe(1);
    });
    expect(changes).toBeGreaterThan(8);
  });

  /** Committed, and then started three times without becoming healthy. */
  const outOfStarts = (): void => {
    onProbation(node);
    for (let boot = 0; boot < 3; boot += 1) expect(guard('start').release).toBe(bad);
  };

  /** The next start ends it, on the release before, with this cause. */
  const backFor =
    (cause: string) =>
    (k: number): void => {
      expect([good, bad]).toContain(node.runs());
      expect(guard('start').release, `k=${k}`).toBe(good);
      expect(node.runs(), `k=${k}`).toBe(good);
      noProbationLeft();
      const last = readLastRollback(node.base);
      expect(last, `k=${k}`).toMatchObject({ updateId: 'u1', release: bad, knownGood: good, cause });
      expect(guard('start').release).toBe(good);
    };

  it('of a way back from a probation: the release before, whatever the instant', () => {
    expect(atEvery('start', outOfStarts, backFor('probation'))).toBeGreaterThan(9);
  });

  it('of a way back from a probation on which the release rotted: nothing is said against the build, whatever the instant', () => {
    const rotten = (): void => {
      outOfStarts();
      writeFileSync(join(node.base, 'releases', bad, 'index.js'), '#!');
    };
    expect(atEvery('start', rotten, backFor('damaged'))).toBeGreaterThan(9);
  });

  it('of a way back from a probation, and one more of its recovery', () => {
    let cases = 0;
    for (let first = 1, off = true; off; first += 1) {
      for (let second = 1, again = true; again; second += 1) {
        node.remove();
        node = fakeNode(guardFile);
        outOfStarts();
        off = guard('start', first).off;
        again = guard('start', second).off;
        expect([good, bad], `first=${first} second=${second}`).toContain(node.runs());
        expect(guard('start').release, `first=${first} second=${second}`).toBe(good);
        expect(node.runs()).toBe(good);
        noProbationLeft();
        cases += 1;
      }
    }
    expect(cases).toBeGreaterThan(40);
  });

  it('of a start on probation: it counts once or not at all', () => {
    const changes = atEvery(
      'start',
      () => {
        onProbation(node);
        guard('start');
      },
      (k) => {
        expect(node.runs()).toBe(bad);
        expect([1, 2], `k=${k}`).toContain(node.json('probation.progress.json').starts);
        expect(guard('start').release).toBe(bad);
      },
    );
    expect(changes).toBeGreaterThan(2);
  });

  it('of an activation that ends a probation: what ran is the way back', () => {
    const changes = atEvery(
      'activate-old',
      () => {
        onProbation(node);
        guard('start');
      },
      (k) => {
        expect([bad, old]).toContain(node.runs());
        const switched = node.runs() === old;
        for (let boot = 0; boot < 2; boot += 1) expect(guard('start').release, `k=${k}`).toBe(switched ? old : bad);
        if (!switched) return;
        guard('start');
        expect(guard('start').release, `k=${k}`).toBe(bad);
        expect(node.runs()).toBe(bad);
        noTrialLeft();
      },
    );
    expect(changes).toBeGreaterThan(12);
  });

  it.each(['rollback', 'late'])('of a way back (%s): the known-good release, whatever the instant', (operation) => {
    const changes = atEvery(operation, onTrial, (k) => {
      expect([good, bad]).toContain(node.runs());
      guard('late');
      expect(node.runs(), `k=${k}`).toBe(good);
      noTrialLeft();
      expect(node.json('data/last-rollback.json')).toMatchObject({ updateId: 'u1', release: bad });
    });
    expect(changes).toBeGreaterThan(7);
  });

  it('of a way back, and two more of its recoveries', () => {
    let cases = 0;
    for (let first = 1, off = true; off; first += 1) {
      for (let second = 1, again = true; again; second += 1) {
        node.remove();
        node = fakeNode(guardFile);
        onTrial();
        off = guard('late', first).off;
        again = guard('start', second).off;
        expect([good, bad], `first=${first} second=${second}`).toContain(node.runs());
        guard('late');
        expect(node.runs(), `first=${first} second=${second}`).toBe(good);
        noTrialLeft();
        cases += 1;
      }
    }
    expect(cases).toBeGreaterThan(50);
  });

  it('of a start on trial: it counts once or not at all, and the trial stands', () => {
    const changes = atEvery(
      'start',
      () => node.putOnTrial(),
      () => {
        expect(node.runs()).toBe(bad);
        guard('start');
        expect([1, 2]).toContain(node.json('trial.progress.json').bootsUsed);
      },
    );
    expect(changes).toBeGreaterThan(2);
  });

  it('leaves no temporary names behind', () => {
    for (const k of [3, 4, 6, 7, 9, 10, 11, 12]) run('activate', k);
    guard('start');
    expect(readdirSync(node.base).filter((name) => name.includes('.tmp-'))).toEqual([]);
  });
});
