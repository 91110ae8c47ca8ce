/** One update as a runbook follows it: begun by the real CLI, its events read as they come, its record at its end. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import type { UpdateEvent } from '../../../src/cluster/update/event.ts';
import type { UpdateRecord } from '../../../src/cluster/update/record.ts';
import { type Outcome, type TaskPhase, taskTransitions } from '../../../src/cluster/update/states.ts';
import type { StepKind } from '../../../src/cluster/update/step.ts';
import { spawnCli } from '../../support/cli.ts';
import type { DevCluster } from '../../support/dev-cluster.ts';
import { nowMs, waitFor } from '../../support/wait.ts';

/** Short, and still in proportion: preflight checks the sums. */
export const quick = {
  '--health-timeout': '12s',
  '--stabilize-timeout': '15s',
  '--trial': '40s',
  '--rollback-timeout': '60s',
  '--gate-timeout': '25s',
  '--drain-timeout': '10s',
};

/** Exit code of the CLI by how the update ended. */
const codes: Record<Outcome, number> = { committed: 0, refused: 3, 'rolled-back': 4, reverted: 4, failed: 4 };

export interface Walk {
  /** The build that it walks to. */
  to: string;
  /** The update's id, once it has begun. */
  id(): Promise<string>;
  /**
   * Waits for a step that begins or a phase that is entered, of one node or of any. What is both is the phase: when the
   * step of a trial begins the incarnation is not on record yet, and who restarts then is only a little late.
   */
  reaches(what: StepKind | TaskPhase, nodeId?: string): Promise<UpdateEvent>;
  /** Waits for an event of one kind whose text holds `words`. */
  hears(kind: UpdateEvent['kind'], words: string): Promise<UpdateEvent>;
  /** Waits until a leader goes on with the update that is not the one that began it. */
  nextLeader(): Promise<string>;
  /** What was heard so far. */
  events(): UpdateEvent[];
  /** Waits for the end; the outcome, the record and the CLI's exit code must agree. */
  ends(outcome: Outcome | Outcome[], options?: { code?: number; withinMs?: number }): Promise<UpdateRecord>;
  /** Waits for an update that may not begin; returns all output. */
  isRefused(): Promise<string>;
  /** The view ends; the update goes on. */
  stopWatching(): void;
}

/** `bundle`: the CLI of another build (its index.js) begins the update and follows it. */
export function startWalk(cluster: DevCluster, dir: string, to: string, flags: string[], bundle?: string): Walk {
  const given = new Set(flags);
  const short = Object.entries(quick).flatMap(([flag, value]) => (given.has(flag) ? [] : [flag, value]));
  const child = spawnCli(['update', dir, '--json', '--yes', ...short, ...flags], {
    config: cluster.config,
    ...(bundle === undefined ? {} : { bundle }),
  });
  const heard: UpdateEvent[] = [];
  const lines: string[] = [];
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      const { event } = parse(line) as { event?: UpdateEvent };
      if (event !== undefined) heard.push(event);
    });
  }
  const exited = exitOf(child);
  let stopped = false;
  let code: number | null | undefined;
  void exited.then((ended) => {
    code = ended;
  });
  const said = (): string => `${lines.slice(-6).join('\n')}\n${stderr}`;

  const hear = async <T extends object | string>(what: string, look: () => T | undefined): Promise<T> => {
    // The CLI may have lost sight of the update; then nothing more is heard, and waiting is no use.
    const over = (): 'over' | undefined => (code === undefined ? undefined : 'over');
    const found = await waitFor(what, () => look() ?? over(), { timeoutMs: 60_000, everyMs: 5 }).catch(() => 'over');
    if (found !== 'over') return found as T;
    const why = code === undefined ? 'not within 60 s' : `the CLI ended (${code})`;
    throw new Error(`waited for ${what}: ${why}\n${told(heard)}\n${said()}`);
  };

  const id = (): Promise<string> => hear('the update to begin', () => heard[0]?.updateId);
  return {
    to,
    id,
    events: () => heard,
    reaches: (what, nodeId) =>
      hear(`${what}${nodeId === undefined ? '' : ` of ${nodeId}`}`, () =>
        heard.find(
          (event) =>
            (what in taskTransitions ? event.phase : event.step?.kind) === what &&
            (nodeId === undefined || event.nodeId === nodeId),
        ),
      ),
    hears: (kind, words) =>
      hear(`${kind}: ${words}`, () => heard.find((event) => event.kind === kind && event.text.includes(words))),
    nextLeader: () =>
      hear('another leader', () => {
        const first = heard[0]?.epoch ?? 0;
        return heard.find((event) => event.kind === 'leader' && event.epoch > first)?.by;
      }),
    async ends(outcome, options = {}) {
      const withinMs = options.withinMs ?? 100_000;
      const updateId = await id();
      const untilMs = nowMs() + withinMs;
      await waitFor(`the CLI to end\n${said()}`, () => code !== undefined, { timeoutMs: withinMs });
      // Exit code 6: it lost sight of the update, which goes on. The record has the last word in any case.
      const record = await waitFor(
        `the update to end; heard:\n${told(heard)}`,
        async () => {
          const now = await cluster.record(updateId);
          return now.outcome === null ? null : now;
        },
        { timeoutMs: Math.max(1_000, untilMs - nowMs()), everyMs: 500 },
      );
      const seen = `${told(heard)}\n${JSON.stringify(record.failure)} ${record.operatorMust ?? ''}`;
      const wanted = [outcome].flat();
      expect(wanted, seen).toContain(record.outcome);
      if (code !== 6 && !stopped) expect(code, seen).toBe(options.code ?? codes[record.outcome ?? 'failed']);
      return record;
    },
    async isRefused() {
      expect(await exited, said()).toBe(3);
      return said();
    },
    stopWatching() {
      stopped = true;
      child.kill('SIGKILL');
    },
  };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/** The story so far, for a failure's message. */
function told(events: UpdateEvent[]): string {
  const first = Date.parse(events[0]?.at ?? '');
  return events
    .map((event) => `${((Date.parse(event.at) - first) / 1000).toFixed(2)} e${event.epoch} ${event.text}`)
    .join('\n');
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    return {};
  }
}
