/** Releases on a simulated disk: three files whose text is the hash when they are right. */

import { tryLock } from '../../src/base/lock.ts';
import { nodePaths } from '../../src/base/paths.ts';
import { ClusterError } from '../../src/errors.ts';
import { completeReleases } from '../../src/trial/guard.ts';
import { behaviourOn } from './builds.ts';
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
    if (text !== hash) return `${name} is not what it should be`;
  }
  return null;
}

/** Puts a whole release on the disk, durably: for what is there before an update begins. */
export function install(host: Host, hash: string): void {
  const dir = `${host.base}/releases/${hash}`;
  fs.mkdirSync(dir);
  for (const name of releaseFiles) writeFile(`${dir}/${name}`, hash);
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
  const source = world.hosts.find((one) => one.id === from);
  const partial = `${host.base}/releases/${hash}.partial`;
  await sched.later(proc, timing.int(20, 300), () => undefined);
  const there = source?.daemon?.listening === true && net.both(host.id, from) && damaged(source, hash) === null;
  if (!there) throw new ClusterError('transfer-failed', `${from} does not serve ${hash.slice(0, 12)}`);
  try {
    fs.removeDir(partial);
    fs.mkdirSync(partial);
    for (const name of releaseFiles) {
      await sched.later(proc, timing.int(5, 60), () => undefined);
      writeFile(`${partial}/${name}`, arriving(world, host, hash));
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
    fs.removeDir(`${host.base}/releases/${hash}`);
    fs.renameSync(partial, `${host.base}/releases/${hash}`);
    syncDir(`${host.base}/releases`);
  } catch (thrown) {
    throw new ClusterError('disk', 'the disk refused the release', { seen: String(thrown) }, thrown);
  }
  return { ...done, bytesTransferred: 1_000 };
}

function arriving(world: World, host: Host, hash: string): string {
  const corrupt = world.builds.get(hash)?.corruptOn;
  const how = corrupt?.get(host.id);
  if (how === 'once') corrupt?.delete(host.id);
  return how === undefined ? hash : `damaged ${hash}`;
}

function verifyPartial(dir: string, hash: string): void {
  for (const name of releaseFiles) {
    if (fs.readFileSync(`${dir}/${name}`) !== hash) throw new ClusterError('verify-failed', `${name} differs`);
  }
}

/** Keeps the newest, and whatever a link leads to. */
export function prune(host: Host): void {
  const paths = nodePaths(host.base);
  const used = [paths.dist, paths.distBak].map((path) => {
    try {
      return fs.readlinkSync(path);
    } catch {
      return '';
    }
  });
  const all = completeReleases(host.base);
  for (const hash of all.slice(keepReleases)) {
    if (!used.includes(`releases/${hash}`)) fs.removeDir(`${host.base}/releases/${hash}`);
  }
}
