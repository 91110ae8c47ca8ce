import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { check } from './check-layers.js';

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A tree of these files, checked. */
function checked(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'layers-'));
  made.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return check(root);
}

const empty = 'export const nothing = 0;\n';

describe('the walls of the house', () => {
  it('stand in this repository', () => {
    expect(check(join(import.meta.dirname, '..'))).toEqual([]);
  });

  it('let a wing import from those below it', () => {
    const text = "import { nothing } from '../release/store.ts';\nexport const also = nothing;\n";
    expect(checked({ 'src/trial/guard.ts': text, 'src/release/store.ts': empty })).toEqual([]);
  });

  const broken: { rule: string; files: Record<string, string>; says: RegExp }[] = [
    {
      rule: 'an import that goes upwards',
      files: { 'src/release/store.ts': "import '../trial/guard.ts';\n", 'src/trial/guard.ts': empty },
      says: /^src\/release\/store\.ts:1: imports '\.\.\/trial\/guard\.ts': release may not import upwards$/,
    },
    {
      rule: 'an upward import of a type alone, on its line',
      files: { 'src/ports/agent.ts': "\nimport type { T } from '../host/t.ts';\n", 'src/host/t.ts': empty },
      says: /^src\/ports\/agent\.ts:2: .*ports may not import upwards/,
    },
    {
      rule: 'an upward re-export',
      files: { 'src/base/files.ts': "export { nothing } from '../host/t.ts';\n", 'src/host/t.ts': empty },
      says: /^src\/base\/files\.ts:1: .*base may not import upwards/,
    },
    {
      rule: 'an upward import at run time',
      files: { 'src/base/files.ts': "export const t = () => import('../host/t.ts');\n", 'src/host/t.ts': empty },
      says: /^src\/base\/files\.ts:1: .*base may not import upwards/,
    },
    {
      rule: 'one face that knows the other',
      files: { 'src/mcp/tools.ts': "import '../cli/cli.ts';\n", 'src/cli/cli.ts': empty },
      says: /mcp and cli do not know each other/,
    },
    {
      rule: 'an adapter named outside the composition roots',
      files: {
        'src/release/transfer.ts': "import '../adapters/rsync/argv.ts';\n",
        'src/adapters/rsync/argv.ts': empty,
      },
      says: /only daemon\/compose and cli\/compose name an adapter/,
    },
    {
      rule: 'an adapter that reaches into the house',
      files: { 'src/adapters/etcd/store.ts': "import '../../cluster/keys.ts';\n", 'src/cluster/keys.ts': empty },
      says: /an adapter knows only adapters, base, ports, errors\.ts/,
    },
    {
      rule: 'a library in what the guard is made of',
      files: {
        'src/trial/guard-main.ts': "import '../base/files.ts';\n",
        'src/base/files.ts': "import { z } from 'zod';\nexport const t = z;\n",
      },
      says: /^src\/base\/files\.ts:1: imports 'zod': the guard is made of Node's builtins and our own files$/,
    },
    {
      rule: 'a clock in the pure core',
      files: { 'src/cluster/update/plan.ts': 'export const at = () => Date.now();\n' },
      says: /^src\/cluster\/update\/plan\.ts:1: Date\.now: time and randomness come in through a port here$/,
    },
    {
      rule: 'randomness in the pure core',
      files: { 'src/cluster/update/plan.ts': 'export const any = () => Math.random();\n' },
      says: /Math\.random: time and randomness/,
    },
    {
      rule: 'a signal made of others that is never let go',
      files: { 'src/members/m.ts': '/** Not AbortSignal.any: */\nexport const one = AbortSignal.any([]);\n' },
      says: /^src\/members\/m\.ts:2: AbortSignal\.any: /,
    },
    {
      rule: 'a timer module in the guard',
      files: {
        'src/trial/guard.ts': "export * from 'node:timers/promises';\n",
      },
      says: /no clock here/,
    },
    {
      rule: 'a circle',
      files: { 'src/host/a.ts': "import './b.ts';\n", 'src/host/b.ts': "import './a.ts';\n" },
      says: /a circle: src\/host\/a\.ts -> src\/host\/b\.ts -> src\/host\/a\.ts/,
    },
    {
      rule: 'a circle of the simulation',
      files: { 'sim/world/a.ts': "import './b.ts';\n", 'sim/world/b.ts': "import type { T } from './a.ts';\n" },
      says: /a circle: sim\/world\/a\.ts -> sim\/world\/b\.ts -> sim\/world\/a\.ts/,
    },
    {
      rule: 'a wing that has no floor',
      files: { 'src/attic/a.ts': "import '../base/files.ts';\n", 'src/base/files.ts': empty },
      says: /attic\/ has no floor/,
    },
    {
      rule: 'a way out of src/',
      files: { 'src/base/a.ts': "import '../../test/b.ts';\n", 'test/b.ts': empty },
      says: /src\/ imports from src\/ only/,
    },
  ];
  it.each(broken)('do not stand for $rule', ({ files, says }) => {
    expect(checked(files)).toEqual([expect.stringMatching(says)]);
  });
});
