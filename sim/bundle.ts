/**
 * Bundles the simulation with the real code: `node:fs` of src/ becomes the simulated disk, and what it reads of its
 * process becomes the simulated process. A mutant is a replacement of exact text in one file of src/.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { quicker } from './quicker.ts';
import type { Replacement } from './replacement.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const versionOf = ({ name, protocol, verbs }: Source): typeof globalThis.simVersion => ({ name, protocol, verbs });

/** Which src/ a bundle is of. */
export interface Source {
  name: string;
  protocol: { min: number; max: number };
  /** Absolute path of the directory that has `src/` in it. */
  root: string;
  /** Verbs of `claudecluster node`, each with the flags that it takes. */
  verbs: Record<string, string[]>;
  /** Where this version has what lies elsewhere now, paths from the root: by what came last first, one table after the other. */
  moved: Record<string, string>[];
  /** What stands in for modules that it does not have, or has in another form: a file of sim/, or one of src/ of now. */
  standIns: Record<string, string>;
}

/** Several versions in one world (sim/mixed/bundle.ts): the world itself with the bundles of its sides, or one of those. */
export type Mixed = { sides: string[] } | { sideOf: Source };

const here: Source = { name: 'HEAD', protocol: { min: 1, max: 1 }, root, verbs: {}, moved: [], standIns: {} };

/**
 * Writes the bundle to `outfile`; `exact`: without `quicker`. Throws when a replacement's text is not there exactly once.
 */
export async function bundle(
  outfile: string,
  replacements: Replacement[] = [],
  options: { exact?: boolean; mixed?: Mixed } = {},
): Promise<void> {
  const { exact = false, mixed } = options;
  const source = mixed !== undefined && 'sideOf' in mixed ? mixed.sideOf : here;
  const isSide = source !== here;
  const quick = exact ? [] : quicker.filter(({ passesValues }) => mixed === undefined || passesValues !== true);
  const used = new Set<Replacement>();
  await build({
    entryPoints: [join(root, isSide ? 'sim/world/side.ts' : 'sim/run.ts')],
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
      'globalThis.simExact': String(exact || mixed !== undefined),
      'globalThis.simMixed': String(mixed !== undefined),
      'globalThis.simSides': JSON.stringify(mixed !== undefined && 'sides' in mixed ? mixed.sides : []),
      'globalThis.simVersion': JSON.stringify(versionOf(source)),
      'process.pid': 'globalThis.simPid',
      'process.hrtime.bigint': 'globalThis.simHrtime',
      'process.kill': 'globalThis.simKill',
      'Atomics.wait': 'globalThis.simWait',
    },
    plugins: [...(isSide ? [sharedWorld, sourceOf(source)] : []), simulatedDisk(source, { quick, replacements, used })],
  });
  const unused = replacements.find((one) => !used.has(one));
  if (unused !== undefined) throw new Error(`${unused.file} is not part of the simulation`);
}

/** What a side has in common with the world and the other sides is not in its bundle: sim/world/shared.ts hands it out. */
const shared = ['builds', 'disk', 'fs-shim', 'network', 'scheduler', 'texts'];
const sharedWorld: Plugin = {
  name: 'shared-world',
  setup(setup) {
    const isShared = new RegExp(`/(${shared.join('|')})\\.ts$`);
    setup.onResolve({ filter: isShared }, ({ path, importer }) =>
      relative(root, importer).startsWith('sim/') ? { path: basename(path, '.ts'), namespace: 'shared' } : undefined,
    );
    setup.onResolve({ filter: /^node:fs$/ }, ({ importer }) =>
      isOfSrc(importer) ? { path: 'fs-shim', namespace: 'shared' } : undefined,
    );
    setup.onLoad({ filter: /./, namespace: 'shared' }, ({ path }) => ({
      contents: `module.exports = globalThis.simShared[${JSON.stringify(path)}];`,
    }));
  },
};

/** Where a version has what lies there now. */
const placeIn = ({ moved }: Source, path: string): string => moved.reduce((at, table) => table[at] ?? at, path);

/** Leads what the simulation imports from src/ to the src/ of another version, or to what stands in for it. */
function sourceOf(source: Source): Plugin {
  return {
    name: 'other-source',
    setup(setup) {
      setup.onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
        const from = relative(root, importer);
        if (!from.startsWith('sim/')) return undefined;
        const wanted = relative(root, join(dirname(importer), path));
        // A stand-in itself is made of what the version has.
        const standIn = from.startsWith('sim/mixed/') ? undefined : source.standIns[wanted];
        if (standIn !== undefined) return { path: join(root, standIn) };
        if (!wanted.startsWith('src/')) return undefined;
        const found = join(source.root, placeIn(source, wanted));
        if (existsSync(found)) return { path: found };
        const where = `${source.name} has no ${relative(source.root, found)}`;
        return {
          errors: [{ text: `${where}: say in sim/mixed/releases.ts where it has what ${from} takes from ${wanted}` }],
        };
      });
    },
  };
}

const isOfSrc = (file: string): boolean => !relative(root, file).startsWith('sim/') && file.includes('/src/');

interface Changes {
  quick: Replacement[];
  replacements: Replacement[];
  used: Set<Replacement>;
}

function simulatedDisk(source: Source, { quick, replacements, used }: Changes): Plugin {
  return {
    name: 'simulated-disk',
    setup(setup) {
      setup.onResolve({ filter: /^node:fs$/ }, ({ importer }) =>
        isOfSrc(importer) ? { path: join(root, 'sim/world/fs-shim.ts') } : undefined,
      );
      setup.onResolve({ filter: /^node:path$/ }, ({ importer }) =>
        isOfSrc(importer) ? { path: join(root, 'sim/world/path-shim.ts') } : undefined,
      );
      setup.onLoad({ filter: /\/src\/.*\.[jt]s$/ }, async ({ path }) => {
        const isOf = (one: Replacement): boolean => join(source.root, one.file) === path;
        const mine = replacements.filter(isOf);
        const quickOnes = quick.filter(({ file }) => join(source.root, placeIn(source, file)) === path);
        if (mine.length + quickOnes.length === 0) return undefined;
        let contents = await readFile(path, 'utf8');
        for (const one of quickOnes) {
          if (source === here && !contents.includes(one.old)) throw new Error(`${one.file}: not there: ${one.old}`);
          contents = contents.replaceAll(one.old, () => one.new);
        }
        for (const one of mine) {
          const parts = contents.split(one.old);
          if (parts.length !== 2) throw new Error(`${one.file}: found ${parts.length - 1} times: ${one.old}`);
          contents = parts.join(one.new);
          used.add(one);
        }
        return { contents, loader: path.endsWith('.ts') ? ('ts' as const) : ('js' as const) };
      });
    },
  };
}
