/** What the node does for the cluster: health, drain, tasks and transfers, as AgentService has them. */
import { createAgentService } from '../../grpc/agent-service.ts';
import { readEpoch } from '../../host/epoch.ts';
import { createSupervisorClient } from '../../host/managers/supervisor/manager.ts';
import type { TaskRegistry } from '../../host/tasks/registry.ts';
import { releaseHashes } from '../../release/store.ts';
import { readInstalled } from '../../trial/trial-view.ts';
import { createWayBack } from '../../trial/way-back.ts';
import type { LookWatch } from '../look-watch.ts';
import type { OwnPart } from '../own-part.ts';
import { healthReport } from '../self-health.ts';
import type { NodeContext } from './context.ts';
import type { Presence } from './presence.ts';
import { composeReleases } from './releases.ts';
import type { Stores } from './stores.ts';

export interface AgentParts {
  stores: Stores;
  presence: Presence;
  look: LookWatch;
  tasks: TaskRegistry;
  ownPart: OwnPart;
}

type AgentService = ReturnType<typeof createAgentService>;

export function composeAgent(
  context: NodeContext,
  { stores, presence, look, tasks, ownPart }: AgentParts,
): AgentService {
  const { config, clock, logger, managed, incarnation, release } = context;
  const { nodeId, base, service, heartbeatMs } = config;
  const releases = composeReleases(config);
  const wayBack = createWayBack({
    base,
    clock,
    supervised: process.env.CLAUDECLUSTER_SUPERVISOR_PID !== undefined,
    serviceManagerAnswers: () => createSupervisorClient(base, 1_000).status(),
  });
  return createAgentService({
    base,
    tasks,
    logger,
    health: () =>
      healthReport({
        nodeId,
        service,
        base,
        incarnation,
        release,
        heartbeatMs,
        clock,
        facts: presence.facts,
        appliedIndex: async () =>
          managed === null ? null : (await stores.admin.status(managed.client, 500)).appliedIndex,
        staged: () => releaseHashes(base),
        installed: () => readInstalled(base),
        epoch: () => readEpoch(base),
        draining: presence.isDraining,
        runningTasks: () => tasks.running(),
        diskRoom: releases.room,
        wayBack,
        looked: look.looked,
      }),
    drain: async ({ draining, epoch }) => {
      await ownPart.admit(Number(epoch)); // P6
      const runningTasks = tasks.drain(draining);
      if (draining) ownPart.keepWarm();
      await Promise.race([presence.heartbeat.touch(), clock.sleep(1_000)]);
      return { runningTasks };
    },
    serveRsync: releases.serve,
    finishPush: releases.finishPush,
  });
}
