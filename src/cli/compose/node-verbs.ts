/** What the node verbs need of this host. */
import { loadNodeConfig, type NodeConfig } from '../../daemon/config.ts';
import type { Context } from '../../front/context.ts';
import type { VerbDeps } from '../../host/verbs.ts';
import { clusterQuestions } from './cluster-questions.ts';

export async function verbDeps(
  configFile: string,
  { clock, interrupts }: Pick<Context, 'clock' | 'interrupts'>,
): Promise<{ config: NodeConfig; deps: VerbDeps; serviceManagerAnswers(): Promise<string> }> {
  const config = loadNodeConfig(configFile);
  const { base, nodeId } = config;
  const [{ createSupervisorServiceManager, createSupervisorClient }, { createHooks }, { tellPeople }] =
    await Promise.all([
      import('../../host/managers/supervisor/manager.ts'),
      import('../../host/hooks.ts'),
      import('../../base/wall.ts'),
    ]);
  const hooked = Object.keys(config.hooks).length > 0;
  const deps: VerbDeps = {
    base: config.base,
    nodeId: config.nodeId,
    service: config.service,
    clock,
    serviceManager: createSupervisorServiceManager(config.base),
    ...clusterQuestions(config, clock),
    verifyRelease: async (base, hash) => (await import('../../release/store.ts')).verifyRelease(base, hash),
    prune: (base) => pruneAll(base, config.keepReleases),
    // A verb that is told to end takes its hook with it.
    ...(hooked
      ? { hooks: createHooks({ base, nodeId, config: config.hooks, clock, signal: () => interrupts() }) }
      : {}),
    tellPeople,
  };
  const serviceManagerAnswers = async (): Promise<string> => {
    const { pid, state } = await createSupervisorClient(base).status();
    return `supervisor ${pid}: ${state}`;
  };
  return { config, deps, serviceManagerAnswers };
}

/** After an update: releases that nothing needs, and every tree that was left half done. */
async function pruneAll(base: string, keepReleases: number): Promise<void> {
  const [{ prune }, { removeStale }] = await Promise.all([
    import('../../release/prune.ts'),
    import('../../release/tidy.ts'),
  ]);
  await prune(base, keepReleases);
  await removeStale(base);
}
