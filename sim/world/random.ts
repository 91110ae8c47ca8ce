/** Seeded random numbers (sfc32): the only source of chance in a run. */

export interface Random {
  /** [0, 1). */
  next(): number;
  /** Whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** True with probability `p`. */
  chance(p: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** Lower-case hex of `bytes` bytes. */
  hex(bytes: number): string;
  /** A stream of its own: what one part draws does not move another part's numbers. */
  fork(name: string): Random;
}

function hashText(text: string): number {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  return hash >>> 0;
}

export function createRandom(seed: number, stream = ''): Random {
  let a = hashText(`${seed}/${stream}/a`);
  let b = hashText(`${seed}/${stream}/b`);
  let c = hashText(`${seed}/${stream}/c`);
  let counter = 1;
  const next32 = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let warmUp = 0; warmUp < 12; warmUp += 1) next32();
  const next = (): number => next32() / 4294967296;
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    int,
    chance: (p) => next() < p,
    pick: (from) => from[int(0, from.length - 1)] as (typeof from)[number],
    hex: (bytes) => {
      let text = '';
      for (let at = 0; at < bytes; at += 1) text += (next32() & 255).toString(16).padStart(2, '0');
      return text;
    },
    fork: (name) => createRandom(seed, `${stream}/${name}`),
  };
}
