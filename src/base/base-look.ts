/**
 * Is the base directory still there? What ends a supervisor and its daemon must be told from a hiccup: a disk that gives
 * an error for a moment, a mount that is away for a moment. Only a name that leads nowhere, or to somebody else's
 * directory, in every look of several seconds, is a base that is gone.
 */
import { statSync } from 'node:fs';
import { errno } from './files.ts';

/**
 * there: as it was. unreadable: it is known to nobody (EIO and the like), so nothing follows from it. missing: its name
 * leads nowhere, or elsewhere, since a moment ago. gone: for long enough to believe it; it stays gone.
 */
export type BaseState = 'there' | 'unreadable' | 'missing' | 'gone';

export interface BaseLookDeps {
  base: string;
  /** Monotonic, ms. */
  nowMs(): number;
  /** Missing for so long, ms, is gone. Default 10,000. */
  goneAfterMs?: number;
  /** And in so many looks, so that a process that was frozen does not believe its first one. Default 5. */
  looksMin?: number;
  /** What is at the base's path now has our own mark in it: a file system that was mounted anew may number its directories anew. */
  isOurs?(): boolean;
}

export interface BaseLook {
  /** One look: it costs one stat(2), and reads nothing else while the base is there. */
  look(): BaseState;
  /** What the last look saw, in words. */
  why(): string;
}

interface Inode {
  dev: number;
  ino: number;
}

const defaultGoneAfterMs = 10_000;
const defaultLooksMin = 5;

/** Remembers which directory the base is now; if it cannot be seen now, the first one that is seen. */
export function createBaseLook(deps: BaseLookDeps): BaseLook {
  const { base, goneAfterMs = defaultGoneAfterMs, looksMin = defaultLooksMin } = deps;
  let known: Inode | null = null;
  let missing: { sinceMs: number; looks: number } | null = null;
  let why = '';
  let gone = false;

  const see = (): Exclude<BaseState, 'gone'> => {
    let seen: Inode;
    try {
      const { dev, ino } = statSync(base);
      seen = { dev, ino };
    } catch (error) {
      const code = errno(error);
      why = `${base}: ${code || String(error)}`;
      return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable';
    }
    if (known === null || (known.dev === seen.dev && known.ino === seen.ino) || deps.isOurs?.() === true) {
      known = seen;
      why = '';
      return 'there';
    }
    why = `${base} is another directory than the one that this process began with`;
    return 'missing';
  };

  const look = (): BaseState => {
    if (gone) return 'gone';
    const seen = see();
    if (seen !== 'missing') {
      // An error proves neither: what was missing before it goes on being missing, and nothing is counted.
      if (seen === 'there') missing = null;
      return seen;
    }
    missing ??= { sinceMs: deps.nowMs(), looks: 0 };
    missing.looks += 1;
    gone = missing.looks >= looksMin && deps.nowMs() - missing.sinceMs >= goneAfterMs;
    return gone ? 'gone' : 'missing';
  };
  look();
  return { look, why: () => why };
}
