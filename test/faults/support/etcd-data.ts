/** A copy of a member's data, as an operator's backup of the whole directory would be. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const dataOf = (base: string): string => join(base, 'data', 'etcd');

export function saveEtcd(base: string, to: string): void {
  cpSync(dataOf(base), to, { recursive: true });
}

export function restoreEtcd(base: string, from: string): void {
  rmSync(dataOf(base), { recursive: true, force: true });
  cpSync(from, dataOf(base), { recursive: true });
}
