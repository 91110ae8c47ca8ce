/**
 * Keys of a configuration that a schema does not know: left out and told, with the known key that each may be a mistyping
 * of. By the schema's own words, so that no list of keys is kept twice.
 */
import type { z } from 'zod';

/** More rounds than a configuration has levels: each round finds the keys of one more. */
const mostRounds = 10;

/** Never throws. `known` is what is left of `value`; what else may be wrong with it is not looked at here. */
export function dropUnknownKeys(schema: z.ZodType, value: unknown): { known: unknown; warnings: string[] } {
  const known: unknown = structuredClone(value);
  const warnings: string[] = [];
  for (let round = 0; round < mostRounds; round += 1) {
    const parsed = schema.safeParse(known);
    const found = parsed.success ? [] : parsed.error.issues.flatMap((issue) => unrecognised(issue, known));
    if (found.length === 0) break;
    for (const { path, key } of found) {
      const parent = at(known, path);
      if (parent === null || !(key in parent)) continue;
      delete parent[key];
      warnings.push(inWords([...path, key].join('.'), nearest(key, keysAt(schema, path))));
    }
  }
  return { known, warnings };
}

interface Unknown {
  path: PropertyKey[];
  key: string;
}

/** Of a union the branch that had the least to say against the value is the one that was meant. */
function unrecognised(issue: z.core.$ZodIssue, value: unknown): Unknown[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: issue.path, key }));
  if (issue.code !== 'invalid_union') return [];
  const wrong = (branch: z.core.$ZodIssue[]): number =>
    branch.filter((one) => one.code !== 'unrecognized_keys').length * 1000 + branch.length;
  const [meant = []] = issue.errors.toSorted((one, other) => wrong(one) - wrong(other));
  return meant.flatMap((one) => unrecognised({ ...one, path: [...issue.path, ...one.path] }, value));
}

type Plain = Record<string, unknown>;

function at(value: unknown, path: PropertyKey[]): Plain | null {
  let here: unknown = value;
  for (const step of path) here = isPlain(here) || Array.isArray(here) ? (here as Plain)[String(step)] : undefined;
  return isPlain(here) ? here : null;
}

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The names that the schema knows at a path: through what wraps it, and of every branch of a union. */
function keysAt(schema: unknown, path: PropertyKey[]): string[] {
  const { def } = schema as { def?: { type: string; innerType?: unknown; options?: unknown[]; shape?: Plain } };
  if (def === undefined) return [];
  if (def.innerType !== undefined) return keysAt(def.innerType, path);
  if (def.options !== undefined) return def.options.flatMap((option) => keysAt(option, path));
  if (def.shape === undefined) return [];
  const [step, ...rest] = path;
  return step === undefined ? Object.keys(def.shape) : keysAt(def.shape[String(step)] ?? {}, rest);
}

function inWords(name: string, meant: string | null): string {
  const perhaps = meant === null ? 'this build does not know it' : `did you mean ${meant}?`;
  return `${name} is left out: ${perhaps}`;
}

/** The known key that is at most two letters away; null: none is. */
function nearest(key: string, known: string[]): string | null {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  const [best] = known
    .map((name) => ({ name, away: distance(plain(key), plain(name)) }))
    .filter(({ name, away }) => away <= Math.min(2, Math.floor(name.length / 3)))
    .toSorted((one, other) => one.away - other.away);
  return best?.name ?? null;
}

/** Levenshtein's: letters to put in, take out or change. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
