/** The rehearsal with the real guard in a process of its own: nothing that counts may change, and nothing may stay behind. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { ClusterError } from '../../src/errors.ts';
import { type RehearseDeps, rehearse } from '../../src/host/rehearse.ts';
import { diskFreeBytes } from '../../src/release/room.ts';
import { beginProbation } from '../../src/trial/probation-view.ts';
import { bad, bundle, type FakeNode, fakeNode, good, mountSmall } from './fake-node.ts';

let bundles = '';
let guardFile = '';
let node: FakeNode;
let deps: RehearseDeps;
beforeAll(() => {
  bundles = mkdtempSync(join(tmpdir(), 'bundles-'));
  guardFile = bundle('../../src/trial/guard-main.ts', bundles);
});
afterAll(() => rmSync(bundles, { recursive: true, force: true }));
beforeEach(() => {
  node = fakeNode(guardFile);
  deps = depsOf(node);
});
afterEach(() => node.remove());

function depsOf(of: FakeNode): RehearseDeps {
  return {
    base: of.base,
    nodeId: 'n1',
    clock: systemClock,
    verifyRelease: async () => {},
    diskFreeBytes,
    serviceManagerAnswers: async () => 'supervisor 1: running',
  };
}

/** Every name below the base with what it holds or points to. */
function picture(base: string): string {
  const list = execFileSync('find', ['.', '-printf', '%p %y %m %s %l\n'], { cwd: base, encoding: 'utf8' });
  const sizes = list.split('\n').filter((line) => !/ d /.test(line));
  return sizes.sort().join('\n');
}

const failed = (result: Awaited<ReturnType<typeof rehearse>>): string[] =>
  result.checks.filter((one) => !one.ok).map((one) => one.name);

describe('a rehearsal', () => {
  it('runs the guard for real on a copy, finds all in order, and leaves the node as it was', async () => {
    const before = picture(node.base);
    const result = await rehearse(deps, { release: bad });
    expect(result.checks.map((one) => [one.name, one.ok])).toEqual(
      ['known-good', 'release', 'guard', 'space', 'write', 'service-manager'].map((name) => [name, true]),
    );
    expect(result).toMatchObject({ ok: true, verb: 'rehearse', nodeId: 'n1', release: bad });
    expect(result.checks[2]?.seen).toBe(`the guard answered rolled-back, releases/${good}; dist -> ${good}`);
    expect(picture(node.base)).toBe(before);
  });

  it('is the same for a release that is not here yet, for the one that runs, and during a probation', async () => {
    expect(await rehearse(deps, { release: 'd'.repeat(64) })).toMatchObject({ ok: true });
    expect(await rehearse(deps, { release: good })).toMatchObject({ ok: true });
    unlinkSync(join(node.base, 'dist'));
    symlinkSync(`releases/${bad}`, join(node.base, 'dist'));
    beginProbation(node.base, { ...node.putOnTrial(), release: bad, knownGood: good }, 'x');
    for (const name of ['trial.json', 'dist.bak']) unlinkSync(join(node.base, name));
    const before = picture(node.base);
    const result = await rehearse(deps, { release: good });
    expect(result.checks[2]?.seen).toContain(`dist -> ${bad}`);
    expect([result.ok, picture(node.base)]).toEqual([true, before]);
  });

  const broken: [string, string[], () => void][] = [
    ['the guard does nothing', ['guard'], () => guardOf(good, 'console.log(JSON.stringify({ action: "start" }))')],
    [
      'the guard only says so',
      ['guard'],
      () => guardOf(good, `console.log('{"action":"rolled-back","release":"${good}"}')`),
    ],
    ['the guard crashes', ['guard'], () => guardOf(good, 'throw new Error("cannot start")')],
    ['the guard hangs', ['guard'], () => guardOf(good, 'setInterval(() => {}, 1000)')],
    ['the known-good release has no guard', ['known-good', 'guard'], () => unlinkSync(inRelease(good, 'guard.js'))],
    ['dist is no link to a release', ['known-good', 'guard'], () => unlinkSync(join(node.base, 'dist'))],
    ['what is staged is not complete', ['release'], () => unlinkSync(inRelease(bad, 'index.js'))],
    ['data is no directory', ['write'], () => replaceByFile('data')],
  ];
  const inRelease = (hash: string, name: string): string => join(node.base, 'releases', hash, name);
  const guardOf = (hash: string, source: string): void => writeFileSync(inRelease(hash, 'guard.js'), source);
  const replaceByFile = (name: string): void => {
    rmSync(join(node.base, name), { recursive: true });
    writeFileSync(join(node.base, name), '');
  };

  it.each(broken)('where %s says which check failed, and leaves nothing behind', async (_, names, breakIt) => {
    breakIt();
    const before = picture(node.base);
    const result = await rehearse({ ...deps, guardTimeoutMs: 1_500 }, { release: bad });
    expect(failed(result)).toEqual(names);
    expect(result).toMatchObject({ ok: false, error: { code: 'refused', detail: { nodeId: 'n1' } } });
    expect(result.error?.message).toContain(names.join(', '));
    for (const one of result.checks) expect(one.next === '').toBe(one.ok);
    expect(picture(node.base)).toBe(before);
  });

  it('tells a tampered release, no room and a service manager that is gone', async () => {
    const no = (seen: string) => async (): Promise<never> => {
      throw new ClusterError('verify-failed', 'no', { seen });
    };
    const gone = { ...deps, verifyRelease: no('another hash'), serviceManagerAnswers: no('ECONNREFUSED') };
    const result = await rehearse({ ...gone, diskFreeBytes: async () => 5 }, { release: bad });
    expect(failed(result)).toEqual(['known-good', 'space', 'service-manager']);
    expect(result.error?.detail.seen).toBe(
      'known-good: no: another hash; space: 5 bytes free; service-manager: no: ECONNREFUSED',
    );
  });

  it('on a disk that takes no changes says so', async (context) => {
    const small = mountSmall(join(node.base, 'small'), '4m');
    if (small === null) return context.skip('needs the right to mount a tmpfs');
    try {
      const inner = fakeNode(guardFile, join(node.base, 'small'));
      small.remountReadOnly();
      expect(failed(await rehearse(depsOf(inner), { release: bad }))).toEqual(['guard', 'space', 'write']);
    } finally {
      small.unmount();
    }
  });

  it('that was killed is cleaned up by the next one', async () => {
    execFileSync('mkdir', ['-p', join(node.base, 'run/rehearsal-999999999-ab/releases')]);
    await rehearse(deps, { release: bad });
    expect(readdirSync(join(node.base, 'run')).filter((name) => name.startsWith('rehearsal'))).toEqual([]);
    expect(readFileSync(inRelease(good, 'guard.js'), 'utf8')).toBe(readFileSync(guardFile, 'utf8'));
  });

  it('of what is no hash is a mistake in the call', async () => {
    await expect(rehearse(deps, { release: '../x' })).rejects.toMatchObject({ code: 'usage' });
  });
});
