/**
 * Begins a partial with what the newest release on the disk has, where the file system can share blocks between files
 * (reflink): that costs neither time nor room. Elsewhere nothing is begun, for a copy of what may not be needed costs
 * both; the transfer then copies what it finds to be equal (docs/adr/0012). Either way no inode is shared (P7), and
 * nothing is believed: the transfer compares every file by its content.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { below } from './tree.ts';

/** A second file with the blocks of the first, made at once or not at all. */
export type CloneFile = (from: Buffer, to: Buffer) => Promise<void>;

const reflink: CloneFile = (from, to) => copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);

const isThere = (thrown: unknown): boolean => (thrown as NodeJS.ErrnoException).code === 'EEXIST';

/**
 * Clones into `into` the files of `release` that are not there yet. The first refusal ends it, whatever it is: what is
 * missing, the transfer brings. Returns how many were cloned. Never throws.
 */
export async function seedByClone(into: string, release: string, clone: CloneFile = reflink): Promise<number> {
  let cloned = 0;
  const walk = async (dir: Buffer): Promise<void> => {
    for (const entry of await readdir(below(release, dir), { withFileTypes: true, encoding: 'buffer' })) {
      const path = dir.length === 0 ? entry.name : below(dir, entry.name);
      if (entry.isDirectory()) {
        await mkdir(below(into, path), { recursive: true });
        await walk(path);
      } else if (entry.isFile()) {
        try {
          await clone(below(release, path), below(into, path));
          cloned += 1;
        } catch (thrown) {
          if (!isThere(thrown)) throw thrown;
        }
      }
    }
  };
  await walk(Buffer.alloc(0)).catch(() => {});
  return cloned;
}
