/** Releases on a simulated disk: three files, and a name that is the hash of the tree when they are right. */

import { tryLock } from '../../src/base/lock.ts';
import { ClusterError } from '../../src/errors.ts';
import { committedHere } from '../../src/release/committed.ts';
import { completeReleases } from '../../src/trial/complete.ts';
import { behaviourOn, filesOf } from './builds.ts';
import type { DirNode } from './disk.ts';
import * as fs from './fs-shim.ts';
import type { Proc } from './scheduler.ts';
import type { Host, World } from './types.ts';

export const releaseFiles = ['index.js', 'guard.js', 'version.json'] as const;
const keepReleases = 3;

function releasesDir(host: Host, view: 'entries' | 'durable'): Map<string, DirNode> {
  const dir = host.disk.root[view].get('releases');
  return (dir?.kind === 'dir' ? dir[view] : new Map()) as Map<string, DirNode>;
}

/** Names of what counts as staged: the directories with a whole hash for a name. */
export function completeNames(host: Host): string[] {
  return [...releasesDir(host, 'entries').keys()].filter((name) => name.length === 64);
}

/** What is wrong with a release as it is now, or as a power cut would leave it; null: nothing. */
export function damaged(host: Host, hash: string, view: 'entries' | 'durable' = 'entries'): string | null {
  const dir = releasesDir(host, view).get(hash);
  if (dir === undefined) return 'missing';
  for (const name of releaseFiles) {
    const file = dir[view].get(name);
    const text = file?.kind === 'file' ? (view === 'durable' ? file.synced : file.text) : null;
    if (text !== filesOf(hash)[name]) return `${name} is not what it should be`;
  }
  return null;
}

/** What is left of an index.js that rotted where it starts. Other rot leaves a daemon that runs as before. */
export const cutShort = '#!';

export function startsNever(host: Host, hash: string): boolean {
  const file = releasesDir(host, 'entries').get(hash)?.entries.get('index.js');
  return file?.kind === 'file' && file.text === cutShort;
}

/** Is this file of a release not what it should be? */
export function damagedFile(host: Host, hash: string, name: (typeof releaseFiles)[number]): boolean {
  const file = releasesDir(host, 'entries').get(hash)?.entries.get(name);
  return file?.kind !== 'file' || file.text !== filesOf(hash)[name];
}

/** Puts a whole release on the disk, durably: for what is there before an update begins. */
export function install(host: Host, hash: string): void {
  const dir = `${host.base}/releases/${hash}`;
  fs.mkdirSync(dir);
  for (const name of releaseFiles) writeFile(`${dir}/${name}`, filesOf(hash)[name] ?? '');
  syncDir(dir);
  syncDir(`${host.base}/releases`);
}

