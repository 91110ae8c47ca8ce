/** Every checker, in the order of the promises. */
import type { Checker, World } from '../world/types.ts';
import { checkDisk } from './p2-disk.ts';
import { checkRecord } from './record.ts';

export function createCheckers(world: World): Checker[] {
  return [checkDisk(world), checkRecord(world)];
}
