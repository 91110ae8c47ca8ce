/** What the cluster knows of releases: which nodes have it, which run it, what stands against it. */
import type { ClientPool } from '../../ports/agent.ts';
import type { Membership } from '../../ports/membership.ts';
import type { VersionInfo } from '../../ports/releases.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReleaseRow } from './control-api.ts';
import { lookAtNodes } from './look-at-nodes.ts';

interface ReleaseRowsDeps {
  journal: Journal;
  membership: Membership;
  clientPool: ClientPool;
  /** version.json of a release in this node's own store; null: not here. */
  describeRelease(buildHash: string): Promise<VersionInfo | null>;
}

/** Every release that a node has, or that is quarantined or committed; the newest first. */
export async function listReleases(deps: ReleaseRowsDeps): Promise<ReleaseRow[]> {
  const [infos, quarantined, committed] = await Promise.all([
    deps.membership.getAllNodes(),
    deps.journal.quarantined(),
    deps.journal.committedRelease(),
  ]);
  const looks = await lookAtNodes(deps.clientPool, infos);
  const rows = new Map<string, ReleaseRow>();
  const row = (buildHash: string): ReleaseRow => {
    const found = rows.get(buildHash) ?? emptyRow(buildHash);
    rows.set(buildHash, found);
    return found;
  };
  infos.forEach((info, at) => {
    const health = looks[at]?.health ?? null;
    if (health === null) return;
    for (const hash of health.staged) row(hash).onNodes.push(info.nodeId);
    const running = row(health.release.buildHash);
    running.runningOn.push(info.nodeId);
    running.version = health.release.version;
    running.gitCommit = health.release.gitCommit;
  });
  for (const entry of quarantined) {
    row(entry.buildHash).quarantine = { why: entry.why, at: entry.at, by: entry.by, evidence: entry.evidence };
  }
  if (committed !== null) row(committed.buildHash).committed = true;
  for (const one of rows.values()) {
    const version = await deps.describeRelease(one.buildHash);
    if (version === null) continue;
    Object.assign(one, { version: version.version, gitCommit: version.gitCommit, builtAt: version.builtAt });
  }
  return [...rows.values()].sort((one, two) => (one.builtAt < two.builtAt ? 1 : -1));
}

function emptyRow(buildHash: string): ReleaseRow {
  return {
    buildHash,
    version: '',
    gitCommit: '',
    builtAt: '',
    onNodes: [],
    runningOn: [],
    committed: false,
    quarantine: null,
  };
}
