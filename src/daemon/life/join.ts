/** From a process to a node of its cluster: its Raft member serves, and its name is on the members' list. */
import { asClusterError } from '../../errors.ts';
import { checkClusterId, confirmMember, prepareEtcdStart, readStartFacts } from '../../members/bootstrap.ts';
import { registerMember } from '../../members/registration.ts';
import type { NodeConfig } from '../config.ts';
import type { NodeParts } from './parts.ts';

/** Between two attempts at a step of the start, ms. */
const retryMs = 250;

const peerOf = ({ etcd }: NodeConfig): string => ('endpoints' in etcd ? '' : etcd.peer);

/** Starts the member, or says why it may not start; a node never becomes a cluster of its own. False: it waits. */
export async function startMember(parts: NodeParts, signal: AbortSignal): Promise<boolean> {
  const { config, member, boot, state, logger } = parts;
  const { nodeId } = config;
  if (member === null) return true;
  const start = await untilItWorks(parts, signal, 'the Raft member is not started yet', async () => {
    await parts.etcdUsable();
    const planned = prepareEtcdStart(boot, nodeId, peerOf(config));
    if (planned.kind !== 'wait') {
      state.notReady = 'its etcd does not serve yet';
      await member.start();
    }
    return planned;
  });
  if (start === null) return false;
  if (start.kind === 'wait') {
    // For good: data that somebody is putting back must not be started on before all of it is there.
    state.notReady = `${start.reason}; ${start.next}`;
    logger.error({ reason: start.reason, next: start.next }, 'the Raft member is not started');
    return false;
  }
  await member.ready(signal).catch((thrown: unknown) => {
    if (!signal.aborted) throw thrown;
  });
  if (signal.aborted) return false;
  await untilItWorks(parts, signal, 'cannot note that the member serves', async () => confirmMember(boot, nodeId));
  state.memberId = await parts.ownMemberId().catch(() => null);
  return true;
}

/** Joins the cluster; as long as it cannot be reached, waits and says so. */
export async function joinCluster(parts: NodeParts, signal: AbortSignal): Promise<void> {
  const clusterId = await untilItWorks(parts, signal, 'waiting for the cluster', async () => {
    const id = await checkClusterId(parts.store, parts.clock, parts.boot);
    await registerSelf(parts);
    return id;
  });
  if (clusterId !== null) parts.logger.info({ clusterId }, 'joined');
}

/** A node that was named at the cluster's founding needs nobody's approval. */
async function registerSelf({ config, boot, store, version, release }: NodeParts): Promise<void> {
  const { nodeId, role, advertise: address } = config;
  const { bootstrap } = readStartFacts(boot, nodeId, peerOf(config));
  const approved =
    bootstrap !== null &&
    bootstrap !== 'unreadable' &&
    (bootstrap.nodes.includes(nodeId) || bootstrap.initialCluster.some((one) => one.name === nodeId));
  const { protocol } = version;
  await registerMember(store, { nodeId, address, role, approved, protocol, release: { ...release } });
}

/**
 * Tries `work` until it works: a start that fails once must not end the process, which on trial would cost a good build
 * one of its starts. Meanwhile the node's health says why, and the log, once for each reason. null: `signal` aborted first.
 */
async function untilItWorks<T>(
  { state, logger, clock }: NodeParts,
  signal: AbortSignal,
  waiting: string,
  work: () => Promise<T>,
): Promise<T | null> {
  for (let told = ''; !signal.aborted; ) {
    try {
      return await work();
    } catch (thrown) {
      const error = asClusterError(thrown);
      state.notReady = `${error.message}${error.detail.next === undefined ? '' : `; ${error.detail.next}`}`;
      if (told !== error.message) logger.warn({ err: error.toJSON() }, waiting);
      told = error.message;
      await clock.sleep(retryMs, signal);
    }
  }
  return null;
}
