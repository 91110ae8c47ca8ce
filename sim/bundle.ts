/**
 * Bundles the simulation with the real code: `node:fs` of src/ becomes the simulated disk, and what it reads of its
 * process becomes the simulated process. A mutant is a replacement of exact text in one file of src/.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

export interface Replacement {
  /** Path from the root of the repository. */
  file: string;
  old: string;
  new: string;
  /** It hands values on where there is text otherwise, which nothing can that is of several versions. */
  passesValues?: true;
}

/**
 * A function of the disk below `base` and of nothing else, but that another version may read the same disk otherwise. Whoever
 * asks must not change the list: it is frozen.
 */
function ofDisk(file: string, name: string, type: string): Replacement {
  const head = (as: string): string => `function ${as}(base: string): ${type} {`;
  return {
    file,
    old: `export ${head(name)}`,
    new: `const ${name}Here = \`${name} of \${globalThis.simVersion.name}\`;
export ${head(name)}
  return globalThis.simOfDisk(base, ${name}Here, ${name}Anew) as ${type};
}
${head(`${name}Anew`)}`,
  };
}

/**
 * The same answers, remembered, and a record that this code itself wrote is neither made text nor looked at by its schema
 * again: nothing else is different, and a test compares the traces with those of an `exact` bundle. Every place of the
 * text is replaced; where it has changed it is left as it is.
 */
const quicker: Replacement[] = [
  {
    file: 'src/base/paths.ts',
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
    file: 'src/cluster/journal/record-schema.ts',
    old: `parse<UpdateRecord>(record, text, "the update's record")`,
    new: 'globalThis.simValue(text) as UpdateRecord',
    passesValues: true,
  },
  {
    file: 'src/cluster/journal/record-schema.ts',
    old: `parse<UpdateEvent>(event, text, 'an event of the update')`,
    new: 'globalThis.simValue(text) as UpdateEvent',
    passesValues: true,
  },
  ...(
    [
      ['src/cluster/journal/journal.ts', 'started.record'],
      ['src/cluster/journal/journal-write.ts', 'record'],
      ['src/cluster/journal/journal-write.ts', 'event'],
    ] as const
  ).map(([file, name]) => ({
    file,
    old: `JSON.stringify(${name})`,
    new: `globalThis.simText(${name})`,
    passesValues: true as const,
  })),
  {
    file: 'src/base/parse-as.ts',
    old: 'export function parseAs<T>(text: string, schema: z.ZodType<T>): { value: T } | { problem: string } {',
    new: `const known = new Map<string, unknown>();
export function parseAs<T>(text: string, schema: z.ZodType<T>): { value: T } | { problem: string } {
  if (!text.startsWith('{"node":')) return parseAnew(text, schema);
  const found = known.get(text) ?? parseAnew(text, schema);
  if (known.size > 200) known.clear();
  known.set(text, found);
  return found as { value: T };
}
function parseAnew<T>(text: string, schema: z.ZodType<T>): { value: T } | { problem: string } {`,
  },
  { file: 'src/base/parse-as.ts', old: 'JSON.parse(text)', new: 'globalThis.simValue(text)', passesValues: true },
  {
    file: 'src/trial/trial-file.ts',
    old: 'export function fieldsOf(text: string): Fields | null {',
    new: `const knownFields = new Map<string, Fields | null>();
export function fieldsOf(text: string): Fields | null {
  let found = knownFields.get(text);
  if (found === undefined) {
    found = fieldsAnew(text);
    if (found !== null) Object.freeze(found);
    if (knownFields.size > 200) knownFields.clear();
    knownFields.set(text, found);
  }
  return found;
}
function fieldsAnew(text: string): Fields | null {`,
  },
  ...['Trial', 'Progress', 'Marker'].map((what) => {
    const type = { Trial: 'Trial', Progress: 'TrialProgress', Marker: 'HealthyMarker' }[what];
    const head = (name: string): string => `export function ${name}(text: string): ${type} | null {`;
    return {
      file: 'src/trial/trial-file.ts',
      old: head(`parse${what}`),
      new: `const known${what} = new Map<string, ${type} | null>();
${head(`parse${what}`)}
  let found = known${what}.get(text);
  if (found === undefined) {
    found = parse${what}Anew(text);
    if (known${what}.size > 200) known${what}.clear();
    known${what}.set(text, found);
  }
  return found;
}
${head(`parse${what}Anew`)}`,
    };
  }),
  {
    file: 'src/base/files.ts',
    old: `  try {
    return readFileSync(path, 'utf8');
  } catch (error) {`,
    new: `  try {
    return globalThis.simReadText(path);
  } catch (error) {`,
  },
  {
    file: 'src/base/files.ts',
    old: `    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
`,
    new: `    globalThis.simWriteText(fd, text);
`,
  },
  {
    file: 'src/base/files.ts',
    old: `  try {
    return hashOfTarget(readlinkSync(path));
  } catch {
    return null;
  }`,
    new: `  const target = globalThis.simReadLink(path);
  return target === null ? null : hashOfTarget(target);`,
  },
  {
    file: 'src/base/files.ts',
    old: 'export function hashOfTarget(target: string): string | null {',
    new: `const knownTargets = new Map<string, string | null>();
export function hashOfTarget(target: string): string | null {
  let found = knownTargets.get(target);
  if (found === undefined) {
    found = hashAnew(target);
    if (knownTargets.size > 200) knownTargets.clear();
    knownTargets.set(target, found);
  }
  return found;
}
function hashAnew(target: string): string | null {`,
  },
  {
    file: 'src/trial/gather.ts',
    old: `  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }`,
    new: '  return globalThis.simReadLink(path) !== null;',
  },
  // What only the disk decides, until it changes.
  ofDisk('src/trial/complete.ts', 'completeReleases', 'string[]'),
  ofDisk('src/release/committed.ts', 'committedHere', 'string[]'),
  ofDisk('src/trial/damage-file.ts', 'readDamage', 'Damage[]'),
  // The hash of the very bytes that are there, whenever they were hashed before.
  {
    file: 'src/release/tree-hash.js',
    old: 'export function hashTreeSync(dir) {',
    new: `const knownTrees = new Map();
export function hashTreeSync(dir) {
  const held = globalThis.simTreeText(dir);
  if (held === null) return hashTreeAnew(dir);
  const found = knownTrees.get(held) ?? hashTreeAnew(dir);
  if (knownTrees.size > 200) knownTrees.clear();
  knownTrees.set(held, found);
  return found;
}
function hashTreeAnew(dir) {`,
  },
  {
    file: 'src/base/lock.ts',
    old: `const value: unknown = JSON.parse(readFileSync(path, 'utf8'));`,
    new: `const text = globalThis.simReadText(path);
    if (text === null) return null;
    const value: unknown = JSON.parse(text);`,
  },
  {
    file: 'src/base/boot.ts',
    old: `function readStat(pid: number): Stat | null {`,
    new: `function readStat(pid: number): Stat | null {
  return globalThis.simStat(pid);
}
export function readStatText(pid: number): Stat | null {`,
  },
];

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
        for (const one of quickOnes) contents = contents.replaceAll(one.old, () => one.new);
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
