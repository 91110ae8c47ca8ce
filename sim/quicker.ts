/** What makes a run of the simulation quicker without making it another one: replacements in src/, with remembered answers. */
import type { Replacement } from './replacement.ts';

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
 * text is replaced; where it has changed, bundling says so, but for versions of before, whose text may be another.
 */
export const quicker: Replacement[] = [
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
