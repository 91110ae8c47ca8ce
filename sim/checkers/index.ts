/** Every checker, in the order of the promises. `truth` comes first: it tells the others what happens on the disks. */
import type { Checker, World } from '../world/types.ts';
import { countHandedOn } from './handed-on.ts';
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

/** One that tells all of them; a world has many events and most of them concern few checkers. */
export function createCheckers(world: World): Required<Checker> {
  const all: Checker[] = [
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
    countHandedOn(world),
  ];
  return {
    diskChanged: toAll(all, 'diskChanged'),
    daemonStarts: toAll(all, 'daemonStarts'),
    daemonHealthy: toAll(all, 'daemonHealthy'),
    daemonEnded: toAll(all, 'daemonEnded'),
    restartAsked: toAll(all, 'restartAsked'),
    verbBegins: toAll(all, 'verbBegins'),
    verbEnds: toAll(all, 'verbEnds'),
    drained: toAll(all, 'drained'),
    trialBegins: toAll(all, 'trialBegins'),
    committed: toAll(all, 'committed'),
    trialOver: toAll(all, 'trialOver'),
    booted: toAll(all, 'booted'),
    storePut: toAll(all, 'storePut'),
    faultHit: toAll(all, 'faultHit'),
    tick: toAll(all, 'tick'),
    atEnd: toAll(all, 'atEnd'),
  };
}

function toAll<K extends keyof Checker>(all: Checker[], what: K): Required<Checker>[K] {
  type Told = (...about: unknown[]) => void;
  const those = all.flatMap((checker) => {
    const told = checker[what] as Told | undefined;
    return told === undefined ? [] : [told];
  });
  const tell: Told = (...about) => {
    for (const told of those) told(...about);
  };
  return tell as Required<Checker>[K];
}
