import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../adapters/system-clock.ts';
import { identify } from '../base/boot.ts';
import { tellPeople } from '../base/wall.ts';
import type { Logger } from '../ports/logger.ts';
import { createHooks, type HookOutcome, type Hooks, type HooksConfig } from './hooks.ts';

let base = '';
let warnings: string[] = [];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'hooks-'));
  mkdirSync(join(base, 'data'));
  warnings = [];
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const subject = { updateId: 'u1', release: 'b'.repeat(64) };
const sh = (script: string, timeoutMs = 5_000) => ({ argv: ['sh', '-c', script], timeoutMs });
const last = (): HookOutcome => JSON.parse(readFileSync(join(base, 'data/last-hook.json'), 'utf8'));
const said = (name: string): string | null =>
  existsSync(join(base, name)) ? readFileSync(join(base, name), 'utf8') : null;

function hooks(config: HooksConfig, signal?: AbortSignal): Hooks {
  const quiet = (): void => {};
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (_, message) => warnings.push(message),
    child: () => logger,
  };
  return createHooks({
    base,
    nodeId: 'n1',
    config,
    clock: systemClock,
    logger,
    ...(signal === undefined ? {} : { signal: () => signal }),
  });
}

describe('the hook before a restart', () => {
  it('runs as it is written, in the base, and knows node, update and release', async () => {
    await hooks({
      beforeRestart: sh('echo "$CLAUDECLUSTER_NODE $CLAUDECLUSTER_UPDATE $CLAUDECLUSTER_RELEASE" > out'),
    }).beforeRestart(subject);
    expect(said('out')).toBe(`n1 u1 ${subject.release}\n`);
    expect(last()).toMatchObject({ hook: 'beforeRestart', ok: true, exitCode: 0, updateId: 'u1' });
  });

  it.each([
    ['ends with another code', sh('echo busy; echo very >&2; exit 7'), 'exit code 7', 'busy\nvery'],
    ['takes too long', sh('echo waiting; sleep 60', 200), 'longer than 200 ms', 'waiting'],
    ['is not there', { argv: ['/no/such/hook'], timeoutMs: 1_000 }, 'could not be started', 'no output'],
    ['is ended by a signal', sh('kill -KILL $$'), 'ended by SIGKILL', 'no output'],
  ])('that %s is a refusal that names it, how it ended and what it said', async (_, beforeRestart, how, seen) => {
    const refused = hooks({ beforeRestart, afterRestart: sh('true') }).beforeRestart(subject);
    await expect(refused).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(`beforeRestart of n1 said no: `),
      detail: { nodeId: 'n1', seen: expect.stringContaining(seen) },
    });
    await expect(refused).rejects.toThrow(how);
    expect(last().ok).toBe(false);
    expect(said('data/hook-due.json')).toBeNull();
  });

  it('ends with the verb that runs it, and what it started too', async () => {
    const caller = new AbortController();
    const run = hooks({ beforeRestart: sh('sleep 60 & echo $! > pid; wait', 60_000) }, caller.signal);
    const refused = run.beforeRestart(subject).catch((error: Error) => error.message);
    while (said('pid')?.endsWith('\n') !== true) await systemClock.sleep(5);
    caller.abort();
    expect(await refused).toContain('ended by SIGTERM');
    expect(identify(Number(said('pid')))).toBeNull();
  });
});

describe('the hook after a restart', () => {
  const afterRestart = sh('echo after >> out');

  it('runs at once where the disk takes no note that it is due, and there is no restart', async () => {
    // Nothing can be renamed over a directory, whoever asks for it.
    mkdirSync(join(base, 'data/hook-due.json'));
    const refused = hooks({ beforeRestart: sh('echo before >> out'), afterRestart }).beforeRestart(subject);
    await expect(refused).rejects.toMatchObject({ code: 'disk', detail: { nodeId: 'n1' } });
    expect(said('out')).toBe('before\nafter\n');
  });

  it('runs once for each restart that was announced, by whichever process is healthy then', async () => {
    await hooks({ afterRestart }).afterRestart();
    expect(said('out')).toBeNull();
    await hooks({ afterRestart }).beforeRestart(subject);
    await hooks({ afterRestart }).afterRestart();
    await hooks({ afterRestart }).afterRestart();
    expect(said('out')).toBe('after\n');
    expect(last()).toMatchObject({ hook: 'afterRestart', ok: true, updateId: 'u1' });
  });

  it('that fails is logged and kept, and stops nothing', async () => {
    const failing = hooks({ afterRestart: sh('echo no; exit 1') });
    await failing.beforeRestart(subject);
    await failing.afterRestart();
    expect(warnings).toEqual(['the hook after the restart failed']);
    expect(last()).toMatchObject({ hook: 'afterRestart', ok: false, exitCode: 1, outputTail: 'no\n' });
  });
});

describe('the word to the people on the host', () => {
  it('is one argument, and a host that cannot say it, or takes its time, is as good', async () => {
    await tellPeople('claudecluster: n1 restarts; $(id)', '/bin/true');
    await tellPeople('x', '/no/such/wall');
    const before = systemClock.nowMs();
    await tellPeople('60', '/bin/sleep');
    expect(systemClock.nowMs() - before).toBeLessThan(10_000);
  });
});
