/**
 * Defects of versions of before that break a promise in a mixed world, and are mended since (CHANGELOG.md). Each is about
 * one promise, in these words, on a host where that very version acted; whatever else breaks is a finding.
 */
import { keys } from '../../src/base/store-keys.ts';
import { startsNever } from './releases.ts';
import type { Host, Side, Violation, World } from './types.ts';

interface Known {
  name: string;
  /** Of versions whose name begins so. */
  version: string;
  promise: string;
  /** The first group names the host, where one is named. */
  text: RegExp;
  /** What acted there last. */
  by: (host: Host | null, world: World) => Side | null | undefined;
  /** Why it is so, and what mended it. */
  why: string;
}

const byVerb = (host: Host | null): Side | null | undefined => host?.acted.verb;
const byGuard = (host: Host | null): Side | null | undefined => host?.acted.guard;
const byDaemon = (host: Host | null): Side | undefined => host?.daemon?.side;
/** The guard of a host on which a release rotted where it starts. */
const byCutGuard = (host: Host | null): Side | null | undefined =>
  host !== null && [...host.rotten.keys()].some((hash) => startsNever(host, hash)) ? byGuard(host) : null;
/** Whose guard had a host go back on probation from a release that rotted there. */
const byCutFall = (host: Host | null): Side | null | undefined =>
  host !== null && [...host.rotten.keys()].some((hash) => startsNever(host, hash)) ? host.fall?.by : null;
/** Not a named host is to blame, but who would have to help it. */
const byLeader = (_host: Host | null, world: World): Side | undefined =>
  world.hosts.find((host) => host.daemon?.leadership?.isLeader() === true)?.daemon?.side;
/** The daemon of a host that has kept an epoch which nobody had. */
const byBelieved = (host: Host | null, world: World): Side | undefined => {
  const kept = host?.disk.find('/data/epoch.json');
  const epoch = kept?.kind === 'file' ? (JSON.parse(kept.text || '{}') as { epoch?: number }).epoch : 0;
  return (epoch ?? 0) > Number(world.store.get(keys.epoch)?.value ?? 0) ? byDaemon(host) : undefined;
};

const known: Known[] = [
  {
    name: 'two by hand',
    version: '0.1.0',
    promise: 'P1',
    text: /^(\S+) stops for hand-\S+(, the place by hand is | while )/,
    by: byVerb,
    why: 'an activation by hand held no place in the store, so two voters could be taken out at once; 0.2.0 has the place',
  },
  ...['0.1.0', '0.2.0'].map((version) => ({
    name: 'a restart for nothing',
    version,
    promise: 'P1',
    text: /^\S+ stops for u-\S+ while (\S+) is down by our doing$/,
    by: (host: Host | null): Side | null | undefined => host?.acted.needlessRestart,
    why: 'a rollback restarted a node that ran its known-good release already, when the leader had gone on; mended after 0.2.0',
  })),
  ...['0.1.0', '0.2.0', '0.2.1'].map((version) => ({
    name: 'rot where a committed release starts',
    version,
    promise: 'liveness',
    // Whenever one looks: between two starts, or in the middle of one.
    text: /^(\S+) (?:runs no daemon|is not healthy: has not joined yet.*)$/,
    by: byCutGuard,
    why: 'a guard did not hash a committed release that does not become healthy (mended after 0.2.0), and had code that is not whole run before what it last went back from (mended after 0.2.1)',
  })),
  ...['0.1.0', '0.2.0', '0.2.1'].flatMap((version) =>
    [
      { promise: 'P10', text: /^(\S+) went back from what rotted there, and its build is blamed for it$/ },
      { promise: 'record', text: /^(\S+) runs \S+, the records say \S+$/ },
    ].map((one) => ({
      name: 'a build blamed for one bad disk',
      version,
      ...one,
      by: byCutFall,
      why: 'a guard that went back on probation did not hash what it went back from; mended after 0.2.1',
    })),
  ),
  {
    name: 'any epoch believed',
    version: '0.1.0',
    promise: 'P6',
    text: /^(\S+) took epoch \d+, which nobody had/,
    by: byVerb,
    why: 'an epoch that a hand mistyped was kept; 0.2.0 keeps only those that the store has',
  },
  ...['0.1.0', '0.2.0', '0.2.1'].map((version) => ({
    name: 'a revert waits for who went back by himself',
    version,
    promise: 'liveness',
    text: /^update \S+ is reverting: .*"(?:kind":"commit"|what":"commit )/,
    by: byLeader,
    why: 'a leader asked a node for a commit that had gone by itself to where the revert wants it; mended after 0.2.1',
  })),
  {
    name: 'an epoch that nobody had is kept',
    version: '0.1.0',
    promise: 'liveness',
    text: /^update \S+ is \w+: .*"nodeId":"([^"]+)"/,
    by: byBelieved,
    why: 'such an epoch shuts every leader out, for good; 0.2.0 lets go of it by itself',
  },
  {
    name: 'damage not looked for before a commit',
    version: '0.1.0',
    promise: 'P7',
    text: /^(\S+) commits \S+ .* is not what it should be$/,
    by: byVerb,
    why: 'a commit did not ask whether its release is still what it was; 0.2.0 hashes it',
  },
  {
    name: 'damage that nobody looks for',
    version: '0.1.0',
    promise: 'P7',
    text: /^(\S+) runs \S+, which is damaged/,
    by: byDaemon,
    why: 'a node never looked at its own release; 0.2.0 does so every hour',
  },
  {
    name: 'damage gone back to',
    version: '0.1.0',
    promise: 'P7',
    text: /^(\S+) starts \S+ .*; it went back, and /,
    by: byGuard,
    why: 'the guard believed the name of the release that it went back to; 0.2.0 hashes it',
  },
  {
    name: 'damage that its leader does not mend',
    version: '0.1.0',
    promise: 'liveness',
    text: /^(\S+) is not healthy: releases\/\S+ is damaged/,
    by: byLeader,
    why: 'a leader staged no release again that another node said to be damaged; 0.2.0 does',
  },
  {
    name: 'a fault of ours retried for ever',
    version: '0.1.0',
    promise: 'P8',
    text: /^\S+ still runs after \d+ ms of a fault of ours$/,
    by: byLeader,
    why: 'a fault of the code was taken for silence of the store or of a peer; 0.2.0 ends the update',
  },
  {
    name: 'a build forgotten by a fault of ours',
    version: '0.2.0',
    promise: 'P10',
    text: /^\S+ blames its build, and the build is not quarantined$/,
    by: (host, world) => (world.ownFault === '' ? undefined : byLeader(host, world)),
    why: 'a fault of ours that ended an update did not quarantine what a node was going back from; mended after 0.2.0',
  },
  {
    name: 'a record that cannot be read',
    version: '0.1.0',
    promise: 'P8',
    text: /^an unreadable record is told as internal: the update's record is not JSON$/,
    by: byLeader,
    why: 'it was told as a fault of the code, with nothing to do about it; 0.2.0 asks for an operator',
  },
];

/** The name of the known defect that this is; null: it is none. Asked right after it happened. */
export function knownOld(world: World, { promise, text }: Violation): string | null {
  const found = known.find((one) => {
    const words = one.promise === promise ? one.text.exec(text) : null;
    if (words === null) return false;
    const host = words[1] === undefined ? null : world.host(words[1]);
    return one.by(host, world)?.name.startsWith(one.version) === true;
  });
  return found?.name ?? null;
}
