/**
 * A node, put together from its parts. What each of them is made with: context · ways into the store: stores · its Raft
 * member: member · heartbeat, membership, health: presence · leading, and what the faces ask: cluster · what it does for
 * others: agent; for the moment of its own stop: ../own-part.ts. How it lives, from start to end, is ../node-life.ts.
 */
import { watchDamaged } from '../../cluster/aftercare/damaged.ts';
import { GrpcClientPool } from '../../grpc/client-pool.ts';
import { createGrpcServer } from '../../grpc/server.ts';
import { createHooks } from '../../host/hooks.ts';
import { createTaskRegistry, type TaskRegistry } from '../../host/tasks/registry.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ReleaseRef } from '../../ports/releases.ts';
import type { NodeConfig } from '../config.ts';
import type { NodeLife } from '../life/parts.ts';
import { createNodeLife } from '../node-life.ts';
import { createOwnPart } from '../own-part.ts';
import { composeAgent } from './agent.ts';
import { composeCluster } from './cluster.ts';
import { type NodeContext, nodeContext } from './context.ts';
import { composeLook } from './look.ts';
import { composeMember } from './member.ts';
import { composePresence } from './presence.ts';
import { composeStores } from './stores.ts';

export interface ComposedNode {
  life: NodeLife;
  incarnation: string;
  release: ReleaseRef;
}

export interface NodeRequest {
  config: NodeConfig;
  /** Path of the bundle that runs. */
  bundle: string;
  logger: Logger;
  etcdUsable(): Promise<void>;
}

/** Nothing runs yet, and nothing was dialled. Throws as `nodeContext`. */
export async function composeNode(request: NodeRequest): Promise<ComposedNode> {
  const { config, bundle, logger, etcdUsable } = request;
  const context = await nodeContext(config, bundle, logger);
  const { clock, tls, ending, incarnation, release } = context;
  const { nodeId, base, heartbeatMs } = config;
  const stores = composeStores(context);
  const tasks = composeTasks(context);
  const hooks = createHooks({ base, nodeId, config: config.hooks, clock, logger, signal: () => ending.signal });
  const member = composeMember(context);
  const look = composeLook(context);
  const presence = composePresence(context, { stores, member, look, draining: tasks.draining });
  const clientPool = new GrpcClientPool({ tls });
  const { control, ...cluster } = composeCluster(context, { stores, presence, clientPool });
  const ownPart = createOwnPart({
    base,
    nodeId,
    release: release.buildHash,
    heartbeatMs: config.heartbeatMs,
    store: stores.store,
    raft: cluster.raft,
    clock,
    logger,
    healthy: presence.isHealthy,
    draining: presence.isDraining,
  });
  const agent = composeAgent(context, { stores, presence, look, tasks, ownPart });
  const life = createNodeLife({
    ...context,
    ...presence,
    ...cluster,
    store: stores.store,
    member,
    tasks,
    hooks,
    etcdUsable,
    look,
    mend: (signal) => watchDamaged({ ...presence, ...cluster, clientPool, clock, logger, heartbeatMs }, signal),
    ownMemberId: async () => (await stores.admin.members()).find((one) => one.name === nodeId)?.memberId ?? null,
    listen: async () => {
      await ownPart.listen();
      return createGrpcServer({ listen: config.listen, tls, agent, control, logger });
    },
    upkeep: ownPart.upkeep,
    disconnect: async () => {
      await ownPart.close();
      clientPool.closeAll();
      await stores.close();
    },
  });
  return { life, incarnation, release };
}

function composeTasks({ config, bundle }: NodeContext): TaskRegistry {
  return createTaskRegistry({
    nodeId: config.nodeId,
    base: config.base,
    ownArgv: [process.execPath, bundle],
    env: { CLAUDECLUSTER_CONFIG: config.file },
  });
}
