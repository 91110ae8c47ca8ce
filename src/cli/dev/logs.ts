/** The logs of a local cluster's nodes: their ends for an error, and as they grow for a terminal. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { nodePaths } from '../../base/paths.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DevNode } from './layout.ts';

const pollMs = 250;
const chunkBytes = 64 * 1024;

/** The last lines of every log of the nodes. */
export function logTails(nodes: DevNode[], lines: number): string {
  return nodes
    .flatMap((node) => {
      const { log } = nodePaths(node.base);
      const names = existsSync(log) ? readdirSync(log).filter((name) => name.endsWith('.log')) : [];
      return names.map((name) => `--- ${node.nodeId} ${name}\n${tail(join(log, name), lines)}`);
    })
    .join('\n');
}

function tail(file: string, lines: number): string {
  const { text } = readFrom(file, -chunkBytes);
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** Writes what is added to supervisor.log and daemon.log of each node, "n1 | …", until the signal aborts. */
export async function followLogs(
  nodes: DevNode[],
  clock: Clock,
  signal: AbortSignal,
  write: (text: string) => Promise<void>,
): Promise<void> {
  const width = Math.max(...nodes.map(({ nodeId }) => nodeId.length));
  const files = nodes.flatMap(({ nodeId, base }) =>
    [join(nodePaths(base).log, 'supervisor.log'), nodePaths(base).daemonLog].map((file) => ({
      prefix: `${nodeId.padEnd(width)} | `,
      file,
      at: endOf(file),
      rest: '',
      decoder: new StringDecoder('utf8'),
    })),
  );
  for (;;) {
    for (const each of files) {
      const { bytes, end } = readFrom(each.file, each.at);
      // A file that became shorter was put aside: the new one is read from its beginning.
      each.at = end < each.at ? 0 : each.at + bytes.length;
      const parts = (each.rest + each.decoder.write(bytes)).split('\n');
      each.rest = parts.pop() ?? '';
      for (const part of parts) await write(`${each.prefix}${part}\n`);
    }
    if (signal.aborted) return;
    await clock.sleep(pollMs, signal);
  }
}

function endOf(file: string): number {
  return readFrom(file, 0, 0).end;
}

/** From `at` on (negative: that many bytes before the end), at most one chunk. An absent file is an empty one. */
function readFrom(file: string, at: number, most = chunkBytes): { bytes: Buffer; text: string; end: number } {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return { bytes: Buffer.alloc(0), text: '', end: 0 };
  }
  try {
    const end = fstatSync(fd).size;
    const from = at < 0 ? Math.max(0, end + at) : Math.min(at, end);
    const bytes = Buffer.alloc(Math.min(most, end - from));
    const read = readSync(fd, bytes, 0, bytes.length, from);
    return { bytes: bytes.subarray(0, read), text: bytes.subarray(0, read).toString('utf8'), end };
  } finally {
    closeSync(fd);
  }
}