function writeFile(path: string, text: string): void {
  const fd = fs.openSync(path, 'w');
  try {
    globalThis.simWriteText(fd, text);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function syncDir(path: string): void {
  const fd = fs.openSync(path);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** As src/release/partial-lock.ts: one at a time puts a release together. */
async function oneAtATime(world: World, host: Host, proc: Proc, hash: string): Promise<() => void> {
  for (let tried = 0; tried < 200; tried += 1) {
    const lock = tryLock(`${host.base}/run/stage-${hash}.lock`, 'stage');
    if (lock.held) return lock.release;
    await world.sched.later(proc, 50, () => undefined);
  }
  throw new ClusterError('transfer-failed', 'another transfer of this release is under way');
}

export async function stageVerb(world: World, host: Host, proc: Proc, hash: string, from: string): Promise<object> {
  if (damaged(host, hash) === null) return { ok: true, verb: 'stage', bytesTransferred: 0 };
  let release: () => void;
  try {
    release = await oneAtATime(world, host, proc, hash);
  } catch (thrown) {
    if (thrown instanceof ClusterError) throw thrown;
    throw new ClusterError('disk', 'the disk refused the lock of the release', { seen: String(thrown) }, thrown);
  }
  try {
    return await stage(world, host, proc, hash, from);
  } finally {
    release();
  }
}

/** `node stage`: from another node, under another name, verified, self-tested, then renamed (P2, P7). */
async function stage(world: World, host: Host, proc: Proc, hash: string, from: string): Promise<object> {
  const { sched, net, timing } = world;
  const done = { ok: true, verb: 'stage', bytesTransferred: 0 };
  if (damaged(host, hash) === null) return done;
  const source = world.hosts.find((one) => one.id === from || one.address === from);
  const partial = `${host.base}/releases/${hash}.partial`;
  await sched.later(proc, timing.int(20, 300), () => undefined);
  const there = source?.daemon?.listening === true && net.both(host.id, source.id) && damaged(source, hash) === null;
  if (!there) throw new ClusterError('transfer-failed', `${from} does not serve ${hash.slice(0, 12)}`);
  try {
    fs.removeDir(partial);
    fs.mkdirSync(partial);
    for (const name of releaseFiles) {
      await sched.later(proc, timing.int(5, 60), () => undefined);
      writeFile(`${partial}/${name}`, arriving(world, host, hash, name));
    }
    syncDir(partial);
  } catch (thrown) {
    throw new ClusterError('disk', 'the disk refused the release', { seen: String(thrown) }, thrown);
  }
  await sched.later(proc, timing.int(5, 40), () => undefined);
  verifyPartial(partial, hash);
  const build = world.builds.get(hash);
  if (build !== undefined && behaviourOn(build, host.id) === 'fails-self-test') {
    throw new ClusterError('self-test-failed', 'the build fails its self-test');
  }
  try {
    putInPlace(host, hash, partial);
  } catch (thrown) {
    throw new ClusterError('disk', 'the disk refused the release', { seen: String(thrown) }, thrown);
  }
  return { ...done, bytesTransferred: 1_000 };
}

/** As src/release/install.ts: what a link leads to is mended file by file, for it may not be gone for a moment (P2). */
function putInPlace(host: Host, hash: string, partial: string): void {
  const release = `${host.base}/releases/${hash}`;
  if (linked(host).includes(hash)) {
    for (const name of releaseFiles) fs.renameSync(`${partial}/${name}`, `${release}/${name}`);
    syncDir(release);
    fs.removeDir(partial);
  } else {
    fs.removeDir(release);
    fs.renameSync(partial, release);
  }
  syncDir(`${host.base}/releases`);
}

/** The hash that a link at the top leads to; null: there is none. */
export function linkedBy(host: Host, name: 'dist' | 'dist.bak'): string | null {
  const node = host.disk.root.entries.get(name);
  return node?.kind === 'link' ? node.target.slice('releases/'.length) : null;
}

/** Hashes that dist and dist.bak lead to. */
export function linked(host: Host): string[] {
  return (['dist', 'dist.bak'] as const).flatMap((name) => linkedBy(host, name) ?? []);
}

function arriving(world: World, host: Host, hash: string, name: string): string {
  const corrupt = world.builds.get(hash)?.corruptOn;
  const how = corrupt?.get(host.id);
  if (how === 'once') corrupt?.delete(host.id);
  const text = filesOf(hash)[name] ?? '';
  return how === undefined ? text : `damaged ${text}`;
}

function verifyPartial(dir: string, hash: string): void {
  for (const name of releaseFiles) {
    if (fs.readFileSync(`${dir}/${name}`) !== filesOf(hash)[name])
      throw new ClusterError('verify-failed', `${name} differs`);
  }
}

/** Keeps the newest, and whatever a link leads to. */
export function prune(host: Host): void {
  const used = linked(host);
  const all = completeReleases(host.base);
  // As src/release/prune.ts: one more that was committed here.
  const spare = committedHere(host.base).find((hash) => !used.includes(hash) && all.includes(hash));
  for (const hash of all.slice(keepReleases)) {
    if (!used.includes(hash) && hash !== spare) fs.removeDir(`${host.base}/releases/${hash}`);
  }
}
