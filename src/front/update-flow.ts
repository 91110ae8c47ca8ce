/** The parts of an update that CLI and MCP share: which release is meant, bringing it to the leader, following the walk. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isBuildHash, isHashBeginning, wholeHash } from '../base/build-hash.ts';
import type { ClusterStatus } from '../cluster/control/status.ts';
import type { UpdateEvent } from '../cluster/update/event.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/** How often a push starts again because the leadership changed under it. */
const pushAttempts = 5;
/** For how long an ended update's record is asked for: the leader may be changing at that very moment. */
const recordWaitMs = 20_000;

export interface Target {
  /** undefined: what the leader itself runs from. */
  buildHash?: string;
  bytesTransferred: number;
}

/**
 * The release that `named` means: nothing (the leader's own dist), a buildHash in the leader's store, or a directory,
 * which is verified here (P7) and pushed into the leader's store. Throws ClusterError 'usage', 'release-invalid',
 * 'transfer-failed', …
 */
export async function bringRelease(
  ctx: Pick<Context, 'cwd' | 'clock' | 'inspectRelease'>,
  session: Session,
  named: string | undefined,
  say: (text: string) => Promise<void>,
): Promise<Target> {
  if (named === undefined || named === '') return { bytesTransferred: 0 };
  const dir = resolve(ctx.cwd, named);
  if (!isDirectory(dir)) {
    if (isHashBeginning(named)) return { buildHash: await hashOnLeader(session, named), bytesTransferred: 0 };
    throw new ClusterError('usage', `${named}: no release there`, {
      seen: 'neither a directory nor a buildHash',
      wanted:
        'a directory with index.js, guard.js and version.json, or at least 8 hex digits of a release that the leader has',
      next: 'npm run build makes one in dist/; claudecluster releases list shows what the nodes have',
    });
  }
  const { version } = await ctx.inspectRelease(dir);
  const bytesTransferred = await pushToLeader(ctx, session, dir, version, say);
  return { buildHash: version.buildHash, bytesTransferred };
}

/** What the beginning of a hash means is what the leader has, for there the plan is made. */
async function hashOnLeader(session: Session, given: string): Promise<string> {
  if (isBuildHash(given)) return given;
  const leader = leaderOf(await session.control.status())?.nodeId ?? '';
  const rows = await session.control.listReleases();
  const there = rows.filter((row) => row.onNodes.includes(leader)).map((row) => row.buildHash);
  return wholeHash(given, there, `on ${leader || 'a leader that is not there'}`);
}

async function pushToLeader(
  ctx: Pick<Context, 'clock'>,
  session: Session,
  dir: string,
  version: Parameters<Session['push']>[2],
  say: (text: string) => Promise<void>,
): Promise<number> {
  let bytes = 0;
  for (let attempt = 1; ; attempt++) {
    const leader = leaderOf(await session.control.status());
    if (leader) {
      await say(`pushing ${version.buildHash.slice(0, 10)} to ${leader.nodeId}, the leader`);
      const sent = await pushOnce(session, leader.address, dir, version);
      bytes += sent.bytes;
      const after = leaderOf(await session.control.status());
      // The release must be where the plan is made: when the leadership moved meanwhile, the new leader gets it too.
      if (sent.error === null && after?.nodeId === leader.nodeId) return bytes;
      if (sent.error !== null && (after?.nodeId === leader.nodeId || attempt >= pushAttempts)) throw sent.error;
    }
    if (attempt >= pushAttempts) {
      throw new ClusterError('no-leader', 'the release could not be brought to the leader', {
        seen: leader ? `the leadership changed during each of ${attempt} attempts` : 'no node leads',
        wanted: 'a leader that stays while the release is pushed',
        next: 'look at claudecluster status, then try again',
      });
    }
    await ctx.clock.sleep(1000);
  }
}

async function pushOnce(
  session: Session,
  address: string,
  dir: string,
  version: Parameters<Session['push']>[2],
): Promise<{ bytes: number; error: ClusterError | null }> {
  try {
    return { bytes: (await session.push(address, dir, version)).bytesTransferred, error: null };
  } catch (thrown) {
    return { bytes: 0, error: asClusterError(thrown, 'transfer-failed') };
  }
}

function leaderOf(status: ClusterStatus): { nodeId: string; address: string } | null {
  const node = status.nodes.find(({ nodeId }) => nodeId === status.cluster.leader);
  return node ? { nodeId: node.nodeId, address: node.address } : null;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What a follower of an update hears. */
export interface Observer {
  event(event: UpdateEvent): Promise<void>;
  looking(why: string): void;
}

export type Followed =
  | { kind: 'ended'; record: UpdateRecord }
  /** The one who watched stopped it. */
  | { kind: 'stopped'; lastEvent: number }
  /** No node answered for too long. */
  | { kind: 'lost'; lastEvent: number; why: ClusterError };

/** Follows an update to its end, through changes of leader. Never throws for the cluster's sake. */
export async function followUpdate(
  ctx: Pick<Context, 'clock'>,
  session: Session,
  updateId: string,
  after: number,
  signal: AbortSignal,
  observer: Observer,
): Promise<Followed> {
  let lastEvent = after;
  let id = updateId;
  let ended = false;
  try {
    for await (const event of session.watch(updateId, after, signal, (why) => observer.looking(why))) {
      if (signal.aborted) break;
      // A stream that was taken up again may repeat itself: what was heard is not said twice.
      if (event.number <= lastEvent && event.updateId === id) continue;
      lastEvent = event.number;
      id = event.updateId;
      await observer.event(event);
      if (event.kind === 'ended') ended = true;
      if (signal.aborted) break;
    }
  } catch (thrown) {
    if (!signal.aborted) return { kind: 'lost', lastEvent, why: asClusterError(thrown, 'unavailable') };
  }
  if (!ended) {
    if (signal.aborted) return { kind: 'stopped', lastEvent };
    const why = new ClusterError('unavailable', 'the stream of events ended before the update did');
    return { kind: 'lost', lastEvent, why };
  }
  try {
    return { kind: 'ended', record: await endedRecord(ctx, session, id, signal) };
  } catch (thrown) {
    if (signal.aborted) return { kind: 'stopped', lastEvent };
    return { kind: 'lost', lastEvent, why: asClusterError(thrown, 'unavailable') };
  }
}

/** The record once it says that it ended. The event may be seen a moment before the record is. */
async function endedRecord(
  ctx: Pick<Context, 'clock'>,
  session: Session,
  updateId: string,
  signal: AbortSignal,
): Promise<UpdateRecord> {
  const until = ctx.clock.nowMs() + recordWaitMs;
  for (;;) {
    let failed: unknown = new ClusterError('unavailable', 'the record of the ended update does not say its outcome');
    try {
      const record = await session.control.getUpdate(updateId);
      if (record.outcome !== null) return record;
    } catch (thrown) {
      failed = thrown;
    }
    if (signal.aborted || ctx.clock.nowMs() >= until) throw failed;
    await ctx.clock.sleep(250, signal);
  }
}
