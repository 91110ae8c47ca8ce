/** What the bundle gives src/ in the place of `node:path`: the same answers, without the cost of the general case. */
import * as path from 'node:path';

/** Nothing to normalize in a name that is added to a path. */
const plain = new Set<string>();

export function join(...parts: string[]): string {
  const [first = '', second = ''] = parts;
  if (parts.length === 2 && plain.has(second) && first.startsWith('/')) return `${first}/${second}`;
  return joinAny(parts);
}

function joinAny(parts: string[]): string {
  const name = parts[1] ?? '';
  if (parts.length === 2 && !name.includes('..') && !name.includes('./') && !name.includes('//') && name[0] !== '/') {
    if (plain.size > 500) plain.clear();
    plain.add(name);
  }
  const joined = parts.join('/');
  return joined.includes('..') || joined.includes('//') || joined.includes('./') ? path.join(...parts) : joined;
}

export function dirname(of: string): string {
  const at = of.lastIndexOf('/');
  return at <= 0 || at === of.length - 1 ? path.dirname(of) : of.slice(0, at);
}

export const { basename, resolve, relative, isAbsolute, sep, extname, normalize } = path;
