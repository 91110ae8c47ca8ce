/**
 * The life of a node, from its start to its end. life/join: from a process to a node of its cluster · life/take-part: what
 * it does there · life/watch-self: what it knows of its own health · life/keep-tidy: order on its
 * disk · life/farewell: all of it back again, in order.
 * What it is made of (life/parts) comes from compose/node.ts.
 */
import { isEnded } from '../cluster/update/record.ts';
import type { GrpcServer } from '../grpc/server.ts';
import { watchProbation } from '../trial/probation-watch.ts';
import { farewellMs, sayFarewell, within } from './life/farewell.ts';
import { createTidy } from './life/keep-tidy.ts';
import type { NodeLife, NodeParts } from './life/parts.ts';
import { type Part, takePart } from './life/take-part.ts';
import { watchSelf } from './life/watch-self.ts';

export function createNodeLife(parts: NodeParts): NodeLife {
  const { clock, logger, journal } = parts;
  const { base, probationMs, diskReserveBytes: reserveBytes } = parts.config;
  let part: Part | null = null;
  let server: GrpcServer | null = null;

  /** A record that is not kept any more is of an update that ended long ago. */
  const updateEnded = async (updateId: string): Promise<boolean> => {
    const record = await journal.get(updateId);
    return record === null || isEnded(record);
  };

  const tidy = createTidy({
    base,
    clock,
    logger,
    reserveBytes,
    update: async () => {
      const record = await journal.current();
      return record === null ? null : { id: record.id, target: record.target.buildHash };
    },
  });

  return {
    run: async (signal) => {
      // The server first: a node that cannot reach its cluster can still be asked how it is.
      server = await parts.listen();
      const self = watchSelf(parts, server, signal);
      void watchProbation({ base, clock, logger, probationMs, updateEnded, healthy: parts.isHealthy }, signal);
      await tidy.purge();
      void tidy.run(signal);
      void parts.look.run(signal, parts.leadership.stepDown);
      void parts.mend(signal);
      const started = takePart(parts, signal, tidy.hint).then((taken) => {
        part = taken;
      });
      await aborted(signal);
      await within(clock, farewellMs, Promise.all([self, started]));
    },
    shutDown: () => sayFarewell(parts, part, server),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    signal.addEventListener('abort', () => done(), { once: true });
  });
}
