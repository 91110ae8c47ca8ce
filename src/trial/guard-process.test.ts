import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { askGuard } from './guard-process.ts';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'guard-process-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true, force: true });
});

/** What a guard that is this script answers. */
function ask(script: string, timeoutMs = 30_000): ReturnType<typeof askGuard> {
  const file = join(base, 'guard.cjs');
  writeFileSync(file, script);
  return askGuard(file, base, 'check', timeoutMs);
}
const answer = (action: string, run: unknown = 'dist/index.js'): string =>
  `console.log(${JSON.stringify(JSON.stringify({ action, run }))});`;

describe('the guard of a release', () => {
  it('is asked for the base, and what it leaves out is filled in', async () => {
    const script = 'console.log(JSON.stringify({ action: process.argv.slice(2).join(" "), run: process.cwd() }))';
    expect(await ask(script)).toEqual({
      result: {
        action: `check --base ${base} --json`,
        run: base,
        release: null,
        trial: null,
        rolledBack: null,
        damaged: null,
        notes: [],
      },
      restart: false,
    });
  });

  it.each([
    [0, false],
    [1, false],
    [10, true],
  ])('ends with %d: restart %s', async (code, restart) => {
    expect(await ask(`${answer('started')} process.exitCode = ${code};`)).toMatchObject({ restart });
  });

  it.each([
    ['another exit code', `${answer('started')} process.exitCode = 3;`, /^exit 3/],
    ['no JSON', 'console.log("hello")', /^exit 0/],
    ['no action', 'console.log("{}")', /^exit 0/],
    ['a path that is no text', answer('started', 7), /^exit 0/],
    ['an exception', 'throw new Error("boom")', /^exit 1: .*boom/s],
    [
      'an exception with a stack as long as they come',
      'Error.stackTraceLimit = 50; (function dig(n) { if (n > 0) return dig(n - 1) + 1; throw new Error("boom"); })(40)',
      /^exit 1: .*boom/s,
    ],
  ])('gave no answer: %s', async (_, script, words) => {
    expect(await ask(script)).toMatch(words);
  });

  it('is killed when it takes its time', async () => {
    expect(await ask('setInterval(() => {}, 1000)', 300)).toMatch(/^exit SIGKILL/);
  });

  it("starts although Node's own variables would not let it", async () => {
    vi.stubEnv('NODE_OPTIONS', '--require /no/such/file.cjs');
    expect(await ask(answer('started'))).toMatchObject({ result: { action: 'started' } });
  });
});
