/**
 * The loop that every update goes through, whoever asked for it: observe, plan, record, act, until something has come
 * true. A fault of ours in it is looked at again, for it may have been a moment's; one that comes again ends the update.
 */
import { asClusterError, type ClusterError, errorMeanings } from '../errors.ts';
import { type ActDeps, act, backOffMs } from './act.ts';
import { refuseNewerRecord } from './newer-record.ts';
import { createObserver, type Observer, type ObserverDeps } from './observe.ts';
import { endInFault } from './update/fault.ts';
import { noteLeader, noteRaftLeader, noteWaiting } from './update/notes.ts';
import type { Observation } from './update/observation.ts';
import { plan } from './update/plan.ts';
import { isEnded, type UpdateRecord } from './update/record.ts';
import type { Step } from './update/step.ts';
import { noteAwait, waitsAt } from './update/waits.ts';

/** Polling starts fast and slows down while nothing changes, ms. */
const pollFirstMs = 50;
const pollMostMs = 500;
/** What is seen of one wait may change with every look (a lag, an age): it is noted no more often than this, ms (P12). */
const noteEveryMs = 1_000;
/** The same fault so many times is no passing one. */
const faultsMost = 3;

export interface DriveDeps extends ObserverDeps, Omit<ActDeps, 'since' | 'sleep'> {}

export class Drive {
  private readonly deps: DriveDeps;
  private readonly observer: Observer;
  private readonly acting: ActDeps;
  /** When each await began, and each step was first and last done, by this leader's monotonic clock. */
  private readonly since = new Map<string, number>();
  /** The update, and our leadership, that these times are about. */
  private sinceOf = '';
  /** When what is waited for was last noted, by the monotonic clock. */
  private notedMs = Number.NEGATIVE_INFINITY;
  private wakeUp = new AbortController();
  private busy: Promise<unknown> = Promise.resolve();

  constructor(deps: DriveDeps) {
    this.deps = deps;
    this.observer = createObserver(deps);
    this.acting = { ...deps, since: this.since, sleep: (ms) => this.sleep(ms) };
  }

  /**
   * Goes on with the running update until `done`, its end, or the end of our leadership; null: there is none. One after
   * the other: two loops of one leader would act at once, and no epoch tells them apart (P6).
   * What does not answer for a moment, as the store when its leader moves, is waited for.
   * @throws ClusterError 'stale-epoch', 'operator-needed' (a record that this build cannot read), 'unavailable' at the start
   */
  until(done: (record: UpdateRecord) => boolean): Promise<UpdateRecord | null> {
    const mine = this.busy.then(() => this.begin(done));
    this.busy = mine.catch(() => undefined);
    return mine;
  }

  /** Everything that may influence a decision, as it is now. */
  observe(): Promise<Observation> {
    return this.observer.observe(waitsAt(this.since, this.deps.clock.nowMs()));
  }

  /** Something was asked for: look now. */
  wake(): void {
    this.wakeUp.abort();
    this.wakeUp = new AbortController();
  }

  /** Until then, or until somebody wakes us. */
  sleep(ms: number): Promise<void> {
    return this.deps.clock.sleep(ms, this.wakeUp.signal);
  }

  private async begin(done: (record: UpdateRecord) => boolean): Promise<UpdateRecord | null> {
    const { journal, raft } = this.deps;
    const record = await journal.current();
    if (record === null) return null;
    const { epoch, leader } = await raft.leadership();
    if (leader !== this.deps.selfNodeId) return record;
    refuseNewerRecord(record, this.deps.selfNodeId); // P11: before anything is decided by it
    // Times from an earlier leadership of ours would end this update's waits before they began.
    if (this.sinceOf !== `${record.id} ${epoch}`) this.since.clear();
    this.sinceOf = `${record.id} ${epoch}`;
    return this.persist(record, epoch, done);
  }

