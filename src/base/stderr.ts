/** Where a long-lived process writes its log. */
import { writeSync } from 'node:fs';
import { errno } from './files.ts';

/** A pipe that is full is waited for at most so often, and so long each time, ms. */
const triesMost = 50;
const waitMs = 20;

/**
 * The process's stderr for a logger. A log that cannot be written (a full disk, a disk that fails, a reader that is gone)
 * is lost, and ends nothing: pino's own destination gives an 'error' for it that ends the process.
 */
export function stderrDestination(fd = 2): { write(line: string): void } {
  return {
    write(line) {
      const bytes = Buffer.from(line);
      for (let at = 0, tries = 0; at < bytes.length && tries < triesMost; ) {
        try {
          at += writeSync(fd, bytes, at);
        } catch (error) {
          if (errno(error) !== 'EAGAIN') return;
          tries += 1;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
        }
      }
    },
  };
}
