/** Builds and how they behave: what the update must find out. */
import { createHash } from 'node:crypto';
import type { VersionInfo } from '../../src/ports/releases.ts';
import { sum } from '../../src/release/tree-hash.js';
import type { Random } from './random.ts';

export type Behaviour =
  | 'good'
  | 'crashes' // ends soon after every start
  | 'hangs' // runs, never healthy
  | 'healthy-then-crashes' // becomes healthy, ends a while later, every time
  | 'healthy-then-ill' // becomes healthy, then says that it is not
  | 'never-joins' // answers, and never writes a heartbeat
  | 'lags' // its Raft member falls behind for ever
  | 'crashes-once' // only its first start on each node fails
  | 'fails-self-test';

export interface Build {
  hash: string;
  /** Its files, by name; the hash is that of this very tree. */
  files: Record<string, string>;
  version: VersionInfo;
  behaviour: Behaviour;
  /** Only there it misbehaves; null: everywhere. */
  onlyOn: string | null;
  /** ms after the start, or after becoming healthy. */
  failsAfterMs: number;
  /** Arrives damaged on these nodes: at the first transfer only, or at each. */
  corruptOn: Map<string, 'once' | 'always'>;
}

export function makeBuild(
  number: number,
  behaviour: Behaviour,
  random: Random,
  protocol: VersionInfo['protocol'],
): Build {
  const { hash, files } = makeTree(number, random.hex(30));
  const version: VersionInfo = {
    buildHash: hash,
    builtAt: '2026-01-01T00:00:00Z',
    gitCommit: hash.slice(0, 7),
    version: `0.${number}.0`,
    protocol,
    node: '>=20',
  };
  // Before three heartbeats are over: a build that fails later than that is for probation to find.
  const slow = behaviour === 'healthy-then-crashes' || behaviour === 'healthy-then-ill';
  const failsAfterMs = slow ? random.int(1, 1_300) : random.int(1, 400);
  return { hash, files, version, behaviour, onlyOn: null, failsAfterMs, corruptOn: new Map() };
}

/** A tree as a disk has it, and its hash by the very code that a guard asks. */
function makeTree(number: number, salt: string): { hash: string; files: Record<string, string> } {
  const code: Record<string, string> = { 'guard.js': `guard ${number} ${salt}`, 'index.js': `index ${number} ${salt}` };
  const entries = Object.entries(code).map(([name, text]) => ({
    path: Buffer.from(name),
    kind: 'file' as const,
    mode: 0o644,
    size: text.length,
    digest: createHash('sha256').update(text).digest(),
    target: null,
  }));
  const { hash } = sum(entries);
  const files = { ...code, 'version.json': JSON.stringify({ buildHash: hash }) };
  known.set(hash, files);
  return { hash, files };
}

/** What each release of this run holds, by its hash. */
const known = new Map<string, Record<string, string>>();
export const filesOf = (hash: string): Record<string, string> => known.get(hash) ?? {};
export const forgetBuilds = (): void => known.clear();

/** How the build behaves on that node. */
export function behaviourOn(build: Build, hostId: string): Behaviour {
  return build.onlyOn === null || build.onlyOn === hostId ? build.behaviour : 'good';
}
