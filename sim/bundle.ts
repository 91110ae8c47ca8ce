/**
 * Bundles the simulation with the real code: `node:fs` of src/ becomes the simulated disk, and what it reads of its
 * process becomes the simulated process. A mutant is a replacement of exact text in one file of src/.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface Replacement {
  /** Path from the root of the repository. */
  file: string;
  old: string;
  new: string;
}

/**
 * The same answers, remembered, and a record that this code itself wrote is not looked at by its schema again: nothing
 * else is different. Left out where the text has changed.
 */
const quicker: Replacement[] = [
  {
    file: 'src/node/paths.ts',
    old: 'export function nodePaths(base: string): NodePaths {',
    new: `const known = new Map<string, NodePaths>();
export function nodePaths(base: string): NodePaths {
  const paths = known.get(base) ?? makePaths(base);
  known.set(base, paths);
  return paths;
}
function makePaths(base: string): NodePaths {`,
  },
  {
    file: 'src/cluster/record-schema.ts',
    old: `export const parseRecord = (text: string): UpdateRecord => parse<UpdateRecord>(record, text, "the update's record");`,
    new: `let lastText = '';
let lastRecord: UpdateRecord | null = null;
export const parseRecord = (text: string): UpdateRecord => {
  if (lastRecord !== null && text === lastText) return lastRecord;
  lastRecord = JSON.parse(text) as UpdateRecord;
  lastText = text;
  return lastRecord;
};
`,
  },
  {
    file: 'src/release/link.ts',
    old: `  try {
    return readFileSync(path, 'utf8');
  } catch (error) {`,
    new: `  if (!globalThis.simExists(path)) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {`,
  },
];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Writes the bundle to `outfile`. Throws when a replacement's text is not there exactly once. */
export async function bundle(outfile: string, replacements: Replacement[] = []): Promise<void> {
  const used = new Set<Replacement>();
  await build({
    entryPoints: [join(root, 'sim/run.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
    sourcemap: 'inline',
    define: {
      AbortController: 'globalThis.simAbortController',
      AbortSignal: 'globalThis.simAbortSignal',
      'process.pid': 'globalThis.simPid',
      'process.hrtime.bigint': 'globalThis.simHrtime',
      'process.kill': 'globalThis.simKill',
      'Atomics.wait': 'globalThis.simWait',
    },
    plugins: [
      {
        name: 'simulated-disk',
        setup(setup) {
          setup.onResolve({ filter: /^node:fs$/ }, ({ importer }) =>
            relative(root, importer).startsWith('src/') ? { path: join(root, 'sim/world/fs-shim.ts') } : undefined,
          );
          setup.onResolve({ filter: /^node:path$/ }, ({ importer }) =>
            relative(root, importer).startsWith('src/') ? { path: join(root, 'sim/world/path-shim.ts') } : undefined,
          );
          setup.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
            const mine = replacements.filter((one) => join(root, one.file) === path);
            const quick = quicker.filter((one) => join(root, one.file) === path);
            if (mine.length + quick.length === 0) return undefined;
            let contents = await readFile(path, 'utf8');
            for (const one of quick) contents = contents.replace(one.old, () => one.new);
            for (const one of mine) {
              const parts = contents.split(one.old);
              if (parts.length !== 2) throw new Error(`${one.file}: found ${parts.length - 1} times: ${one.old}`);
              contents = parts.join(one.new);
              used.add(one);
            }
            return { contents, loader: 'ts' as const };
          });
        },
      },
    ],
  });
  const unused = replacements.find((one) => !used.has(one));
  if (unused !== undefined) throw new Error(`${unused.file} is not part of the simulation`);
}
