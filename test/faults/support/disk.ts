/** Nodes whose disks are small enough to be filled: their bases are tmpfs. Needs root. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { cli } from '../../support/cli.ts';
import { type DevCluster, startDevCluster } from '../../support/dev-cluster.ts';
import { tempDir } from '../../support/temp.ts';

/** A cluster in which every node has a disk of so many MiB. */
export function smallDisks(sizeMiB: number): () => Promise<DevCluster> {
  return async () => {
    const dir = tempDir('small-disk');
    // A directory that `dev up` has begun is its own to go on with.
    writeFileSync(join(dir, 'dev.making'), '');
    const bases = ['n1', 'n2', 'n3'].map((nodeId) => join(dir, nodeId));
    const unmount = (): void => {
      for (const base of bases.splice(0)) execFileSync('umount', ['-l', base], { stdio: 'pipe' });
    };
    for (const base of bases) {
      mkdirSync(base);
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m,mode=755`, 'tmpfs', base]);
    }
    process.once('exit', unmount);
    try {
      const cluster = await startDevCluster({ dir });
      return {
        ...cluster,
        async stop() {
          await cli(['dev', 'down', '--dir', dir], { timeoutMs: 60_000 });
          unmount();
          await cluster.stop();
        },
      };
    } catch (failed) {
      unmount();
      throw failed;
    }
  };
}

/** Fills the disk up to `leaveBytes`; as an ordinary file, so that taking it away is all that it needs to mend it. */
export function fill(base: string, leaveBytes: number): { empty(): void } {
  const file = join(base, 'somebody-elses.bin');
  const { bavail, bsize } = statfsSync(base);
  const chunk = Buffer.alloc(1 << 20);
  const out = openSync(file, 'w');
  try {
    for (let left = bavail * bsize - leaveBytes; left > 0; ) {
      left -= writeSync(out, chunk, 0, Math.min(left, chunk.length));
    }
  } catch {
    // Full is full.
  } finally {
    closeSync(out);
  }
  return { empty: () => rmSync(file, { force: true }) };
}

/** Bytes of all files below a directory; 0 when it is not there. */
export function bytesBelow(dir: string): number {
  try {
    return readdirSync(dir, { recursive: true })
      .map((name) => statSync(join(dir, name.toString()), { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0);
  } catch {
    return 0;
  }
}
