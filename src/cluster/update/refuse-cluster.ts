/** Why an update may not begin, as far as the cluster as a whole tells (P8). Pure. */
import type { VersionInfo } from '../../ports/releases.ts';
import { describeQuorum, quorumWithout } from './quorum.ts';
import { type PreflightInput, type Refusal, refusal } from './refusal.ts';
import type { UpdatePlan } from './update-plan.ts';

export function refuseCluster(input: PreflightInput, target: VersionInfo): Refusal[] {
  const found: Refusal[] = [];
  const { observation, running, quarantine, leader, release, byHand = null } = input;
  if (observation.epoch === 0) {
    const seen = leader === null ? 'no leader' : `${leader} leads`;
    const next = leader === null ? 'wait for a leader: `claudecluster status`' : `ask ${leader}`;
    found.push(refusal('not-leader', observation.self, seen, `${observation.self} to lead`, next));
  }
  if (running !== null) {
    const seen = `${running.id}, started by ${running.startedBy} at ${running.startedAt}`;
    const next = `\`claudecluster updates watch ${running.id}\`, or abort it`;
    found.push(refusal('update-running', null, seen, 'no other update', next));
  }
  if (byHand !== null) {
    const wanted = 'no voter out of service by hand';
    found.push(refusal('by-hand', byHand.nodeId, byHand.seen, wanted, byHand.next)); // P1
  }
  if ('invalid' in release) {
    found.push(refusal('release-invalid', observation.self, release.invalid, 'a verified release', release.next));
  }
  if (quarantine !== null) {
    const short = target.buildHash.slice(0, 12);
    const next = `update with a mended build, or lift it: \`claudecluster releases unquarantine ${target.buildHash}\``;
    found.push(
      refusal(
        'quarantined',
        null,
        `${short} is quarantined: ${quarantine.why}`,
        'a build not rolled back before',
        next,
      ),
    ); // P10
  }
  return found;
}

export function refuseUnknown({ observation, options }: PreflightInput): Refusal[] {
  const unknown = options.only.filter((nodeId) => !observation.nodes.some((node) => node.nodeId === nodeId));
  const known = observation.nodes.map((node) => node.nodeId).join(', ');
  return unknown.map((nodeId) =>
    refusal('unknown-node', nodeId, `the cluster has ${known}`, 'a node of the cluster', '`claudecluster status`'),
  );
}

export function refuseQuorum(input: PreflightInput, toDo: UpdatePlan['order']): Refusal[] {
  const { observation, options } = input;
  const found: Refusal[] = [];
  const learner = observation.peers.find((peer) => peer.kind === 'learner');
  if (learner !== undefined) {
    const next = `promote or remove it: the group must have its full shape before a voter is stopped`;
    found.push(refusal('learner-in-group', learner.nodeId, 'a Raft learner', 'voters only', next));
  }
  if (observation.raftLeader === null) {
    found.push(
      refusal('no-raft-leader', null, 'no Raft leader', 'one', 'see `claudecluster status`: the quorum may be lost'),
    );
  }
  const voterTurns = toDo.filter((one) => observation.peers.some((peer) => peer.nodeId === one.nodeId));
  const unsafe = voterTurns
    .map((one) => ({ nodeId: one.nodeId, view: quorumWithout(observation, one.nodeId) }))
    .find((one) => !one.view.safe);
  if (unsafe !== undefined && !(options.acceptDowntime && unsafe.view.voters < 3)) {
    const { voters, quorum } = unsafe.view;
    const next =
      voters < 3
        ? 'a cluster of one or two voters has no quorum to keep: add voters, or accept the gap with --accept-downtime'
        : 'bring the missing voters back first: `claudecluster status`';
    found.push(
      refusal(
        'quorum-unsafe',
        unsafe.nodeId,
        describeQuorum(unsafe.view, unsafe.nodeId),
        `${quorum} of ${voters} without it`,
        next,
      ),
    ); // P1
  }
  for (const node of observation.nodes) {
    if (node.lag === null || node.lag <= options.maxLagEntries) continue;
    const seen = `${node.lag} entries behind the Raft leader`;
    const next =
      'wait until it caught up: `claudecluster status`; one that never does takes a release by hand: `claudecluster node activate --help`';
    found.push(refusal('voter-lagging', node.nodeId, seen, `at most ${options.maxLagEntries}`, next));
  }
  return found;
}

export function refuseProtocol(input: PreflightInput, target: VersionInfo): Refusal[] {
  if ('invalid' in input.release) return [];
  return input.observation.nodes.flatMap((node) => {
    const { min, max } = node.protocol;
    // Nothing is known of a node that never told: other refusals name it.
    if (max === 0 || (min <= target.protocol.max && target.protocol.min <= max)) return [];
    const seen = `speaks protocol ${min}-${max}, the target ${target.protocol.min}-${target.protocol.max}`;
    const next = `update to ${target.needs?.through ?? `a release that speaks both ${max} and ${target.protocol.min}`} first`;
    return [refusal('protocol', node.nodeId, seen, 'ranges that meet', next)];
  });
}
