/** From a process to a node of its cluster: its Raft member serves, and its name is on the members' list. */
import { asClusterError } from '../../errors.ts';
import { checkClusterId, confirmMember, prepareEtcdStart, readStartFacts } from '../../members/bootstrap.ts';
import { registerMember } from '../../members/registration.ts';
import type { NodeConfig } from '../config.ts';
import type { NodeParts } from './parts.ts';

/** Between two attempts to reach the cluster at start, ms. */
const joinRetryMs = 250;

const peerOf = ({ etcd }: NodeConfig): string => ('endpoints' in etcd ? '' : etcd.peer);

/** Starts the member, or says why it may not start; a node never becomes a cluster of its own. False: it waits. */
export async function startMember(parts: NodeParts, signal: AbortSignal): Promise<boolean> {
  const { config, member, boot, state, logger } = parts;
  const { nodeId } = config;
  if (member === null) return true;
  const start = prepareEtcdStart(boot, nodeId, peerOf(config));
  if (start.kind === 'wait') {
    state.notReady = `${start.reason}; ${start.next}`;
    logger.error({ reason: start.reason, next: start.next }, 'the Raft member is not started');
    return false;
  }
  state.notReady = 'its etcd does not serve yet';
  await member.start();
  await member.ready(signal);
  confirmMember(boot, nodeId);
  state.memberId = await parts.ownMemberId().catch(() => null);
  return true;
}

/** Joins the cluster; as long as it cannot be reached, waits and says so. */
export async function joinCluster(parts: NodeParts, signal: AbortSignal): Promise<void> {
  const { state, logger, clock } = parts;
  for (let told = ''; !signal.aborted; ) {
    try {
      const clusterId = await checkClusterId(parts.store, clock, parts.boot);
      await registerSelf(parts);
      logger.info({ clusterId }, 'joined');
      return;
    } catch (thrown) {
      const error = asClusterError(thrown);
      state.notReady = `${error.message}${error.detail.next === undefined ? '' : `; ${error.detail.next}`}`;
      if (told !== error.message) logger.warn({ err: error.toJSON() }, 'waiting for the cluster');
      told = error.message;
      await clock.sleep(joinRetryMs, signal);
    }
  }
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
