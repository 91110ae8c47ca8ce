/**
 * Virtual time. Every process of the simulated cluster acts only inside an event, one event at a time, and all that an
 * event sets going (promises) is drained before the next one: a seed replays to the letter.
 */
import type { Trace } from './trace.ts';

/** A process: a daemon, a verb, a supervisor, or an operator. */
export interface Proc {
  name: string;
  /** '' for the world itself. */
  hostId: string;
  pid: number;
  dead: boolean;
  /** Virtual ms until which it does nothing (SIGSTOP, a stalled machine). */
  frozenUntil: number;
  /** Acts this much later than it should, ms. */
  slowMs: number;
  /** Port calls made; a fault may end it at a given one. */
  calls: number;
  dieAtCall: number;
  /** Told once when it ends, however it ends. */
  onEnd: (() => void) | null;
  /** An error of the world as this process's own code has it; null: the world's own is the same. */
  errorOf: ((thrown: unknown) => Error) | null;
}

export interface Event {
  at: number;
  seq: number;
  proc: Proc;
  act: () => void;
}

export interface Scheduler {
  /** Virtual ms since the world began. */
  now(): number;
  /** The process whose event runs. */
  actor(): Proc;
  after(proc: Proc, delayMs: number, act: () => void): Event;
  /** It never happens. */
  cancel(event: Event): void;
  /** Events so far: what is done at the same count is done at once. */
  turn(): number;
  /** A promise that is settled in an event of the process; never, when that has ended by then. */
  later<T>(proc: Proc, delayMs: number, value: () => T): Promise<T>;
  /** Runs until nothing is due before `untilMs`, or `done` says so. Returns the number of events. */
  run(untilMs: number, done: () => boolean): number;
  /** Acts as another process for one call: a guard run by its supervisor, say. */
  as<T>(proc: Proc, act: () => T): T;
}

/** Node's own way of draining what promises queued; without it each event would need a turn of the real event loop. */
const drain: () => void = (process as unknown as { _tickCallback?: () => void })._tickCallback ?? noDrain();

function noDrain(): never {
  throw new Error('this Node has no process._tickCallback: the simulation cannot drain promises synchronously');
}

export const nobody: Proc = newProc('world', '', 1);

/** Who cancelled events belong to: nobody that could act. */
const cancelled: Proc = { ...newProc('cancelled', '', 0), dead: true };

export function newProc(name: string, hostId: string, pid: number): Proc {
  return {
    name,
    hostId,
    pid,
    dead: false,
    frozenUntil: 0,
    slowMs: 0,
    calls: 0,
    dieAtCall: 0,
    onEnd: null,
    errorOf: null,
  };
}

/** Ends a process at once: nothing of it acts any more. */
export function endProc(proc: Proc): void {
  if (proc.dead) return;
  proc.dead = true;
  proc.onEnd?.();
}

/** What went wrong, as the process hears of it. */
export function heardBy(proc: Proc, thrown: unknown): unknown {
  return proc.errorOf === null ? thrown : proc.errorOf(thrown);
}

/** A call through a port; a fault may end the process at it. */
export function countCall(proc: Proc): void {
  proc.calls += 1;
  if (proc.calls === proc.dieAtCall) endProc(proc);
}

/** What a process begins at once comes back at once, in one event of it: `first`, then each in its order. */
export function createBatch(sched: Scheduler, delayMs: () => number, first: () => void = () => undefined) {
  let open: { proc: Proc | null; turn: number; all: (() => void)[] } = { proc: null, turn: -1, all: [] };
  return (proc: Proc, act: () => void): void => {
    if (open.proc === proc && open.turn === sched.turn()) return void open.all.push(act);
    const all = [act];
    open = { proc, turn: sched.turn(), all };
    sched.after(proc, delayMs(), () => {
      first();
      for (const one of all) one();
    });
  };
}

export function createScheduler(trace: Trace): Scheduler {
  const heap: Event[] = [];
  let nowMs = 0;
  let seq = 0;
  let turn = 0;
  let actor: Proc = nobody;

  const before = (one: Event, two: Event): boolean => one.at < two.at || (one.at === two.at && one.seq < two.seq);
  const push = (event: Event): void => {
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Event;
      if (!before(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
  };
  const pop = (): Event => {
    const first = heap[0] as Event;
    const last = heap.pop() as Event;
    const size = heap.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!before(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  };
  const enter = (proc: Proc): void => {
    actor = proc;
    globalThis.simPid = proc.pid;
  };
  const after = (proc: Proc, delayMs: number, act: () => void): Event => {
    seq += 1;
    const event = { at: nowMs + Math.max(0, delayMs) + proc.slowMs, seq, proc, act };
    push(event);
    return event;
  };

  return {
    now: () => nowMs,
    actor: () => actor,
    after,
    cancel: (event) => {
      event.proc = cancelled;
    },
    turn: () => turn,
    later: (proc, delayMs, value) =>
      new Promise((resolve, reject) => {
        after(proc, delayMs, () => {
          try {
            resolve(value());
          } catch (thrown) {
            reject(thrown);
          }
        });
      }),
    run(untilMs, done) {
      const first = turn;
      while (heap.length > 0 && !done()) {
        if ((heap[0] as Event).at > untilMs) break;
        const event = pop();
        nowMs = event.at;
        const { proc } = event;
        if (proc.dead) continue;
        if (proc.frozenUntil > nowMs) {
          seq += 1;
          push({ ...event, at: proc.frozenUntil, seq });
          continue;
        }
        turn += 1;
        trace.mix(event.seq, nowMs);
        enter(proc);
        event.act();
        drain();
      }
      enter(nobody);
      return turn - first;
    },
    as(proc, act) {
      const outer = actor;
      enter(proc);
      try {
        return act();
      } finally {
        enter(outer);
      }
    },
  };
}
