/**
 * What a build needs of the nodes that it is to live with (P11): its version.json says so, and an update to it is refused
 * with the release to go through first. Nodes that are away count like the others: they come back as they were.
 */
import satisfies from 'semver/functions/satisfies.js';
import type { ReleaseNeeds, VersionInfo } from '../../ports/releases.ts';
import type { NodeObservation } from './observation.ts';
import type { Refusal } from './refusal.ts';

type Member = Pick<NodeObservation, 'nodeId' | 'status' | 'protocol' | 'release' | 'health'>;

/**
 * The highest protocol that every member speaks. Whatever others must understand is used only from the number on in which
 * it came: docs/compatibility.md. A member that never told speaks none: 0. Without members: 0.
 */
export function lowestProtocol(members: Pick<Member, 'protocol'>[]): number {
  return members.length === 0 ? 0 : Math.min(...members.map(({ protocol }) => protocol.max));
}

/** One refusal for each node that the target may not follow, and one for a need that this build cannot judge. */
export function refuseNeeds(members: Member[], target: VersionInfo): Refusal[] {
  const { needs } = target;
  if (needs === undefined) return [];
  // A node that waits for its approval is refused by that name, and is in nobody's way before.
  const nodes = members.filter(({ status }) => status !== 'pending_approval');
  return [
    ...refuseUnknownNeeds(needs, target),
    ...refuseOldProtocol(nodes, target),
    ...refuseOldVersion(nodes, target),
  ];
}

const refusal = (nodeId: string | null, seen: string, wanted: string, next: string): Refusal => ({
  code: 'needs',
  nodeId,
  seen,
  wanted,
  next,
});

/** To ignore one would be to break a promise that nobody here has read. */
function refuseUnknownNeeds(needs: ReleaseNeeds, target: VersionInfo): Refusal[] {
  const known = ['protocol', 'from', 'through'];
  const unknown = Object.keys(needs).filter((name) => !known.includes(name));
  if (unknown.length === 0) return [];
  const seen = `${target.version} needs ${unknown.join(', ')}, which the leader's build does not know`;
  return [refusal(null, seen, `only ${known.join(', ')}`, hopOf(target, 'a release that knows it'))];
}

function refuseOldProtocol(nodes: Member[], target: VersionInfo): Refusal[] {
  const needed = target.needs?.protocol ?? 0;
  if (lowestProtocol(nodes) >= needed) return [];
  return nodes
    .filter(({ protocol }) => protocol.max < needed)
    .map(({ nodeId, protocol: { min, max } }) => {
      const seen = max === 0 ? 'it never told which protocol it speaks' : `speaks protocol ${min}-${max}`;
      const wanted = `protocol ${needed}, which ${target.version} needs of every node`;
      return refusal(nodeId, seen, wanted, hopOf(target, `a release that speaks protocol ${needed}`));
    });
}

function refuseOldVersion(nodes: Member[], target: VersionInfo): Refusal[] {
  const from = target.needs?.from;
  if (from === undefined) return [];
  return nodes.flatMap(({ nodeId, health, release }) => {
    const runs = health?.release ?? release;
    if (runs !== null && runs.buildHash === target.buildHash) return [];
    if (runs !== null && satisfies(runs.version, from, { includePrerelease: true })) return [];
    const seen = runs === null ? 'it never told which version it runs' : `runs ${runs.version}`;
    return [
      refusal(nodeId, seen, `${from}, which ${target.version} can follow`, hopOf(target, `a version in ${from}`)),
    ];
  });
}

/** The release in between by its name, where the build names one. */
function hopOf({ needs, version }: VersionInfo, otherwise: string): string {
  return `update to ${needs?.through ?? otherwise} first, and then to ${version}`;
}
