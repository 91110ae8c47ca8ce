import { randomBytes } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
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
      what: 'equal files that share their blocks with the release before',
      unit: '%',
      target: { atLeast: 100 },
    },
  },
  async open(place) {
    const cluster = await benchCluster(place, 1000);
    let before = await bigBuild(join(place.dir, 'big'));
    await mustUpdate(cluster, before, place.signal);
    return async (n) => {
      const after = await changeOneFile(before, join(place.dir, `big-${n}`), n);
      const record = await mustUpdate(cluster, after, place.signal);
      const moved = Math.max(...record.tasks.map((task) => task.bytesTransferred));
      const shared = Math.min(...cluster.nodes.map((node) => sharedPercent(node, before, after)));
      before = after;
      return { moved: (moved / payloadBytes) * 100, shared };
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
  writeFileSync(join(dir, 'changed.txt'), `change number ${n}\n`);
  return { dir, version: await stamp(dir) };
}

/** Of the payload's files in the newer release on a node's disk: how many are the same inode as in the older one. */
function sharedPercent(node: DevNode, before: Build, after: Build): number {
  const { releases } = nodePaths(node.base);
  const inode = (build: Build, name: string): number =>
    lstatSync(join(releases, build.version.buildHash, 'payload', name)).ino;
  const names = readdirSync(join(after.dir, 'payload'));
  const same = names.filter((name) => inode(before, name) === inode(after, name));
  return (same.length / names.length) * 100;
}
