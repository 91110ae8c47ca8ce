/**
 * The planner's decisions, told as stories: each .txt beside this file has commands, and below `----` what they gave.
 * `UPDATE_SCENARIOS=1 npx vitest run test/scenarios` writes the outputs anew; the diff is what a reviewer reads.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScenario, printScenario } from './language.ts';
import { runScenario } from './runner.ts';

const dir = import.meta.dirname;
const files = readdirSync(dir)
  .filter((name) => name.endsWith('.txt'))
  .sort();

describe('decision scenarios', () => {
  it('are many, and each begins with a sentence that says what it is about', () => {
    expect(files.length).toBeGreaterThanOrEqual(30);
    for (const file of files) expect(readFileSync(join(dir, file), 'utf8'), file).toMatch(/^# [A-Z].*\.\n/s);
  });

  it.each(files)('%s', (file) => {
    const path = join(dir, file);
    const text = readFileSync(path, 'utf8');
    const now = printScenario(runScenario(parseScenario(text)));
    if (process.env.UPDATE_SCENARIOS === '1') writeFileSync(path, now);
    else expect(now).toBe(text);
  });
});
