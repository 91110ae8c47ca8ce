/** The supervisor's control socket: one JSON line there, one JSON line back. Both ends of it. */
import { closeSync, constants, mkdirSync, openSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { errno, quietly, restrict } from '../../../base/files.ts';
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
}

export type SupervisorReply =
  | { ok: true; status?: SupervisorStatus }
  | { ok: false; error: { code: 'trial-busy' | 'service-manager' | 'usage'; message: string } };

const maxLine = 64 * 1024;
/** sun_path holds 108 bytes with the final zero. */
const maxPath = 107;

/** The socket's path in a form that fits, whatever the base is called; `done` closes what was opened for it. */
function shortPath(path: string): { path: string; done(): void } {
  if (Buffer.byteLength(path) <= maxPath) return { path, done: () => {} };
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}/${basename(path)}`, done: () => closeSync(fd) };
}

/** Collects one line, bounded; then calls back once. */
function onLine(socket: Socket, line: (text: string) => void): void {
  let text = '';
  let done = false;
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    if (done) return;
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= maxLine) return;
    done = true;
    line(end < 0 ? '' : text.slice(0, end));
  });
}

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

/**
 * Listens on run/supervisor.sock (mode 0600). The caller holds the supervisor's lock, so a socket that is there is a
 * dead one's. Throws ClusterError 'service-manager'.
 */
export async function serveSupervisor(
  base: string,
  handle: (request: SupervisorRequest) => SupervisorReply,
): Promise<{ close(): Promise<void> }> {
  const socketPath = nodePaths(base).supervisorSocket;
  mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
  quietly(() => unlinkSync(socketPath));
  const server = createServer((socket) => answer(socket, handle));
  const short = shortPath(socketPath);
  try {
    await listen(server, short.path);
  } catch (cause) {
    short.done();
    throw new ClusterError('service-manager', `cannot listen on ${socketPath}`, { seen: errno(cause) }, cause);
  }
  restrict(socketPath);
  return {
    close: () =>
      new Promise((closed) => {
        server.close(() => {
          quietly(() => unlinkSync(socketPath));
          short.done();
          closed();
        });
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function answer(socket: Socket, handle: (request: SupervisorRequest) => SupervisorReply): void {
  socket.on('error', () => socket.destroy());
  socket.setTimeout(5000, () => socket.destroy());
  onLine(socket, (line) => {
    const request = parseRequest(line);
    const unknown: SupervisorReply = {
      ok: false,
      error: { code: 'usage', message: 'not a request of this supervisor' },
    };
    socket.end(`${JSON.stringify(request === null ? unknown : handle(request))}\n`);
  });
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
    line = await exchange(socketPath, JSON.stringify(request), timeoutMs);
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

function exchange(socketPath: string, line: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const short = shortPath(socketPath);
    const socket = connect(short.path);
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      short.done();
    };
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.once('error', fail);
    socket.once('connect', () => socket.write(`${line}\n`));
    socket.once('end', () => fail(new Error('it closed the connection')));
    onLine(socket, (text) => {
      socket.removeAllListeners('end');
      end();
      resolve(text);
    });
  });
}
