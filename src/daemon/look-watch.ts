/**
 * The node's own look at its known-good release: soon after the start, after that once in an hour, never two nodes in step.
 * A node whose code is not whole is unhealthy and leads nothing (P7); the leader stages that release again
 * (cluster/aftercare/damaged.ts), and has the node look at once.
 */
import { damageOf, type Unwritten, whyDamaged } from '../host/damage-view.ts';
import { knownGoodOf, readLastLook } from '../host/look.ts';
import type { LookAnswer } from '../host/look-process.ts';
import type { DamageView } from '../ports/agent.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';

/** A look that is older is none for preflight (cluster/looks.ts), so the next one is taken before, ms. */
const againMs = 50 * 60_000;
const againJitterMs = 8 * 60_000;
/** From the start, or from a commit, to the first look, ms. */
const firstMs = 5_000;
const firstJitterMs = 10_000;
/** How often it is asked whether a look is due, and whether a damaged node leads, ms. */
const pollMs = 1_000;

export interface LookWatchDeps {
  base: string;
  /** buildHash that this process runs. */
  running: string;
  clock: Clock;
  logger: Logger;
  /** What the guard found of it before it started us, which may not be on the disk; null: nothing. */
  told: string | null;
  /** In a process of its own, at idle priority; null: no answer. */
  look(signal: AbortSignal): Promise<LookAnswer | null>;
  /** The same by this process, whose code is in memory and whole: for code on the disk that cannot even look. */
  lookHere(): Promise<LookAnswer>;
}

export interface LookWatch {
  /** Why this node is not healthy for the sake of its own code; '' for nothing. */
  damaged(): string;
  /** For the health report. */
  looked(): { damage: DamageView[]; lastLookMsAgo: number | null };
  /** Until `signal` aborts. `stepDown` gives the leadership up if this node has it; it may take it again when it is well. */
  run(signal: AbortSignal, stepDown: () => Promise<void>): Promise<void>;
}

export function createLookWatch(deps: LookWatchDeps): LookWatch {
  const { base, running, clock, logger } = deps;
  let unwritten: Unwritten | null =
    deps.told === null
      ? null
      : { damaged: [{ release: running, why: deps.told, at: clock.wallIso() }], atMs: clock.nowMs() };
  const damaged = (): string => whyDamaged(base, running, unwritten);

  /** 0 to `mostMs`, another one on every node. */
  const jitter = (mostMs: number): number => (Number.parseInt(clock.randomId(4), 16) / 2 ** 32) * mostMs;

  const look = async (signal: AbortSignal): Promise<void> => {
    const answer = (await deps.look(signal)) ?? (signal.aborted ? null : await deps.lookHere());
    if (answer === null) return;
    const before = damaged();
    unwritten = answer;
    const now = damaged();
    if (now !== '' && now !== before)
      logger.error({ damaged: answer.damaged }, 'this node is damaged: it leads nothing');
    if (now === '' && before !== '') logger.info({}, 'the known-good release is whole again');
  };

  let due = { release: '', atMs: 0 };
  /** When the known-good release is to be looked at. */
  const dueAtMs = (): number => {
    const last = readLastLook(base);
    if (last !== null) return last.atMs + againMs + jitter(againJitterMs);
    // Just started, or another release is known to be good: nobody has looked at it since it ran.
    return clock.nowMs() + firstMs + jitter(firstJitterMs);
  };

  const turn = async (signal: AbortSignal): Promise<void> => {
    const release = knownGoodOf(base) ?? '';
    if (release !== due.release) due = { release, atMs: dueAtMs() };
    if (clock.nowMs() >= due.atMs) {
      await look(signal);
      due = { release, atMs: clock.nowMs() + againMs + jitter(againJitterMs) };
    }
  };

  return {
    damaged,
    looked: () => {
      const last = readLastLook(base);
      const lastLookMsAgo = last === null ? null : Math.max(0, clock.nowMs() - last.atMs);
      return { damage: damageOf(base, unwritten), lastLookMsAgo };
    },
    run: async (signal, stepDown) => {
      while (!signal.aborted) {
        try {
          await turn(signal);
          if (damaged() !== '') await stepDown();
        } catch (thrown) {
          // A disk that cannot be read now: looked at again with the next turn.
          logger.warn({ error: String(thrown) }, 'cannot look at the known-good release');
        }
        await clock.sleep(pollMs, signal);
      }
    },
  };
}
