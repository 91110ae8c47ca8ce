import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../base/files.ts';
import { tryLock } from '../base/lock.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { hashTreeSync } from '../release/tree-hash.js';
import { runGuard } from '../trial/guard.ts';
import { readProbationView } from '../trial/probation-view.ts';
import { readHealthyMarker, readLastRollback, readTrialView, writeHealthyMarker } from '../trial/trial-view.ts';
import { readEpoch } from './epoch.ts';
import { activate, commit, nodeStatus, rollback, stage, type VerbDeps } from './verbs.ts';

const good = 'a'.repeat(64);
const next = 'b'.repeat(64);
const other = 'c'.repeat(64);
const update = { release: next, updateId: 'u1', epoch: 5 };

let base = '';
let nowMs = 0;
let said: string[] = [];
let clusterEpoch = 5;
let deps: VerbDeps;

const clock: Clock = {
  nowMs: () => nowMs,
  wallIso: () => '2026-01-01T00:00:00.000Z',
  sleep: async (ms) => {
    nowMs += ms;
  },
  randomId: () => `id-${nowMs}`,
};

function failWith(code: ClusterError['code']): () => Promise<never> {
  return () => Promise.reject(new ClusterError(code, 'as the test wants'));
}

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'verbs-'));
  nowMs = 1_000_000;
  clusterEpoch = 5;
  said = [];
  for (const hash of [good, next, other]) {
    mkdirSync(join(base, 'releases', hash), { recursive: true });
    for (const file of ['index.js', 'guard.js', 'version.json']) writeFileSync(join(base, 'releases', hash, file), '');
  }
  symlinkSync(`releases/${good}`, join(base, 'dist'));
  const note = (what: string) => async (): Promise<void> => {
    said.push(`${what} ${lstatSync(join(base, 'dist')).isSymbolicLink() && installed() === next ? 'after' : 'before'}`);
  };
  deps = {
    base,
    nodeId: 'n1',
    service: 'claudecluster',
    clock,
    serviceManager: {
      kind: 'supervisor',
      armTrial: note('arm'),
      disarmTrial: note('disarm'),
      requestRestart: note('restart'),
    },
    quorumCheck: note('quorum'),
    storeEpoch: async () => clusterEpoch,
    verifyRelease: note('verify'),
    prune: note('prune'),
    lockWaitMs: 100,
  };
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const guard = (reason: 'start' | 'tick') => runGuard({ base, reason, bootId: bootId(), nowMs, wallIso: 'now' });
const installed = (): string => readlinkSync(join(base, 'dist')).slice('releases/'.length);
const healthy = (hash: string): void => writeHealthyMarker(base, 'i1', hash, clock);
const has = (name: string): boolean => existsSync(join(base, name));

/** A release whose tree has the hash that is its name. */
function addWhole(): string {
  const at = join(base, 'releases', 'new');
  mkdirSync(at);
  for (const file of ['index.js', 'guard.js']) writeFileSync(join(at, file), '// whole');
  const { hash } = hashTreeSync(at);
  writeFileSync(join(at, 'version.json'), JSON.stringify({ buildHash: hash }));
  renameSync(at, join(base, 'releases', hash));
  return hash;
}

async function committedOn(request: typeof update): Promise<void> {
  await activate(deps, request);
  guard('start');
  healthy(request.release);
  await commit(deps, request);
}

/** On trial with `next`, started and healthy. */
async function onTrial(): Promise<void> {
  await activate(deps, update);
  guard('start');
  healthy(next);
  said = [];
}

