/** Every checker, in the order of the promises. `truth` comes first: it tells the others what happens on the disks. */
import type { Checker, World } from '../world/types.ts';
import { checkGate } from './p1-gate.ts';
import { checkQuorum } from './p1-quorum.ts';
import { checkDisk } from './p2-disk.ts';
import { checkWayBack } from './p3-way-back.ts';
import { checkProof } from './p4-proof.ts';
import { checkLost } from './p5-lost.ts';
import { checkOnce } from './p5-once.ts';
import { checkFence } from './p6-fence.ts';
import { checkVerified } from './p7-verified.ts';
import { checkQuarantine } from './p10-quarantine.ts';
import { checkRecord } from './record.ts';
import { createTruth } from './truth.ts';

export function createCheckers(world: World): Checker[] {
  return [
    createTruth(world),
    checkQuorum(world),
    checkGate(world),
    checkDisk(world),
    checkWayBack(world),
    checkProof(world),
    checkOnce(world),
    checkLost(world),
    checkFence(world),
    checkVerified(world),
    checkQuarantine(world),
    checkRecord(world),
  ];
}
