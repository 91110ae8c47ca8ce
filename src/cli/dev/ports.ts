/** Free ports on the loopback address. */
import { createServer, type Server } from 'node:net';
import { ClusterError } from '../../errors.ts';
import type { Clock } from '../../ports/clock.ts';

/** Below the range that Linux gives to outgoing connections (32768 on), so that none of them takes one meanwhile. */
const from = 20_000;
const below = 32_000;

/** `count` different free ports. They are held together until all are found, then let go. Throws ClusterError 'unavailable'. */
export async function freePorts(count: number, clock: Clock): Promise<number[]> {
  const held = new Map<number, Server>();
  try {
    for (let tries = 0; held.size < count; tries++) {
      if (tries > 50 * count) {
        throw new ClusterError('unavailable', `no ${count} free ports on 127.0.0.1`, {
          seen: `${held.size} of ${from} to ${below - 1}`,
        });
      }
      const port = from + (Number.parseInt(clock.randomId(4), 16) % (below - from));
      const server = held.has(port) ? null : await bind(port);
      if (server) held.set(port, server);
    }
    return [...held.keys()];
  } finally {
    await Promise.all([...held.values()].map((server) => new Promise((done) => server.close(done))));
  }
}

function bind(port: number): Promise<Server | null> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(null));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => done(server));
  });
}
