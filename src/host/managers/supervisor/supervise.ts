/**
 * The service manager where there is no systemd (`claudecluster supervise`): guard, daemon, again and again.
 * It decides nothing about a trial: the guard of the known-good release does, at every start and at every deadline (P3).
 * Its parts: run.ts (one run of the daemon) and watch.ts (while it runs), child.ts and adopt.ts (the process), guard-watch.ts
 * (the guard), presence.ts, socket.ts and answer.ts (lock and control socket), succession.ts (its own code changes), state.ts.
 */
import { realpathSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { createBaseLook } from '../../../base/base-look.ts';
import { readBootId } from '../../../base/boot.ts';
import { hashOfTarget, quietly, readLinkHash } from '../../../base/files.ts';
import { lockHolder } from '../../../base/lock.ts';
import { nodePaths } from '../../../base/paths.ts';
import { ClusterError } from '../../../errors.ts';
import { adoptDaemon } from './adopt.ts';
import { handle } from './answer.ts';
import { endLeftOver } from './child.ts';
import { createComplaints } from './complaints.ts';
import type { Predecessor } from './predecessor.ts';
import { createPresence, supervisorLock } from './presence.ts';
import { afterFault, oneRun, stopRun } from './run.ts';
import { defaultOptions, give, noteOf, type State, type SupervisorDeps, stopping } from './state.ts';
import { createSuccession, type Succession } from './succession.ts';

export type { SupervisorDeps, SupervisorOptions } from './state.ts';

/**
 * Supervises the daemon of one base until `signal` aborts or `stop` is asked for, and leaves no process behind.
 * Throws ClusterError 'refused' when another supervisor holds the base (it says who), 'operator-needed' when the base
 * directory is gone. No error of a disk ends it. `onReady` is called once it supervises.
 */
export async function runSupervisor(deps: SupervisorDeps, onReady: () => void = () => {}): Promise<void> {
  const state = createState(deps);
  const succession = createSuccession(state);
  state.lookForSuccessor = succession.look;
  const stop = (): void => give(state, { kind: 'stop', why: 'signal' });
  deps.signal.addEventListener('abort', stop, { once: true });
  try {
    if (deps.predecessor === undefined) await begin(state);
    else await takeOver(state, deps.predecessor);
    if (deps.signal.aborted) stop();
    onReady();
    const left = await supervise(state, succession);
    if (left) return await state.presence.leave();
    await state.presence.end();
    if (state.gone === '') await deps.predecessor?.send({ t: 'stopped' });
    else throw baseGone(state);
  } finally {
    deps.signal.removeEventListener('abort', stop);
    deps.predecessor?.close();
  }
}

function createState(deps: SupervisorDeps): State {
  const base = resolve(deps.base);
  const { clock, logger } = deps;
  const settings = { ...defaultOptions, ...deps.options };
  const complaints = createComplaints(logger);
  const holdsLock = (): boolean => lockHolder(supervisorLock(base))?.pid === process.pid;
  const state: State = {
    ...deps,
    base,
    settings,
    complaints,
    bootId: readBootId(),
    order: null,
    wake: new AbortController(),
    daemon: null,
    child: null,
    phase: 'starting',
    starts: 0,
    backoffMs: settings.backoffMinMs,
    lastGuard: '',
    ownRelease: null,
    baseLook: createBaseLook({ base, nowMs: clock.nowMs, goneAfterMs: settings.goneAfterMs, isOurs: holdsLock }),
    gone: '',
    presence: createPresence({ base, complaints, handle: (request) => handle(state, request) }),
    handing: null,
    lookForSuccessor: () => {},
  };
  return state;
}

/** The first supervisor of a base: whatever one before it left behind is ended first. */
async function begin(state: State): Promise<void> {
  const { base, settings, clock, logger } = state;
  if (state.baseLook.look() === 'missing') throw baseGone(state);
  await state.presence.claim();
  const left = await endLeftOver(base, settings.stopTimeoutMs, clock);
  if (left > 0) logger.warn({ processes: left }, 'ended what a supervisor before this one left behind');
  try {
    await state.convert?.(base);
  } catch (error) {
    logger.warn({ seen: (error as Error).message }, 'dist/ stays a plain directory: this node cannot be updated');
  }
  state.ownRelease = releaseOf(state);
}

/** A successor: it takes lock, socket and daemon at a word, and ends nothing. */
async function takeOver(state: State, predecessor: Predecessor): Promise<void> {
  state.ownRelease = releaseOf(state);
  await predecessor.send({ t: 'ready' });
  const { daemon, starts } = await predecessor.go();
  await state.presence.inherit(predecessor.identity);
  state.starts = starts;
  if (daemon !== null) state.daemon = adoptDaemon(daemon, state.clock, predecessor.exitOf);
  state.logger.info({ release: state.ownRelease, daemon: daemon?.pid ?? null }, 'took over from the supervisor before');
}

/** Which release our own code is from: it lies in releases/, or in the dist/ that has just been turned into one. */
function releaseOf({ base, codeDir }: State): string | null {
  if (codeDir === undefined) return null;
  let real = base;
  quietly(() => {
    real = realpathSync(base);
  });
  const { dist } = nodePaths(real);
  return codeDir === dist ? readLinkHash(dist) : hashOfTarget(relative(real, codeDir));
}

/** Until there is nothing to supervise any more (false), or another process does it (true). */
async function supervise(state: State, succession: Succession): Promise<boolean> {
  while (!stopping(state)) {
    try {
      await oneRun(state);
      if (state.order?.kind !== 'hand-over') continue;
      if (state.predecessor?.connected()) {
        if (await giveBack(state, state.predecessor)) return true;
      } else if ((await succession.handOver()) === 'stopped') return false;
    } catch (thrown) {
      await afterFault(state, thrown);
    }
  }
  await stopRun(state, 'stopping');
  return false;
}

/** To who handed over to us; true when it has the base again. */
async function giveBack(state: State, predecessor: Predecessor): Promise<boolean> {
  const patience = new AbortController();
  const answered = new AbortController();
  void state.clock.sleep(state.settings.takeOverMs, answered.signal).then(() => patience.abort());
  const answer = predecessor.have(patience.signal);
  state.handing = answer;
  await predecessor.send({ t: 'back', daemon: noteOf(state.daemon), starts: state.starts });
  const back = await answer;
  answered.abort();
  if (back) state.daemon?.letGo();
  state.handing = null;
  if (!back && !stopping(state)) state.order = null;
  return back;
}

function baseGone(state: State): ClusterError {
  return new ClusterError('operator-needed', 'the base directory of this node is gone', {
    seen: state.gone || state.baseLook.why(),
    wanted: `${state.base}, as it was when this supervisor began`,
    next: 'nothing of the node runs any more; if the directory was moved, start a supervisor where it is now',
  });
}
