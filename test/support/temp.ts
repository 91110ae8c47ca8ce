import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory of our own below the system's temporary one. Removed when the process ends, if not before. */
export function tempDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `claudecluster-${name}-`));
  process.once('exit', () => removeDir(dir));
  return dir;
}

/** Removes a directory with everything in it, releases too: read-only trees, which only root can remove as they are. */
export function removeDir(dir: string): void {
  if (process.getuid?.() !== 0) makeRemovable(Buffer.from(dir));
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

function makeRemovable(dir: Buffer): void {
  try {
    chmodSync(dir, 0o700);
    for (const entry of readdirSync(dir, { withFileTypes: true, encoding: 'buffer' })) {
      if (entry.isDirectory()) makeRemovable(Buffer.concat([dir, Buffer.from('/'), entry.name]));
    }
  } catch {
    // Gone meanwhile, or not ours: the removal says which.
  }
}