describe('activate', () => {
  it('verifies, checks the quorum and arms before the switch, and asks for the restart after it', async () => {
    const done = await activate(deps, { ...update, trialMs: 90_000, healthTimeoutMs: 30_000, bootsMax: 2 });
    expect(said).toEqual(['verify before', 'quorum before', 'arm before', 'restart after']);
    expect(done).toMatchObject({ ok: true, changed: true, installed: next });
    expect(done.trial).toEqual({
      updateId: 'u1',
      release: next,
      knownGood: good,
      epoch: 5,
      switched: true,
      bootsUsed: 0,
      bootsMax: 2,
      healthyInMs: 30_000,
      commitInMs: 90_000,
    });
    expect(readEpoch(base)).toBe(5);
  });

  it('again asks for the restart until the release was started, and then does nothing', async () => {
    await activate(deps, update);
    said = [];
    expect(await activate(deps, update)).toMatchObject({ changed: false });
    expect(said).toEqual(['verify after', 'arm after', 'restart after']);
    guard('start');
    said = [];
    clusterEpoch = 6;
    expect(await activate(deps, { ...update, epoch: 6 })).toMatchObject({ changed: false, trial: { bootsUsed: 1 } });
    expect(said).toEqual(['verify after']);
  });

  it('of what is installed already does nothing', async () => {
    expect(await activate(deps, { ...update, release: good })).toMatchObject({ changed: false, trial: null });
  });

  it.each([
    ['an older epoch', () => ({}), { epoch: 4 }, 'stale-epoch'],
    ['an epoch that nobody had', () => ({}), { epoch: 2 ** 53 - 1 }, 'refused'],
    ['a newer epoch, and a silent store', () => ({ storeEpoch: failWith('unavailable') }), { epoch: 6 }, 'unavailable'],
    ['a tree that does not verify', () => ({ verifyRelease: failWith('verify-failed') }), {}, 'verify-failed'],
    ['an unsafe quorum', () => ({ quorumCheck: failWith('quorum-unsafe') }), {}, 'quorum-unsafe'],
    ['no hash', () => ({}), { release: '../../etc' }, 'usage'],
    ['no update', () => ({}), { updateId: '' }, 'usage'],
    ['a trial shorter than its health', () => ({}), { trialMs: 10, healthTimeoutMs: 20 }, 'usage'],
    ['no starts', () => ({}), { bootsMax: 0 }, 'usage'],
  ] as const)('with %s is refused and changes nothing', async (_, broken, changes, code) => {
    await activate(deps, { ...update, updateId: 'u0', epoch: 5, release: good });
    await expect(activate({ ...deps, ...broken() }, { ...update, ...changes })).rejects.toMatchObject({ code });
    expect([installed(), has('trial.json'), has('dist.bak')]).toEqual([good, false, false]);
  });

  it('where no one can watch the deadlines takes everything back', async () => {
    const serviceManager = { ...deps.serviceManager, armTrial: failWith('service-manager') };
    await expect(activate({ ...deps, serviceManager }, update)).rejects.toMatchObject({ code: 'service-manager' });
    expect([installed(), has('trial.json'), has('dist.bak')]).toEqual([good, false, false]);
  });

  it('on a full disk takes everything back', async () => {
    for (const refused of ['create', 'symlink'] as const) {
      const disk = createDisk((change, path) => {
        if (change === refused && !path.includes('epoch')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      });
      await expect(activate({ ...deps, disk }, update)).rejects.toMatchObject({ code: 'disk' });
      expect([installed(), has('trial.json'), has('dist.bak')]).toEqual([good, false, false]);
    }
  });

  it('whose restart cannot be asked for leaves the trial with its limits, for the request may have been taken', async () => {
    const serviceManager = { ...deps.serviceManager, requestRestart: failWith('service-manager') };
    await expect(activate({ ...deps, serviceManager }, update)).rejects.toMatchObject({ code: 'service-manager' });
    expect(readTrialView(base, clock)).toMatchObject({ switched: true, bootsUsed: 0 });
    nowMs += 120_000;
    expect(guard('tick').action).toBe('rolled-back');
  });

  it('makes the name of the release durable before dist leads to it', async () => {
    const changes: string[] = [];
    const disk = createDisk((change, path) => void changes.push(`${change} ${path.slice(base.length)}`));
    await activate({ ...deps, disk }, update);
    const synced = changes.lastIndexOf('fsyncDir /releases');
    expect(synced).toBeGreaterThanOrEqual(0);
    expect(synced).toBeLessThan(changes.indexOf('rename /dist'));
  });

  it('runs the hook before anything is armed, and looks at the quorum once more after it', async () => {
    const note = (what: string) => async (): Promise<void> => void said.push(`${what} ${has('trial.json')}`);
    const hooks = { beforeRestart: note('hook'), afterRestart: note('after') };
    await activate({ ...deps, hooks, tellPeople: note('wall') }, update);
    expect(said).toEqual([
      'verify before',
      'quorum before',
      'hook false',
      'quorum before',
      'wall false',
      'arm before',
      'restart after',
    ]);
  });

  it('that its hook refuses touches nothing', async () => {
    const hooks = { beforeRestart: failWith('refused'), afterRestart: async () => void said.push('after') };
    await expect(activate({ ...deps, hooks }, update)).rejects.toMatchObject({ code: 'refused' });
    expect([installed(), has('trial.json'), has('dist.bak')]).toEqual([good, false, false]);
    expect(said).toEqual(['verify before', 'quorum before']);
  });

  it('that fails after its hook has the hook after the restart undo it, but not where the trial stands', async () => {
    const hooks = { beforeRestart: async () => {}, afterRestart: async () => void said.push('after') };
    const unwatched = { ...deps.serviceManager, armTrial: failWith('service-manager') };
    await expect(activate({ ...deps, hooks, serviceManager: unwatched }, update)).rejects.toThrow();
    expect(said.filter((what) => what === 'after')).toHaveLength(1);
    const unasked = { ...deps.serviceManager, requestRestart: failWith('service-manager') };
    await expect(activate({ ...deps, hooks, serviceManager: unasked }, update)).rejects.toThrow();
    expect([has('trial.json'), said.filter((what) => what === 'after').length]).toEqual([true, 1]);
  });

  it('ends the probation of what ran: it is the known-good release now', async () => {
    await onTrial();
    await commit(deps, update);
    guard('start');
    expect([has('probation.json'), has('probation.progress.json')]).toEqual([true, true]);
    clusterEpoch = 6;
    await activate(deps, { release: other, updateId: 'u2', epoch: 6 });
    expect([has('probation.json'), has('probation.progress.json')]).toEqual([false, false]);
    expect(readTrialView(base, clock)).toMatchObject({ release: other, knownGood: next });
  });

  it('is not cleared away by a guard that starts the daemon right before the switch', async () => {
    const seen: string[] = [];
    const armTrial = async (): Promise<void> => {
      seen.push(guard('start').action, guard('tick').action);
    };
    await activate({ ...deps, serviceManager: { ...deps.serviceManager, armTrial } }, update);
    expect(seen).toEqual(['start', 'nothing']);
    expect(readTrialView(base, clock)).toMatchObject({ switched: true, release: next });
  });

  it('during the trial of another update, or of another release, is refused', async () => {
    await onTrial();
    for (const changes of [{ updateId: 'u2' }, { release: other }]) {
      await expect(activate(deps, { ...update, ...changes })).rejects.toMatchObject({ code: 'trial-busy' });
    }
  });

  it('of a release that was rolled back in the same update is refused; a new update may try again', async () => {
    await onTrial();
    await rollback(deps, { updateId: 'u1', epoch: 5 });
    await expect(activate(deps, update)).rejects.toMatchObject({ code: 'quarantined' });
    expect(await activate(deps, { ...update, updateId: 'u2' })).toMatchObject({ changed: true });
  });

  it('without a release to go back to is refused', async () => {
    unlinkSync(join(base, 'dist'));
    mkdirSync(join(base, 'dist'));
    await expect(activate(deps, update)).rejects.toMatchObject({ code: 'operator-needed' });
    expect(has('trial.json')).toBe(false);
  });

  it('while another verb runs is refused, and names it', async () => {
    const lock = tryLock(join(base, 'run/verb.lock'), 'commit u0');
    await expect(activate(deps, update)).rejects.toMatchObject({ code: 'trial-busy', message: /commit u0/ });
    if (lock.held) lock.release();
  });

  it('finishes first what a crash has left of an earlier rollback', async () => {
    await onTrial();
    const stop = createDisk((change, path) => {
      if (change === 'rename' && path.endsWith('/dist')) throw Object.assign(new Error('cut'), { code: 'EIO' });
    });
    await expect(rollback({ ...deps, disk: stop }, { updateId: 'u1' })).rejects.toMatchObject({ code: 'disk' });
    expect(has('trial.ending.json')).toBe(true);
    expect(await activate(deps, { ...update, updateId: 'u2', release: other })).toMatchObject({ changed: true });
    expect(readTrialView(base, clock)).toMatchObject({ knownGood: good, release: other });
  });
});

describe('commit', () => {
  it('removes the trial, then tidies up, and again does nothing', async () => {
    await onTrial();
    expect(await commit(deps, update)).toMatchObject({ changed: true, installed: next, trial: null });
    expect(said).toEqual(['verify after', 'disarm after', 'prune after']);
    for (const name of ['trial.json', 'dist.bak', 'trial.progress.json']) expect(has(name), name).toBe(false);
    expect(await commit(deps, update)).toMatchObject({ changed: false, installed: next });
  });

  it('leaves the release on probation, and is refused where that cannot be written', async () => {
    await onTrial();
    const disk = createDisk((change, path) => {
      if (change === 'create' && path.includes('probation')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    await expect(commit({ ...deps, disk }, update)).rejects.toMatchObject({ code: 'disk', detail: { seen: 'ENOSPC' } });
    expect([has('trial.json'), has('probation.json')]).toEqual([true, false]);
    await commit(deps, update);
    expect(readProbationView(base)).toEqual({ updateId: 'u1', release: next, previous: good });
  });

  it('of a build that cannot stay up is undone after three starts, and a late command of the update brings it not back', async () => {
    // A tree that is what its name says: of one that is not the guard would blame the disk.
    const release = addWhole();
    const onIt = { ...update, release };
    await committedOn(onIt);
    for (let start = 0; start < 3; start += 1) expect(guard('start')).toMatchObject({ action: 'start', release });
    expect(guard('start')).toMatchObject({ action: 'rolled-back', release: good, rolledBack: { cause: 'probation' } });
    expect(readLastRollback(base)).toMatchObject({ updateId: 'u1', release, knownGood: good, cause: 'probation' });
    await expect(commit(deps, onIt)).rejects.toMatchObject({ code: 'refused' });
    await expect(activate(deps, onIt)).rejects.toMatchObject({ code: 'quarantined' });
    expect(installed()).toBe(good);
  });

  it('of a build whose tree rots afterwards is undone, and nothing is said against the build (P10)', async () => {
    const release = addWhole();
    await committedOn({ ...update, release });
    writeFileSync(join(base, 'releases', release, 'index.js'), '#!');
    for (let start = 0; start < 3; start += 1) expect(guard('start')).toMatchObject({ action: 'start', release });
    expect(guard('start')).toMatchObject({ action: 'rolled-back', release: good, rolledBack: { cause: 'damaged' } });
    const why = expect.stringContaining('is not whole (');
    expect(readLastRollback(base)).toMatchObject({ updateId: 'u1', release, knownGood: good, cause: 'damaged', why });
    expect(has('data/damaged.json')).toBe(true);
    expect(installed()).toBe(good);
  });

  it('is refused while the release on trial has not reported healthy', async () => {
    await activate(deps, update);
    guard('start');
    await expect(commit(deps, update)).rejects.toMatchObject({ code: 'refused' });
    healthy(good);
    await expect(commit(deps, update)).rejects.toMatchObject({ code: 'refused' });
    expect(has('trial.json')).toBe(true);
  });

  it('of a process that is followed by another one while the tree is hashed is refused (P4)', async () => {
    await onTrial();
    const verifyRelease = async (): Promise<void> => writeHealthyMarker(base, 'i2', next, clock);
    const late = commit({ ...deps, verifyRelease }, { ...update, incarnation: 'i1' });
    await expect(late).rejects.toMatchObject({ code: 'refused', detail: { seen: expect.stringContaining('i2') } });
    expect(has('trial.json')).toBe(true);
  });

  it('is refused for another update, and for an older epoch', async () => {
    await onTrial();
    await expect(commit(deps, { updateId: 'u2', epoch: 5 })).rejects.toMatchObject({ code: 'trial-busy' });
    await expect(commit(deps, { updateId: 'u1', epoch: 4 })).rejects.toMatchObject({ code: 'stale-epoch' });
    expect(has('trial.json')).toBe(true);
  });

  it('under a new leader while the store is silent does not lose the trial: the next one is taken', async () => {
    await onTrial();
    const silent = { ...deps, storeEpoch: failWith('unavailable') };
    await expect(commit(silent, { updateId: 'u1', epoch: 6 })).rejects.toMatchObject({ code: 'unavailable' });
    expect([has('trial.json'), readEpoch(base)]).toEqual([true, 5]);
    clusterEpoch = 6;
    expect(await commit(deps, { updateId: 'u1', epoch: 6 })).toMatchObject({ changed: true, installed: next });
  });

  it('of an epoch that nobody had is refused, and the present leader is heard afterwards', async () => {
    await onTrial();
    await expect(commit(deps, { updateId: 'u1', epoch: 2 ** 53 - 1 })).rejects.toMatchObject({ code: 'refused' });
    expect(await commit(deps, update)).toMatchObject({ changed: true });
  });

  it('of an update that was rolled back is refused and says why it was', async () => {
    await onTrial();
    nowMs += 120_000;
    guard('tick');
    await expect(commit(deps, update)).rejects.toMatchObject({
      code: 'refused',
      detail: { seen: expect.stringContaining('commit-deadline') },
    });
    expect(installed()).toBe(good);
  });

  it('and a rollback at the same instant: exactly one gets the trial', async () => {
    await onTrial();
    nowMs += 120_000;
    // The guard claims the trial between the verb's last look and its removal.
    const disk = createDisk((change, path) => {
      if (change === 'unlink' && path.endsWith('trial.json')) guard('tick');
    });
    await expect(commit({ ...deps, disk }, update)).rejects.toMatchObject({ code: 'refused' });
    expect(installed()).toBe(good);
    expect(readLastRollback(base)).toMatchObject({ updateId: 'u1', cause: 'commit-deadline' });
  });

  it('and a start at the same instant: the count does not bring the trial back', async () => {
    await onTrial();
    const disk = createDisk((change, path) => {
      if (change === 'create' && path.includes('trial.progress')) void removeTrial();
    });
    const removeTrial = (): void => unlinkSync(join(base, 'trial.json'));
    runGuard({ base, reason: 'start', bootId: bootId(), nowMs, wallIso: 'now', disk });
    expect(has('trial.json')).toBe(false);
    nowMs += 500_000;
    expect(guard('start')).toMatchObject({ action: 'start', release: next });
  });
});

describe('rollback', () => {
  it('switches back, keeps why, and asks for a restart; again does nothing', async () => {
    await onTrial();
    expect(await rollback(deps, { updateId: 'u1', epoch: 6, why: 'lag' })).toMatchObject({
      changed: true,
      installed: good,
    });
    expect(said).toEqual(['disarm before', 'restart before']);
    expect(readLastRollback(base)).toMatchObject({
      cause: 'leader',
      why: expect.stringMatching(/^lag/),
      release: next,
      knownGood: good,
    });
    said = [];
    healthy(good);
    expect(await rollback(deps, { updateId: 'u1', epoch: 6 })).toMatchObject({ changed: false });
    expect(said).toEqual([]);
  });

  it('again asks for the restart once more while the bad release still is what reported healthy', async () => {
    await onTrial();
    const serviceManager = { ...deps.serviceManager, requestRestart: failWith('service-manager') };
    await expect(rollback({ ...deps, serviceManager }, {})).rejects.toMatchObject({ code: 'service-manager' });
    expect(installed()).toBe(good);
    await rollback(deps, { updateId: 'u1' });
    expect(said).toContain('restart before');
  });

  for (const [when, waitMs] of [
    ['asked for', 1_000],
    ['overdue', 300_000],
  ] as const) {
    it(`${when} on a node that runs its known-good release already restarts nothing: nobody waits for it (P1)`, async () => {
      await activate(deps, update);
      // A disk that took no changes at the start: the guard had the known-good release run.
      nowMs += 500;
      healthy(good);
      nowMs += waitMs;
      said = [];
      expect(await rollback(deps, { updateId: 'u1', epoch: 5 })).toMatchObject({ changed: true, installed: good });
      expect(said).not.toContain('restart before');
      expect(has('trial.json')).toBe(false);
    });
  }

  it('before the restart of the activation asks for one: that of the activation may never come', async () => {
    healthy(good);
    nowMs += 500;
    await activate(deps, update);
    said = [];
    await rollback(deps, { updateId: 'u1', epoch: 5 });
    expect(said).toContain('restart before');
  });

  it('needs no update and no epoch from an operator, and tells what to do where nothing is on trial', async () => {
    await onTrial();
    await rollback(deps, {});
    expect(readLastRollback(base)).toMatchObject({ cause: 'operator' });
    await expect(rollback(deps, {})).rejects.toMatchObject({ code: 'refused' });
  });

  it('of an update that never got here does nothing; of a committed one is refused', async () => {
    expect(await rollback(deps, { updateId: 'u1', epoch: 5 })).toMatchObject({ changed: false, installed: good });
    await onTrial();
    await commit(deps, update);
    await expect(rollback(deps, { updateId: 'u1', epoch: 5 })).rejects.toMatchObject({ code: 'refused' });
    expect(installed()).toBe(next);
  });

  it('is refused for another update and for an older epoch', async () => {
    await onTrial();
    await expect(rollback(deps, { updateId: 'u2', epoch: 5 })).rejects.toMatchObject({ code: 'trial-busy' });
    await expect(rollback(deps, { updateId: 'u1', epoch: 4 })).rejects.toMatchObject({ code: 'stale-epoch' });
    expect(installed()).toBe(next);
  });

  it('asks nobody, whatever the epoch, and leaves what is kept as it is', async () => {
    await onTrial();
    const alone = { ...deps, storeEpoch: failWith('unavailable'), quorumCheck: failWith('unavailable') };
    expect(await rollback(alone, { updateId: 'u1', epoch: 2 ** 53 - 1 })).toMatchObject({ changed: true });
    expect(readEpoch(base)).toBe(5);
  });

  it('with nothing to go back to says what is needed, and leaves the trial', async () => {
    await onTrial();
    for (const hash of [good, other]) rmSync(join(base, 'releases', hash), { recursive: true });
    await expect(rollback(deps, {})).rejects.toMatchObject({ code: 'operator-needed' });
    expect([installed(), has('trial.json')]).toEqual([next, true]);
  });

  it('on a full disk works, and the node still knows which trial it was', async () => {
    await onTrial();
    const disk = createDisk((change, path) => {
      if (change === 'create' && !path.includes('lock')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    });
    expect(await rollback({ ...deps, disk }, {})).toMatchObject({ changed: true, installed: good });
    expect(readLastRollback(base)).toMatchObject({ updateId: 'u1', release: next, cause: 'unknown' });
  });
});

describe('status and stage', () => {
  it('status tells what is on the disk, and changes nothing', async () => {
    await onTrial();
    expect(nodeStatus(deps)).toMatchObject({
      ok: true,
      installed: next,
      running: next,
      knownGood: good,
      trial: { updateId: 'u1', bootsUsed: 1, healthyInMs: null },
      incarnation: 'i1',
      epoch: 5,
      notes: [],
    });
    writeFileSync(join(base, 'trial.json'), 'garbage');
    writeFileSync(join(base, 'data/epoch.json'), 'garbage');
    const broken = nodeStatus(deps);
    expect([broken.epoch, broken.trial, broken.notes.length]).toEqual([null, null, 2]);
    expect(readHealthyMarker(base)?.incarnation).toBe('i1');
  });

  it('stage passes on what the store did', async () => {
    const staged = { version: { buildHash: next } as never, bytesTransferred: 7, alreadyThere: false, durationMs: 3 };
    const stageRelease = async (): Promise<typeof staged> => staged;
    expect(await stage({ nodeId: 'n1', stageRelease }, { release: next, from: 'n2' })).toMatchObject({
      changed: true,
      bytesTransferred: 7,
    });
    await expect(stage({ nodeId: 'n1', stageRelease }, { release: 'x', from: 'n2' })).rejects.toMatchObject({
      code: 'usage',
    });
  });
});
