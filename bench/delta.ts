import { randomBytes } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodePaths } from '../src/base/paths.ts';
import { type Build, makeBuild, stamp } from '../test/support/builds.ts';
import type { DevNode } from '../test/support/dev-cluster.ts';
import { type Benchmark, benchCluster } from './harness.ts';
import { mustUpdate } from './updates.ts';

const files = 2000;
const fileBytes = 100_000;
const payloadBytes = files * fileBytes;

/** A release of 200 MB of which one small file changes. */
export const delta: Benchmark = {
  name: 'delta',
  title: 'a release of 200 MB in 2,000 files, of which one small file changed',
  runs: 3,
  figures: {
    moved: { what: 'bytes moved per node, of the size of the release', unit: '%', target: { atMost: 1 } },
    shared: {
      what: 'files of a release that are the same inode as one of the release before',
      unit: '%',
      target: { atMost: 0 },
    },
    // What a file says it takes; where the file system clones (xfs, btrfs), the blocks themselves are shared.
    disk: { what: 'disk that a further release takes, of its size, where nothing is cloned', unit: '%' },
  },
  async open(place) {
    const cluster = await benchCluster(place, 1000);
    let before = await bigBuild(join(place.dir, 'big'));
    await mustUpdate(cluster, before, place.signal);
    return async (n) => {
      const after = await changeOneFile(before, join(place.dir, `big-${n}`), n);
      const record = await mustUpdate(cluster, after, place.signal);
      const moved = Math.max(...record.tasks.map((task) => task.bytesTransferred));
      const shared = Math.max(...cluster.nodes.map((node) => sharedPercent(node, before, after)));
      const disk = Math.max(...cluster.nodes.map((node) => diskPercent(node, before, after)));
      before = after;
      return { moved: (moved / payloadBytes) * 100, shared, disk };
    };
  },
};

async function bigBuild(dir: string): Promise<Build> {
  await makeBuild({ to: dir, note: 'with a large payload' });
  const payload = join(dir, 'payload');
  mkdirSync(payload);
  for (let n = 0; n < files; n += 1) writeFileSync(join(payload, `part-${n}`), randomBytes(fileBytes));
  return { dir, version: await stamp(dir) };
}

async function changeOneFile(build: Build, dir: string, n: number): Promise<Build> {
  cpSync(build.dir, dir, { recursive: true });
  rmSync(join(dir, 'changed.txt'), { force: true }); // read-only, as all files of a build
  writeFileSync(join(dir, 'changed.txt'), `change number ${n}\n`);
  return { dir, version: await stamp(dir) };
}

/** The payload's files in a release on a node's disk. */
function payloadOn(node: DevNode, build: Build): { inode: number; bytesOnDisk: number }[] {
  const dir = join(nodePaths(node.base).releases, build.version.buildHash, 'payload');
  return readdirSync(dir).map((name) => {
    const { ino, blocks } = lstatSync(join(dir, name));
    return { inode: ino, bytesOnDisk: blocks * 512 };
  });
}

function sharedPercent(node: DevNode, before: Build, after: Build): number {
  const there = new Set(payloadOn(node, before).map(({ inode }) => inode));
  const all = payloadOn(node, after);
  return (all.filter(({ inode }) => there.has(inode)).length / all.length) * 100;
}

/** Blocks of files that the release before does not hold as well. */
function diskPercent(node: DevNode, before: Build, after: Build): number {
  const there = new Set(payloadOn(node, before).map(({ inode }) => inode));
  const own = payloadOn(node, after).filter(({ inode }) => !there.has(inode));
  return (own.reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0) / payloadBytes) * 100;
}
