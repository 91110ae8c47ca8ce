/** A socket between processes of one host and one user: one JSON line there, one JSON line back. Both ends of it. */
import { closeSync, constants, mkdirSync, openSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { quietly, restrict } from './files.ts';

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

export interface LineServer {
  /** Answers no more. The socket's name is removed, unless somebody else has put its own in its place. */
  close(): Promise<void>;
}

/**
 * Listens on `socketPath` (mode 0600). A socket that is there is a dead one's, or that of who hands over to the caller,
 * which is the caller's to know: it is replaced in one rename, and a client finds the old or the new one, never none.
 * `handle` gets the line, '' for one that is none, and returns the answer's; a caller who sends nothing for `idleMs` is
 * dropped. Throws errno errors.
 */
export async function serveLines(
  socketPath: string,
  handle: (line: string) => string | Promise<string>,
  idleMs = 5_000,
): Promise<LineServer> {
  // Node removes the name that a socket was bound to when it closes it, whoever's it is by then: hence another one.
  const boundPath = `${socketPath}.${process.pid}`;
  const server = createServer((socket) => answer(socket, handle, idleMs));
  let short = { path: boundPath, done: (): void => {} };
  let inode = 0;
  try {
    mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 });
    quietly(() => unlinkSync(boundPath));
    short = shortPath(boundPath);
    await listen(server, short.path);
    restrict(boundPath);
    inode = statSync(boundPath).ino;
    renameSync(boundPath, socketPath);
  } catch (cause) {
    server.close();
    short.done();
    throw cause;
  }
  return {
    close: () =>
      new Promise((closed) => {
        server.close(() => {
          quietly(() => {
            if (statSync(socketPath).ino === inode) unlinkSync(socketPath);
          });
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

function answer(socket: Socket, handle: (line: string) => string | Promise<string>, idleMs: number): void {
  socket.on('error', () => socket.destroy());
  socket.setTimeout(idleMs, () => socket.destroy());
  onLine(socket, (line) => {
    const said = handle(line);
    if (typeof said === 'string') return void socket.end(`${said}\n`);
    said.then(
      (text) => socket.end(`${text}\n`),
      () => socket.destroy(),
    );
  });
}

/** One line to `socketPath`, and the line that comes back. Rejects when nobody listens or no answer comes in time. */
export function exchangeLine(socketPath: string, line: string, timeoutMs: number): Promise<string> {
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
