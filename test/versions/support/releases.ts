/** The releases that this run is about: all of `releases.json`, the newest one in CI, or one by name. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Release } from './build.ts';

const schema = z
  .array(
    z.strictObject({
      name: z.string().min(1),
      commit: z.string().regex(/^[0-9a-f]{40}$/, 'all 40 digits of a commit'),
      strictConfig: z.boolean().optional(),
    }),
  )
  .min(1);

/** Oldest first. */
export function allReleases(): Release[] {
  return schema.parse(JSON.parse(readFileSync(new URL('../releases.json', import.meta.url), 'utf8'))) as Release[];
}

/** `VERSIONS=0.1.0-0a60ba1` picks by name, `VERSIONS_SHORT=1` the newest. */
export function chosenReleases(env: NodeJS.ProcessEnv = process.env): Release[] {
  const all = allReleases();
  const names = env.VERSIONS?.split(',') ?? [];
  const unknown = names.filter((name) => all.every((release) => release.name !== name));
  if (unknown.length > 0) {
    throw new Error(`VERSIONS: no release ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`);
  }
  if (names.length > 0) return all.filter(({ name }) => names.includes(name));
  return env.VERSIONS_SHORT === '1' ? all.slice(-1) : all;
}
