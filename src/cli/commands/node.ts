/**
 * `claudecluster node …`: the verbs that a leader has a node do, and that an operator on the host can do by hand
 * (docs/architecture.md, node verbs).
 */
import { checkHashBeginning, isBuildHash, wholeHash } from '../../base/build-hash.ts';
import { asClusterError, ClusterError } from '../../errors.ts';
import { type Context, configFile, type GlobalOptions, jsonLine } from '../../front/context.ts';
import { parseCount, parseDuration } from '../../front/duration.ts';
import { type ExitCode, exit, exitOfError } from '../../front/exit-codes.ts';
import { errorLines } from '../../front/render/error.ts';
import { paintAll } from '../../front/render/text.ts';
import { rshCommand } from '../../front/rsh-command.ts';
import { verbDeps } from '../compose/node-verbs.ts';
import { examples, optionsOf, type Register, withGlobals } from '../register.ts';

interface VerbOptions extends GlobalOptions {
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

const exitHelp = `
One JSON line on stdout: {"ok":true,…} or {"ok":false,"error":{code,message,nodeId?,seen?,wanted?,next?}}.
Exit codes: 0 done, or nothing to do · 2 usage · 3 refused (stale epoch, quorum, trial, quarantine)
            4 failed (transfer, verification, self-test, disk) · 1 nobody answered (unavailable: call again), or unexpected`;

export const register: Register = ({ program, ctx, run }) => {
  const node = program
    .command('node')
    .description("this host's node: stage, rehearse, activate, commit, rollback, release-hold, status");
  withGlobals(node.command('stage'))
    .description('bring a release onto this disk: transfer, verification of the whole tree, its own self-test')
    .argument('<HASH>', 'buildHash, or 8 digits and more of one that the other node has')
    .requiredOption('--from <node>', 'nodeId or host:port of a node that has it (required)')
    .option('--timeout <duration>', 'for all of it (default 10m)')
    .addHelpText('after', examples('claudecluster node stage HASH --from n1'))
    .addHelpText('after', exitHelp)
    .action((hash: string, _: unknown, self) =>
      run(verb(ctx, optionsOf(self), (options) => stage(ctx, hash, options))),
    );
  withGlobals(node.command('rehearse'))
    .description('check that the way back works: known-good release, guard, disk, service manager; changes nothing')
    .argument('<HASH>', 'buildHash of the release that is to come, or 8 digits and more of one on this disk')
    .addHelpText('after', examples('claudecluster node rehearse HASH --json'))
    .addHelpText('after', exitHelp)
    .action((hash: string, _: unknown, self) =>
      run(verb(ctx, optionsOf(self), (options) => rehearse(ctx, hash, options))),
    );

  withGlobals(node.command('verify'))
    .description(
      'hash the known-good release, and every one that is marked damaged; marks them, or takes the mark back',
    )
    .addHelpText('after', examples('claudecluster node verify --json'))
    .addHelpText('after', exitHelp)
    .action((_, self) => run(verb(ctx, optionsOf(self), (options) => verify(ctx, options))));
  withGlobals(node.command('activate'))
    .description('put a staged release on trial: last quorum check, switch, restart')
    .argument('<HASH>', 'buildHash of a staged release, or 8 digits and more of it')
    .requiredOption('--update <id>', 'the update that this belongs to (required)')
    .requiredOption(
      '--epoch <number>',
      'epoch of the leader that says so; an older one than this node has seen is refused (required)',
    )
    .option('--trial <duration>', 'not committed by then: the node goes back by itself (default 120s)')
    .option('--health-timeout <duration>', 'not healthy by then: the node goes back by itself (default 60s)')
    .option('--boots <count>', 'starts of the release before the node goes back (default 3)')
    .option('--accept-downtime', 'without the quorum check: for clusters of one or two voters (default: refuse)')
    .addHelpText('after', examples('claudecluster node activate HASH --update u-3f9c0a51 --epoch 7 --trial 120s'))
    .addHelpText('after', exitHelp)
    .action((hash: string, _: unknown, self) =>
      run(verb(ctx, optionsOf(self), (options) => activate(ctx, hash, options))),
    );
  withGlobals(node.command('commit'))
    .description('end the trial in favour of the new release')
    .requiredOption('--update <id>', 'the update that the trial belongs to (required)')
    .requiredOption('--epoch <number>', 'epoch of the leader that says so (required)')
    .option('--incarnation <id>', 'only if this start of the daemon is the one that is healthy now (default: any)')
    .addHelpText('after', examples('claudecluster node commit --update u-3f9c0a51 --epoch 7'))
    .addHelpText('after', exitHelp)
    .action((_, self) => run(verb(ctx, optionsOf(self), (options) => commit(ctx, options))));
  withGlobals(node.command('rollback'))
    .description('end the trial in favour of the known-good release; needs nothing of the new one')
    .option('--update <id>', 'only if the trial belongs to this update (default: any)')
    .option('--epoch <number>', "a leader's epoch (default: none, the command is an operator's)")
    .option('--why <text>', 'kept with the evidence (default: none)')
    .addHelpText('after', examples("claudecluster node rollback --why 'it eats the memory'"))
    .addHelpText('after', exitHelp)
    .action((_, self) => run(verb(ctx, optionsOf(self), (options) => rollback(ctx, options))));
  withGlobals(node.command('release-hold'))
    .description('give up the place of a voter that was taken out of service by hand and does not come back by itself')
    .argument('<NODE>', 'nodeId, as `claudecluster status` shows it')
    .addHelpText('after', examples('claudecluster node release-hold n2'))
    .addHelpText('after', exitHelp)
    .action((nodeId: string, _: unknown, self) =>
      run(verb(ctx, optionsOf(self), (options) => releaseHold(ctx, nodeId, options))),
    );
  withGlobals(node.command('status'))
    .description("what is on this node's disk; works while the daemon is down")
    .addHelpText('after', examples('claudecluster node status --json'))
    .addHelpText('after', exitHelp)
    .action((_, self) => run(verb(ctx, optionsOf(self), (options) => status(ctx, options))));
};

/** Answers in the form that leaders of other versions read, too. */
async function verb(
  ctx: Context,
  options: VerbOptions,
  work: (options: VerbOptions) => Promise<object>,
): Promise<ExitCode> {
  try {
    ctx.yieldToServices();
    const answer: object & { error?: ClusterError } = await work(options);
    await jsonLine(ctx, { ok: true, ...answer });
    return answer.error === undefined ? exit.done : await failed(ctx, options, answer.error);
  } catch (thrown) {
    const error = asClusterError(thrown);
    await jsonLine(ctx, { ok: false, error });
    return failed(ctx, options, error);
  }
}

async function failed(ctx: Context, options: VerbOptions, error: ClusterError): Promise<ExitCode> {
  if (!options.json) await ctx.stderr.write(paintAll(errorLines(error), false));
  return exitOfError(error.code);
}

async function stage(ctx: Context, given: string, options: VerbOptions): Promise<object> {
  const timeoutMs = parseDuration(options.timeout ?? '10m', '--timeout');
  const [{ loadNodeConfig }, { stageHere }, verbs] = await Promise.all([
    import('../../daemon/config.ts'),
    import('../compose/releases.ts'),
    import('../../host/verbs.ts'),
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

/** The cluster knows where its nodes are; an address is taken as it is. */
async function addressOf(ctx: Context, file: string, from: string): Promise<string> {
  if (/:\d{1,5}$/.test(from)) return from;
  const session = await ctx.connect(file);
  try {
    const { nodes } = await session.control.status();
    const node = nodes.find(({ nodeId }) => nodeId === from);
    if (node) return node.address;
    throw new ClusterError('usage', `no node is called ${from}`, {
      seen: nodes.map(({ nodeId }) => nodeId).join(', '),
      wanted: '--from with a nodeId or host:port',
    });
  } finally {
    await session.close();
  }
}

/** What the beginning of a hash means is what the node has that the release comes from. */
async function hashOn(ctx: Context, file: string, from: string, given: string): Promise<string> {
  if (isBuildHash(checkHashBeginning(given, 'HASH'))) return given;
  const session = await ctx.connect(file);
  try {
    const { nodes } = await session.control.status();
    const source = nodes.find(({ nodeId, address }) => nodeId === from || address === from)?.nodeId ?? from;
    const rows = await session.control.listReleases();
    const there = rows.filter((row) => row.onNodes.includes(source)).map((row) => row.buildHash);
    return wholeHash(given, there, `on ${source}`);
  } finally {
    await session.close();
  }
}

/** The same, of what is on this host's disk. */
async function hashHere(base: string, given: string): Promise<string> {
  checkHashBeginning(given, 'HASH');
  const { releaseHashes } = await import('../../release/store.ts');
  return wholeHash(given, await releaseHashes(base), "on this node's disk");
}

async function rehearse(ctx: Context, given: string, options: VerbOptions): Promise<object> {
  const { deps, serviceManagerAnswers } = await verbDeps(configFile(ctx, options), ctx);
  const [verbs, { diskFreeBytes }] = await Promise.all([
    import('../../host/verbs.ts'),
    import('../../release/room.ts'),
  ]);
  const release = await hashHere(deps.base, given);
  return verbs.rehearse({ ...deps, diskFreeBytes, serviceManagerAnswers }, { release });
}

async function verify(ctx: Context, options: VerbOptions): Promise<object> {
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../../host/verbs.ts')).lookAtReleases(deps);
}

async function activate(ctx: Context, given: string, options: VerbOptions): Promise<object> {
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
  const verbs = await import('../../host/verbs.ts');
  const release = await hashHere(deps.base, given);
  return verbs.activate(deps, { release, updateId, epoch, acceptDowntime, ...limits });
}

async function commit(ctx: Context, options: VerbOptions): Promise<object> {
  const { incarnation } = options;
  const request = { ...order(options), ...(incarnation === undefined ? {} : { incarnation }) };
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../../host/verbs.ts')).commit(deps, request);
}

async function rollback(ctx: Context, options: VerbOptions): Promise<object> {
  const request = {
    ...(options.update === undefined ? {} : { updateId: options.update }),
    ...(options.epoch === undefined ? {} : { epoch: parseCount(options.epoch, '--epoch', 0) }),
    ...(options.why === undefined ? {} : { why: options.why }),
  };
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../../host/verbs.ts')).rollback(deps, request);
}

async function releaseHold(ctx: Context, holder: string, options: VerbOptions): Promise<object> {
  const [{ loadNodeConfig }, { withStore }, { takeBackByHand }] = await Promise.all([
    import('../../daemon/config.ts'),
    import('../compose/cluster-questions.ts'),
    import('../../cluster/by-hand.ts'),
  ]);
  const config = loadNodeConfig(configFile(ctx, options));
  const changed = await withStore(config, ctx.clock, (store) => takeBackByHand(store, holder));
  return { verb: 'release-hold', nodeId: config.nodeId, holder, changed };
}

async function status(ctx: Context, options: VerbOptions): Promise<object> {
  const { deps } = await verbDeps(configFile(ctx, options), ctx);
  return (await import('../../host/verbs.ts')).nodeStatus(deps);
}

function order(options: VerbOptions): { updateId: string; epoch: number } {
  return { updateId: options.update ?? '', epoch: parseCount(options.epoch ?? '', '--epoch', 0) };
}
