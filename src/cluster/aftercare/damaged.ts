/**
 * A release that rots on a node's disk is staged again from a node whose copy is good, whoever leads then, and whether or
 * not an update runs: staging disturbs nobody, and until it is done that node has no way back that it can rely on (P7).
 * What is on trial is left alone: a build that changes its own files has to fail its trial.
 */
import { asClusterError } from '../../errors.ts';
import type { ClientPool } from '../../ports/agent.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Membership, NodeInfo } from '../../ports/membership.ts';
import type { Raft } from '../../ports/raft.ts';
import { runVerb } from '../run-verb.ts';

export interface DamagedWatchDeps {
  membership: Membership;
  raft: Pick<Raft, 'isLeader'>;
  clientPool: ClientPool;
  clock: Clock;
  logger: Logger;
  /** The cluster's membership heartbeat, ms: a damaged node says so with each. */
  heartbeatMs: number;
}

/** One look at one node, ms. */
const lookTimeoutMs = 2_000;
/** A whole release over a slow network, ms, as an update has it. */
const stageTimeoutMs = 600_000;
/** The hash of a large release from a slow disk, ms. */
const verifyTimeoutMs = 120_000;
/** Where no node runs the release, so many others are asked whether they have it. */
const askedMost = 8;

/** As long as `signal` is not aborted and this node leads, has every damaged node mended, each one on its own. */
export async function watchDamaged(deps: DamagedWatchDeps, signal: AbortSignal): Promise<void> {
  const { membership, raft, clock, logger, heartbeatMs } = deps;
  const mender = createMender(deps);
  const busy = new Set<string>();
  while (!signal.aborted) {
    try {
      const nodes = raft.isLeader() ? await membership.getAllNodes() : [];
      for (const node of nodes.filter(({ damaged, status }) => damaged === true && status !== 'offline')) {
        if (busy.has(node.nodeId)) continue;
        busy.add(node.nodeId);
        // Not waited for: a large release on one node must not keep the others waiting.
        void mender.mend(node, nodes).finally(() => busy.delete(node.nodeId));
      }
    } catch (thrown) {
      logger.debug({ error: asClusterError(thrown).message }, 'damaged nodes: not known now');
    }
    await clock.sleep(2 * heartbeatMs, signal);
  }
}

interface Mender {
  /** Stages again what is damaged there, and has the node look. Never rejects. */
  mend(node: NodeInfo, nodes: NodeInfo[]): Promise<void>;
}

export function createMender(deps: Pick<DamagedWatchDeps, 'clientPool' | 'logger'>): Mender {
  const { clientPool, logger } = deps;
  /** By node and release: a source whose copy is bad itself is not asked again and again. */
  const tries = new Map<string, number>();
  let told = '';

  const health = (node: NodeInfo) => clientPool.getConnection(node.address).healthCheck(lookTimeoutMs);

  /** Nodes that should have it, whole: those that run it first. */
  const sourcesOf = async (release: string, node: NodeInfo, nodes: NodeInfo[]): Promise<NodeInfo[]> => {
    const others = nodes.filter((one) => one.nodeId !== node.nodeId && one.status === 'active');
    const runs = others.filter((one) => one.release?.buildHash === release && one.trial === null);
    const asked = runs.length > 0 ? runs : others.slice(0, askedMost);
    const known = await Promise.all(
      asked.map(async (one) => {
        const answer = await health(one).catch(() => null);
        const whole = answer?.staged.includes(release) && !answer.damage?.some((bad) => bad.release === release);
        return whole === true ? [one] : [];
      }),
    );
    return known.flat();
  };

  const tell = (node: NodeInfo, release: string, why: string): void => {
    const words = `${node.nodeId} ${release} ${why}`;
    if (words !== told) logger.warn({ nodeId: node.nodeId, release, why }, 'a damaged release is not mended yet');
    told = words;
  };

  const mendOne = async (node: NodeInfo, nodes: NodeInfo[], release: string): Promise<void> => {
    const sources = await sourcesOf(release, node, nodes);
    const key = `${node.nodeId} ${release}`;
    const tried = tries.get(key) ?? 0;
    const source = sources[tried % Math.max(1, sources.length)];
    if (source === undefined)
      return tell(node, release, 'no other node has it: `claudecluster update` to another build');
    tries.set(key, tried + 1);
    const argv = ['claudecluster', 'node', 'stage', release, '--from', source.address, '--json'];
    await runVerb({ clientPool }, node.address, argv, stageTimeoutMs);
    tries.delete(key);
    logger.info({ nodeId: node.nodeId, release, from: source.nodeId }, 'a damaged release is staged again');
  };

  return {
    mend: async (node, nodes) => {
      let release = '';
      try {
        const { damage = [], trial } = await health(node);
        for (const one of damage.filter((bad) => bad.release !== trial?.release)) {
          release = one.release;
          await mendOne(node, nodes, release);
        }
        await runVerb({ clientPool }, node.address, ['claudecluster', 'node', 'verify', '--json'], verifyTimeoutMs);
      } catch (thrown) {
        tell(node, release, asClusterError(thrown).message);
      }
    },
  };
}
