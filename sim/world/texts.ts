/**
 * Values that are only ever read back whole need not become JSON: the store holds a name for them. What was written is
 * never changed afterwards, as it could not be through JSON. `quicker` in bundle.ts has src/ use this for the update's
 * record and its events; a bundle without it (`exact`) shows that nothing is different.
 */

let byName = new Map<string, object>();
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

/** The value of a text, whichever way it was made. */
export function readBack(text: string): unknown {
  return byName.get(text) ?? JSON.parse(text);
}

/** Do two texts say the same? */
export function sameText(one: string, two: string): boolean {
  return one === two || JSON.stringify(readBack(one)) === JSON.stringify(readBack(two));
}

globalThis.simText = textOf;
globalThis.simValue = readBack;