  /** What passes is waited for, as long as we lead; the same fault of ours again and again is the end. */
  private async persist(
    record: UpdateRecord,
    epoch: number,
    done: (record: UpdateRecord) => boolean,
  ): Promise<UpdateRecord> {
    const { raft, logger } = this.deps;
    const faults = new Map<string, number>();
    let told = '';
    let now = record;
    for (let first = true; ; first = false) {
      try {
        if (!first) now = await this.reread(now);
        return await this.walk(now, epoch, done);
      } catch (thrown) {
        const error = asClusterError(thrown);
        const { message } = error;
        const about = { updateId: now.id, epoch, err: error.toJSON() };
        const meaning = errorMeanings[error.code];
        if (meaning === 'passing' || meaning === 'held-up') {
          if (message !== told) logger.warn(about, 'the update waits: the store or a peer did not answer');
          told = message;
          if (!raft.isLeader() || done(now)) return now;
        } else {
          // A clear no is handled where it is asked for; one that comes up to here nobody has expected.
          if (meaning !== 'fault' && meaning !== 'answer') throw error;
          const times = (faults.get(message) ?? 0) + 1;
          faults.set(message, times);
          if (times >= faultsMost) return this.endInFault(now, epoch, error);
          logger.warn(about, 'a fault of ours: looking again');
        }
        await this.sleep(backOffMs);
      }
    }
  }

  private async walk(
    from: UpdateRecord,
    epoch: number,
    done: (record: UpdateRecord) => boolean,
  ): Promise<UpdateRecord> {
    let record = !isEnded(from) && from.epoch !== epoch ? await this.adopt(from, epoch) : from;
    let pollMs = pollFirstMs;
    while (!isEnded(record) && !done(record) && this.deps.raft.isLeader()) {
      const observation = await this.observe();
      if (observation.epoch !== epoch) break;
      record = await this.seeRaftLeader(record, observation);
      const step = plan(observation, record);
      if (step.kind === 'await') {
        const changed = await this.wait(record, step, epoch);
        pollMs = changed ? pollFirstMs : Math.min(pollMostMs, Math.ceil(pollMs * 1.3));
        await this.sleep(pollMs);
        record = await this.reread(record);
        continue;
      }
      record = await act(this.acting, record, step, observation);
      pollMs = pollFirstMs;
    }
    return record;
  }

  /** Notes what is waited for, where an operator sees it; true when that is something new. */
  private async wait(record: UpdateRecord, step: Extract<Step, { kind: 'await' }>, epoch: number): Promise<boolean> {
    noteAwait(this.since, step.key, this.deps.clock.nowMs());
    const { waiting } = step;
    const old = record.waiting;
    const same = old !== null && old.what === waiting.what;
    const nowMs = this.deps.clock.nowMs();
    if (same && (old.seen === waiting.seen || nowMs - this.notedMs < noteEveryMs)) return false;
    this.notedMs = nowMs;
    await this.deps.journal.change(record.id, epoch, (now) => noteWaiting(now, waiting));
    return true;
  }

  /** A record that another leader left: from here on it is ours. */
  private async adopt(record: UpdateRecord, epoch: number): Promise<UpdateRecord> {
    const { journal, selfNodeId, logger } = this.deps;
    logger.info({ updateId: record.id, epoch, before: record.leader }, 'going on with the update of another leader');
    return journal.change(record.id, epoch, (now) => noteLeader(now, selfNodeId, epoch));
  }

  private async seeRaftLeader(record: UpdateRecord, { raftLeader, epoch }: Observation): Promise<UpdateRecord> {
    if (raftLeader === null || raftLeader === record.raftLeader) return record;
    return this.deps.journal.change(record.id, epoch, (now) => noteRaftLeader(now, raftLeader));
  }

  private async reread(record: UpdateRecord): Promise<UpdateRecord> {
    return (await this.deps.journal.current()) ?? (await this.deps.journal.get(record.id)) ?? record;
  }

  /** With what an operator must do about it; nothing is retried for ever (P8). */
  private async endInFault(record: UpdateRecord, epoch: number, error: ClusterError): Promise<UpdateRecord> {
    const { journal, logger } = this.deps;
    const stack = (error.cause instanceof Error ? error.cause : error).stack ?? '';
    logger.error({ updateId: record.id, epoch, err: error.toJSON(), stack }, 'a fault of ours ends the update');
    const evidence = stack.split('\n').slice(0, 6);
    const ended = await journal.change(record.id, epoch, (now) => endInFault(now, error.message, evidence));
    this.since.clear();
    return ended;
  }
}
