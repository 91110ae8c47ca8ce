/**
 * What makes one process the supervisor of a base: its lock, and its socket. Neither is worth an end (P3): a disk that
 * takes no new file gets the supervision all the same, and both are tried again at every turn.
 */
import { join } from 'node:path';
import type { ProcessIdentity } from '../../../base/boot.ts';
import type { LineServer } from '../../../base/line-socket.ts';
import { inheritLock, type LockAttempt, lockHolder, tryLock } from '../../../base/lock.ts';
import { nodePaths } from '../../../base/paths.ts';
import { ClusterError } from '../../../errors.ts';
import type { Complaints } from './complaints.ts';
import { askSupervisor, type SupervisorReply, type SupervisorRequest, serveSupervisor } from './socket.ts';

export interface Presence {
  /**
   * For the first time. Throws ClusterError 'refused' when another supervisor lives there: it holds the lock, or, where the
   * disk takes no lock, answers on the socket.
   */
  claim(): Promise<void>;
  /** Whatever is missing of it is tried again. */
  ensure(): Promise<void>;
  /** Takes the base over from a supervisor that hands it over, or that is dead. */
  inherit(from: ProcessIdentity): Promise<void>;
  /** Lets go of a base that nobody supervises any more. */
  end(): Promise<void>;
  /** Lets go of a base that another process has now: lock and socket are that one's. */
  leave(): Promise<void>;
}

export interface PresenceDeps {
  base: string;
  complaints: Complaints;
  handle(request: SupervisorRequest): SupervisorReply | Promise<SupervisorReply>;
}

const lockMatter = 'the lock of this base cannot be taken';
const socketMatter = 'the control socket cannot be made: nobody can ask for a restart, and this node cannot be updated';

export const supervisorLock = (base: string): string => join(nodePaths(base).run, 'supervisor.lock');

export function createPresence({ base, complaints, handle }: PresenceDeps): Presence {
  const path = supervisorLock(base);
  let unlock: (() => void) | null = null;
  let server: LineServer | null = null;

  const lock = (take: () => LockAttempt): LockAttempt | null => {
    try {
      const attempt = take();
      if (attempt.held) {
        unlock = attempt.release;
        complaints.over(lockMatter);
      } else {
        complaints.say(lockMatter, `process ${attempt.by?.pid ?? '?'} holds it`);
      }
      return attempt;
    } catch (error) {
      complaints.say(lockMatter, error);
      return null;
    }
  };
  const serve = async (): Promise<void> => {
    try {
      const former = server;
      server = await serveSupervisor(base, handle);
      // One of our own that nobody finds any more: a successor had put its name in the place of ours.
      void former?.close();
      complaints.over(socketMatter);
    } catch (error) {
      complaints.say(socketMatter, error instanceof ClusterError ? (error.cause ?? error) : error);
    }
  };

  return {
    async claim() {
      const attempt = lock(() => tryLock(path, 'supervise'));
      if (attempt?.held === false) throw taken(base, attempt.by?.pid);
      if (attempt === null) await refuseOther(base, path);
      await serve();
    },
    async ensure() {
      if (unlock === null) lock(() => tryLock(path, 'supervise'));
      if (server === null) await serve();
    },
    async inherit(from) {
      lock(() => inheritLock(path, from, 'supervise'));
      await serve();
    },
    async end() {
      await server?.close();
      server = null;
      unlock?.();
      unlock = null;
    },
    async leave() {
      const former = server;
      server = null;
      unlock = null;
      await former?.close();
    },
  };
}

/** Without a lock there are two other signs of a supervisor that lives. */
async function refuseOther(base: string, path: string): Promise<void> {
  const holder = lockHolder(path);
  if (holder !== null && holder.pid !== process.pid) throw taken(base, holder.pid);
  const answer = await askSupervisor(base, { cmd: 'status' }, 2000).catch(() => null);
  if (answer !== null) throw taken(base, answer.status?.pid);
}

function taken(base: string, pid: number | undefined): ClusterError {
  return new ClusterError('refused', 'this base has a supervisor already', {
    seen: `process ${pid ?? '?'} supervises ${base}`,
    wanted: 'one supervisor per base',
    next: `stop it first: kill ${pid ?? 'PID'}`,
  });
}
