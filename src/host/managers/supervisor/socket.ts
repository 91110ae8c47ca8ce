/** The supervisor's control socket: one JSON line there, one JSON line back. Both ends of it. */
import { errno } from '../../../base/files.ts';
import { exchangeLine, type LineServer, serveLines } from '../../../base/line-socket.ts';
import { nodePaths } from '../../../base/paths.ts';
import { ClusterError } from '../../../errors.ts';

export type SupervisorRequest =
  | { cmd: 'status' }
  | { cmd: 'stop' }
  | { cmd: 'arm' }
  | { cmd: 'disarm' }
  | { cmd: 'restart'; why: string };

export interface SupervisorStatus {
  pid: number;
  base: string;
  state: 'starting' | 'running' | 'stopping' | 'waiting' | 'stuck';
  daemonPid: number | null;
  /** buildHash of what runs; null: nothing, or a directory that is no release. */
  release: string | null;
  /** Starts of the daemon by this supervisor. */
  starts: number;
  /** What the last guard said. */
  lastGuard: string;
  /** buildHash of the release that the supervisor's own code is from; null: from elsewhere. Absent before 0.2.0. */
  code?: string | null;
}

export type SupervisorReply =
  | { ok: true; status?: SupervisorStatus }
  | { ok: false; error: { code: 'trial-busy' | 'service-manager' | 'usage'; message: string } };

function parseRequest(line: string): SupervisorRequest | null {
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    const { cmd, why } = value;
    if (cmd === 'restart') return { cmd, why: typeof why === 'string' ? why : '' };
    return cmd === 'status' || cmd === 'stop' || cmd === 'arm' || cmd === 'disarm' ? { cmd } : null;
  } catch {
    return null;
  }
}

type Handle = (request: SupervisorRequest) => SupervisorReply | Promise<SupervisorReply>;

/**
 * Listens on run/supervisor.sock (mode 0600). The caller holds the supervisor's lock, so a socket that is there is a
 * dead one's, or that of who hands over. Throws ClusterError 'service-manager'.
 */
export async function serveSupervisor(base: string, handle: Handle): Promise<LineServer> {
  const socketPath = nodePaths(base).supervisorSocket;
  try {
    return await serveLines(socketPath, async (line) => JSON.stringify(await answer(line, handle)));
  } catch (cause) {
    throw new ClusterError('service-manager', `cannot listen on ${socketPath}`, { seen: errno(cause) }, cause);
  }
}

/** Never rejects: whatever a request meets on the disk is its answer, and no end of the supervisor. */
async function answer(line: string, handle: Handle): Promise<SupervisorReply> {
  const request = parseRequest(line);
  if (request === null) {
    return { ok: false, error: { code: 'usage', message: 'not a request of this supervisor' } };
  }
  try {
    return await handle(request);
  } catch (thrown) {
    const message = `the supervisor cannot do it: ${errno(thrown) || String(thrown)}`;
    return { ok: false, error: { code: 'service-manager', message } };
  }
}

/**
 * One request to the supervisor of this base. Throws ClusterError 'service-manager' when there is none, when it does
 * not answer within `timeoutMs`, or with its own code when it refuses.
 */
export async function askSupervisor(
  base: string,
  request: SupervisorRequest,
  timeoutMs: number,
): Promise<SupervisorReply & { ok: true }> {
  const socketPath = nodePaths(base).supervisorSocket;
  let line: string;
  try {
    line = await exchangeLine(socketPath, JSON.stringify(request), timeoutMs);
  } catch (cause) {
    throw new ClusterError(
      'service-manager',
      'the supervisor does not answer',
      {
        seen: `${socketPath}: ${errno(cause) || (cause as Error).message}`,
        next: 'start it: claudecluster supervise --config FILE',
      },
      cause,
    );
  }
  const reply = JSON.parse(line) as SupervisorReply;
  if (reply.ok) return reply;
  throw new ClusterError(reply.error.code, reply.error.message, { next: 'claudecluster node status' });
}
