/** What comes over the wire is checked here before anything else sees it; every refusal says what was wanted. */
import { isBuildHash } from '../base/build-hash.ts';
import { ClusterError } from '../errors.ts';

const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** At most `maxLength` UTF-16 units. */
export function checkText(what: string, text: string, maxLength: number): void {
  if (text.length > maxLength) {
    throw new ClusterError('usage', `${what} is too long`, {
      seen: `${text.length} characters`,
      wanted: `at most ${maxLength}`,
    });
  }
}

/** 64 lower-case hex digits. */
export function checkHash(hash: string): void {
  if (!isBuildHash(hash)) {
    throw new ClusterError('usage', 'not a build hash', { seen: shown(hash), wanted: '64 lower-case hex digits' });
  }
}

/** An update's id, or '' where that stands for the present one; it becomes part of a key in the store. */
export function checkUpdateId(id: string): void {
  if (!/^[A-Za-z0-9._-]{0,128}$/.test(id)) {
    throw new ClusterError('usage', 'not the id of an update', {
      seen: shown(id),
      wanted: 'letters, digits and . _ -, at most 128',
      next: 'see `claudecluster updates list`',
    });
  }
}

export function checkNodeId(id: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(id)) {
    throw new ClusterError('usage', 'not the id of a node', {
      seen: shown(id),
      wanted: 'lower-case letters, digits, dashes',
    });
  }
}

/** uint64 beyond 2^53 cannot be told apart in JavaScript: refused instead of rounded. */
export function checkSafeInteger(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ClusterError('usage', `not a number for ${what}`, {
      seen: String(value),
      wanted: 'a whole number from 0 to 2^53 - 1',
    });
  }
}

/** JSON text of an object. @param what names it in the error */
export function parseObject(what: string, json: string, maxLength: number): Record<string, unknown> {
  checkText(what, json, maxLength);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ClusterError('usage', `${what} is not JSON`, { seen: shown(json) }, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ClusterError('usage', `${what} is not a JSON object`, { seen: shown(json) });
  }
  return value as Record<string, unknown>;
}
