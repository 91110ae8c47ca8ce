/** What the bundle gives src/ in the place of `node:path`: the same answers, without the cost of the general case. */
import * as path from 'node:path';

/** Two parts, joined before: the same few are asked for all the time, and a text that is the same object is found faster. */
const known = new Map<string, Map<string, string>>();

export function join(...parts: string[]): string {
  if (parts.length !== 2) return joinAny(parts);
  const [first, second] = parts as [string, string];
  let below = known.get(first);
  const found = below?.get(second);
  if (found !== undefined) return found;
  if (below === undefined || below.size > 200) {
    if (known.size > 500) known.clear();
    below = new Map();
    known.set(first, below);
  }
  const joined = joinAny(parts);
  below.set(second, joined);
  return joined;
}

function joinAny(parts: string[]): string {
  const joined = parts.join('/');
  return joined.includes('..') || joined.includes('//') || joined.includes('./') ? path.join(...parts) : joined;
}

export function dirname(of: string): string {
  const at = of.lastIndexOf('/');
  return at <= 0 || at === of.length - 1 ? path.dirname(of) : of.slice(0, at);
}

export const { basename, resolve, relative, isAbsolute, sep, extname, normalize } = path;
