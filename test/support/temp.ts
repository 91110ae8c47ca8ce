import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new directory of our own below the system's temporary one. Removed when the process ends, if not before. */
export function tempDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `claudecluster-${name}-`));
  process.once('exit', () => removeDir(dir));
  return dir;
}

/** Removes a directory with everything in it; releases are read-only trees, which is no obstacle to their owner. */
export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}
