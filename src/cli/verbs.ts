/** What the commands `node …` do on this host: the options of each made into the request of its verb (src/host/verbs.ts). */
import { type Context, configFile, type GlobalOptions } from '../front/context.ts';
import { parseCount, parseDuration } from '../front/duration.ts';
import { rshCommand } from '../front/rsh-command.ts';
import { verbDeps } from './compose/node-verbs.ts';
import { addressOf, hashHere, hashOn } from './which-release.ts';

export interface VerbOptions extends GlobalOptions {
  from?: string;
  timeout?: string;
  update?: string;
  epoch?: string;
  trial?: string;
  healthTimeout?: string;
  boots?: string;
  acceptDowntime?: boolean;
  incarnation?: string;
  why?: string;
}

/** @param given the one argument of the command: a hash or its beginning, or a nodeId; '': it takes none */
export type Verb = (ctx: Context, options: VerbOptions, given: string) => Promise<object>;

export async function stage(ctx: Context, options: VerbOptions, given: string): Promise<object> {
  const timeoutMs = parseDuration(options.timeout ?? '10m', '--timeout');
  const [{ loadNodeConfig }, { stageHere }, verbs] = await Promise.all([
    import('../daemon/config.ts'),
    import('./compose/releases.ts'),
    import('../host/verbs.ts'),
  ]);
  const config = loadNodeConfig(configFile(ctx, options));
  const { base, nodeId, diskReserveBytes: reserveBytes } = config;
  const signal = ctx.interrupts();
  const fetch = async (hash: string, from: string) => {
    const address = await addressOf(ctx, config.file, from);
    const channel = { rshCommand: rshCommand(ctx.program, config.file, address), timeoutMs, signal };
    return stageHere({ base, hash, reserveBytes, ...channel });
  };
  const from = options.from ?? '';
  const release = await hashOn(ctx, config.file, from, given);
  return verbs.stage({ nodeId, stageRelease: fetch }, { release, from });
}

export async function rehearse(ctx: Context, options: VerbOptions, given: string): Promise<object> {
  const { deps, serviceManagerAnswers } = await verbDeps(configFile(ctx, options), ctx);
  const [verbs, { diskFreeBytes }] = await Promise.all([import('../host/verbs.ts'), import('../release/room.ts')]);
  const release = await hashHere(deps.base, given);
  return verbs.rehearse({ ...deps, diskFreeBytes, serviceManagerAnswers }, { release });
}

export async function verify(ctx: Context, options: VerbOptions): Promise<object> {
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../host/verbs.ts')).lookAtReleases(deps);
}

export async function activate(ctx: Context, options: VerbOptions, given: string): Promise<object> {
  const { updateId, epoch } = order(options);
  const limits = {
    ...(options.trial === undefined ? {} : { trialMs: parseDuration(options.trial, '--trial') }),
    ...(options.healthTimeout === undefined
      ? {}
      : { healthTimeoutMs: parseDuration(options.healthTimeout, '--health-timeout') }),
    ...(options.boots === undefined ? {} : { bootsMax: parseCount(options.boots, '--boots') }),
  };
  const acceptDowntime = options.acceptDowntime === true;
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  const verbs = await import('../host/verbs.ts');
  const release = await hashHere(deps.base, given);
  return verbs.activate(deps, { release, updateId, epoch, acceptDowntime, ...limits });
}

export async function commit(ctx: Context, options: VerbOptions): Promise<object> {
  const { incarnation } = options;
  const request = { ...order(options), ...(incarnation === undefined ? {} : { incarnation }) };
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../host/verbs.ts')).commit(deps, request);
}

export async function rollback(ctx: Context, options: VerbOptions): Promise<object> {
  const request = {
    ...(options.update === undefined ? {} : { updateId: options.update }),
    ...(options.epoch === undefined ? {} : { epoch: parseCount(options.epoch, '--epoch', 0) }),
    ...(options.why === undefined ? {} : { why: options.why }),
  };
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../host/verbs.ts')).rollback(deps, request);
}

export async function releaseHold(ctx: Context, options: VerbOptions, holder: string): Promise<object> {
  const [{ loadNodeConfig }, { withStore }, { takeBackByHand }] = await Promise.all([
    import('../daemon/config.ts'),
    import('./compose/cluster-questions.ts'),
    import('../cluster/by-hand.ts'),
  ]);
  const config = loadNodeConfig(configFile(ctx, options));
  const changed = await withStore(config, ctx.clock, (store) => takeBackByHand(store, holder));
  return { verb: 'release-hold', nodeId: config.nodeId, holder, changed };
}

export async function status(ctx: Context, options: VerbOptions): Promise<object> {
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../host/verbs.ts')).nodeStatus(deps);
}

function order(options: VerbOptions): { updateId: string; epoch: number } {
  return { updateId: options.update ?? '', epoch: parseCount(options.epoch ?? '', '--epoch', 0) };
}
