/**
 * Values that are only ever read back whole need not become JSON: the store holds a name for them. What was written is
 * never changed afterwards, as it could not be through JSON. `quicker` in bundle.ts has src/ use this for the update's
 * record and its events; a bundle without it (`exact`) shows that nothing is different.
 */

let byName = new Map<string, object>();
/** In a mixed world, where every text is JSON: what was read of late. Checkers ask for the same record again and again. */
const parsed = new Map<string, unknown>();
let lastName = 0;

/** Before each run. */
export function forgetTexts(): void {
  byName = new Map();
  lastName = 0;
}

/** A text that stands for the value. */
export function textOf(value: object): string {
  if (globalThis.simExact) return JSON.stringify(value);
  lastName += 1;
  const name = `#${lastName}`;
  byName.set(name, value);
  return name;
}

/** The value of a text, whichever way it was made: also what a spoiled one was. */
export function readBack(text: string): unknown {
  return readWhole(text.startsWith(spoiled) ? text.slice(spoiled.length) : text);
}

/** What src/ makes of it: a spoiled one it cannot read. */
function readWhole(text: string): unknown {
  if (!globalThis.simMixed) return byName.get(text) ?? JSON.parse(text);
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const value: unknown = JSON.parse(text);
  if (parsed.size > 50) parsed.clear();
  parsed.set(text, value);
  return value;
}

const spoiled = '\u0000';

/** The same text, as a fault left it: no code can read it any more, and checkers still know what it was. */
export const spoilText = (text: string): string => `${spoiled}${text}`;

/** Do two texts say the same? */
export function sameText(one: string, two: string): boolean {
  return one === two || JSON.stringify(readBack(one)) === JSON.stringify(readBack(two));
}

globalThis.simText = textOf;
globalThis.simValue = readWhole;
