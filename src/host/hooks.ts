/**
 * Commands that an operator wants run around a restart: out of the load balancer before, back into it after. The one
 * before may say no, and then nothing was touched; the one after may not, for the restart has happened.
 */
import { join } from 'node:path';
import { errno, quietly, readTextOrNull, removeDurable, writeJsonAtomic } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import { runTask } from './tasks/run.ts';

interface Hook {
  argv: string[];
  /** After it the whole process group is ended, ms. */
  timeoutMs: number;
}

export interface HooksConfig {
  beforeRestart?: Hook | undefined;
  afterRestart?: Hook | undefined;
}

interface HookSubject {
  updateId: string;
  release: string;
}

/** `data/last-hook.json`: how the last hook ended. */
export interface HookOutcome extends HookSubject {
  hook: 'beforeRestart' | 'afterRestart';
  argv: string[];
  ok: boolean;
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  /** Why it could not be started; '' when it was. */
  spawnError: string;
  /** The last 2,000 characters of what it wrote. */
  outputTail: string;
  at: string;
}

export interface Hooks {
  /**
   * Throws ClusterError 'refused' when the hook fails: which one, how it ended, what it said; 'disk' when it cannot be noted
   * that the one after is due: then that one was run already.
   */
  beforeRestart(subject: HookSubject): Promise<void>;
  /**
   * After a restart for which the one before was run, once, whichever release runs now. A failure is logged and kept,
   * no more. Never rejects.
   */
  afterRestart(): Promise<void>;
}

export interface HooksDeps {
  base: string;
  nodeId: string;
  config: HooksConfig;
  clock: Clock;
  logger?: Logger;
  /** Ends a running hook. */
  signal?: () => AbortSignal;
}

const tailChars = 2_000;
const lastHookFile = (base: string): string => join(nodePaths(base).data, 'last-hook.json');
/** Between the two: the restart that the hook before was run for. */
const dueFile = (base: string): string => join(nodePaths(base).data, 'hook-due.json');

/** The hooks of one node. */
export function createHooks(deps: HooksDeps): Hooks {
  const { base, config } = deps;
  return {
    async beforeRestart(subject) {
      if (config.beforeRestart !== undefined) {
        const outcome = await runHook(deps, 'beforeRestart', config.beforeRestart, subject);
        if (!outcome.ok) throw refusal(deps, config.beforeRestart, outcome);
      }
      if (config.afterRestart !== undefined) await noteDue(deps, config.afterRestart, subject);
    },
    async afterRestart() {
      try {
        const subject = readDue(base);
        if (subject === null || config.afterRestart === undefined) return;
        // Before it runs: a hook that brings the daemon down must not be run for ever.
        removeDurable(dueFile(base));
        await runAfter(deps, config.afterRestart, subject);
      } catch (thrown) {
        deps.logger?.warn({ seen: String(thrown) }, 'the hook after the restart was not run');
      }
    },
  };
}

/** Whoever is to run the hook after the restart knows it from the disk alone: without that note the node would stay out of service. */
async function noteDue(deps: HooksDeps, after: Hook, subject: HookSubject): Promise<void> {
  try {
    writeJsonAtomic(dueFile(deps.base), subject);
  } catch (cause) {
    if (deps.config.beforeRestart !== undefined) await runAfter(deps, after, subject);
    const next = 'make room on the disk, or make it writable; the node runs what it ran';
    const seen = `${dueFile(deps.base)}: ${errno(cause) || String(cause)}`;
    const what = 'cannot note that the hook after the restart is due';
    throw new ClusterError('disk', what, { nodeId: deps.nodeId, seen, next }, cause);
  }
}

async function runAfter(deps: HooksDeps, after: Hook, subject: HookSubject): Promise<void> {
  const outcome = await runHook(deps, 'afterRestart', after, subject);
  if (!outcome.ok) deps.logger?.warn({ ...outcome }, 'the hook after the restart failed');
}

function readDue(base: string): HookSubject | null {
  try {
    const value = JSON.parse(readTextOrNull(dueFile(base)) ?? 'null') as Partial<HookSubject> | null;
    return value === null ? null : { updateId: String(value.updateId ?? ''), release: String(value.release ?? '') };
  } catch {
    return { updateId: '', release: '' };
  }
}

async function runHook(
  deps: HooksDeps,
  name: HookOutcome['hook'],
  hook: Hook,
  subject: HookSubject,
): Promise<HookOutcome> {
  let tail = '';
  const keep = (chunk: Uint8Array): void => {
    tail = (tail + Buffer.from(chunk).toString('utf8')).slice(-tailChars);
  };
  const env = {
    CLAUDECLUSTER_HOOK: name,
    CLAUDECLUSTER_NODE: deps.nodeId,
    CLAUDECLUSTER_UPDATE: subject.updateId,
    CLAUDECLUSTER_RELEASE: subject.release,
  };
  const { argv, timeoutMs } = hook;
  const signal = deps.signal?.();
  const status = await runTask(
    { base: deps.base, ownArgv: ['claudecluster'], env },
    { argv, timeoutMs },
    { onStdout: keep, onStderr: keep, ...(signal === undefined ? {} : { signal }) },
  );
  const ok = status.exitCode === 0 && !status.timedOut && status.spawnError === '';
  const outcome: HookOutcome = {
    hook: name,
    argv,
    ...subject,
    ok,
    ...status,
    outputTail: tail,
    at: deps.clock.wallIso(),
  };
  quietly(() => writeJsonAtomic(lastHookFile(deps.base), outcome));
  return outcome;
}

function refusal(deps: HooksDeps, hook: Hook, outcome: HookOutcome): ClusterError {
  const ended = howItEnded(hook, outcome);
  return new ClusterError('refused', `the hook beforeRestart of ${deps.nodeId} said no: ${ended}`, {
    nodeId: deps.nodeId,
    seen: outcome.outputTail.trim() === '' ? `${hook.argv[0]}: ${ended}, no output` : outcome.outputTail.trim(),
    wanted: `${hook.argv.join(' ')}: exit code 0 within ${hook.timeoutMs} ms`,
    next: 'nothing was touched; mend what the hook names, or the hook, then start the update again',
  });
}

function howItEnded(hook: Hook, outcome: HookOutcome): string {
  if (outcome.spawnError !== '') return `it could not be started (${outcome.spawnError})`;
  if (outcome.timedOut) return `it ran longer than ${hook.timeoutMs} ms`;
  return outcome.signal === null ? `exit code ${outcome.exitCode}` : `ended by ${outcome.signal}`;
}
