/** The end of a node, in the order that costs the others least: drain, Raft leader, leadership, tasks, lease, etcd. */
import type { GrpcServer } from '../../grpc/server.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NodeParts } from './parts.ts';
import type { Part } from './take-part.ts';

/** For tasks that still run when the node is asked to stop, ms; a planned restart drains before it asks. */
const tasksMs = 2_000;
/** For the node's own verbs to give their answers, ms. */
const verbsMs = 1_000;
/** Every farewell that needs the store, ms: without a quorum none of them is heard. */
export const farewellMs = 1_000;
/** Moving the Raft leader away, ms. */
const moveAwayMs = 3_000;
/** For calls that are under way when the server stops, ms. */
const serverGraceMs = 300;

/** `part` null: the node never took part; `server` null: it never listened. */
export async function sayFarewell(parts: NodeParts, part: Part | null, server: GrpcServer | null): Promise<void> {
  const { clock, logger, tasks, member, heartbeat, leadership } = parts;
  parts.state.stopping = true;
  server?.setServing(false);
  tasks.drain(true);
  parts.ending.abort();
  await within(clock, farewellMs / 2, heartbeat.touch());
  await waitForTasks(parts);
  if (member !== null) await within(clock, moveAwayMs, moveRaftLeaderAway(parts));
  await within(clock, farewellMs, Promise.all([part?.stopKeeper(), part?.leading]));
  await within(clock, farewellMs, leadership.resign());
  const ended = await tasks.endAll();
  if (ended.length > 0) logger.warn({ count: ended.length, programs: ended }, 'ended tasks that still ran');
  // The verb that asked for this restart has an answer to give: a caller that never hears it asks again.
  await tasks.verbsEnded(verbsMs);
  await tasks.endAll({ verbs: true });
  const silent = [leadership.stop(), parts.membership.stop(), part?.hints.end()];
  await within(clock, farewellMs, Promise.all([...silent, heartbeat.stop({ revoke: true })]));
  await server?.stop(serverGraceMs);
  await member?.stop();
  await within(clock, farewellMs, parts.disconnect());
}

/** Waits for `work`, at most `ms`; how it ended is nobody's business any more. */
export function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<unknown> {
  return Promise.race([
    work.catch(() => undefined), // On the way out: whoever needs it finds out from the lease that ran out.
    clock.sleep(ms),
  ]);
}

async function waitForTasks({ clock, tasks }: NodeParts): Promise<void> {
  const until = clock.nowMs() + tasksMs;
  while (tasks.running() > 0 && clock.nowMs() < until) await clock.sleep(50);
}

/** A Raft leader that stops without notice costs the writers seconds; a move costs them milliseconds. */
async function moveRaftLeaderAway({ raft, config, logger }: NodeParts): Promise<void> {
  const { nodeId } = config;
  const peers = await raft.getPeers();
  if (!peers.some((one) => one.nodeId === nodeId && one.isRaftLeader)) return;
  const best = peers
    .filter((one) => one.nodeId !== nodeId && one.kind === 'voter' && one.healthy)
    .sort((one, two) => (two.appliedIndex ?? 0) - (one.appliedIndex ?? 0))[0];
  if (best === undefined) return;
  logger.info({ to: best.nodeId }, 'moving the Raft leader away');
  await raft.moveRaftLeader(best.nodeId);
}
