/** The run as text, and a hash over all of it and over every event: two runs of a seed must have the same one. */

export interface Trace {
  line(text: string): void;
  mix(one: number, two: number): void;
  hash(): string;
  lines(): string[];
}

export function createTrace(keep: boolean, now: () => number): Trace {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  const kept: string[] = [];
  const mix = (one: number, two: number): void => {
    low = Math.imul(low ^ one, 0x01000193) >>> 0;
    high = Math.imul(high ^ two ^ (low >>> 13), 0x5bd1e995) >>> 0;
  };
  return {
    mix,
    line(text) {
      for (let at = 0; at < text.length; at += 1) low = Math.imul(low ^ text.charCodeAt(at), 0x01000193);
      mix(text.length, low);
      if (keep) kept.push(`${String(now()).padStart(7)} ${text}`);
    },
    hash: () => (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0'),
    lines: () => kept,
  };
}
