/**
 * Bundled and run by src/base/signals.test.ts in a process of its own, with --expose-gc: one of the daemon's loops takes
 * turns, and the heap is measured after a full collection. `turns.js LOOP TURN…` prints `[heapUsed at each TURN]`.
 */
import { createLeadership } from '../../src/cluster/leadership/leadership.ts';
import { createHeartbeat } from '../../src/members/heartbeat.ts';
import { createMembership } from '../../src/members/membership.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Logger } from '../../src/ports/logger.ts';
import type { Store } from '../../src/ports/store.ts';

const [loop = '', ...at] = process.argv.slice(2);
const turns = at.map(Number);
const heap: number[] = [];
let turn = 0;
let nowMs = 0;

/** Listens to its signal as the machine's own clock does, and takes no time. */
const clock: Clock = {
  nowMs: () => nowMs,
  wallIso: () => '',
  randomId: () => 'a',
  sleep: async (ms, signal) => {
    turn += 1;
    nowMs += ms;
    if (turns.includes(turn)) heap.push(measure());
    await new Promise<void>((done) => {
      if (turn >= Math.max(...turns)) return end(); // The loop waits here until the process is gone.
      const finish = (): void => {
        signal?.removeEventListener('abort', finish);
        done();
      };
      signal?.addEventListener('abort', finish, { once: true });
      setImmediate(finish);
    });
  },
};

function measure(): number {
  if (globalThis.gc === undefined) throw new Error('run it with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

function end(): void {
  process.stdout.write(JSON.stringify(heap), () => process.exit(0));
}

const quiet = (): undefined => undefined;
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet } as unknown as Logger;
const store = {
  get: async () => null,
  list: async () => [],
  put: async () => undefined,
  txn: async () => false,
  watch: async () => ({ close: async () => undefined }),
  grantLease: async () => ({
    id: 'a',
    lost: new AbortController().signal,
    alive: () => true,
    revoke: async () => undefined,
  }),
} as unknown as Store;

const loops: Record<string, () => { start(): void }> = {
  heartbeat: () =>
    createHeartbeat({
      store,
      clock,
      logger,
      nodeId: 'n1',
      incarnation: 'i1',
      heartbeatMs: 1_000,
      leaseMs: 5_000,
      describe: () => ({
        address: 'n1:1',
        role: 'voter',
        status: 'active',
        release: null,
        trial: null,
        protocol: { min: 1, max: 1 },
        memberId: null,
      }),
    }),
  membership: () => createMembership({ store, clock, logger, heartbeatMs: 1_000 }),
  leadership: () =>
    createLeadership({ store, clock, logger, nodeId: 'n1', lease: () => null, onLease: () => () => undefined }),
};
const create = loops[loop];
if (create === undefined) throw new Error(`no such loop: ${loop}`);
create().start();
