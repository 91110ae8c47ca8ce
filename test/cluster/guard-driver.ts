/**
 * Bundled and run by guard.test.ts in a process of its own: one operation on a base, killed (SIGKILL) right before its
 * k-th change of the disk. `driver.js BASE OPERATION K`; K = 0: not at all. Without a kill it prints what it did.
 */
import { systemClock } from '../../src/adapters/system-clock.ts';
import { monotonicMs, readBootId } from '../../src/base/boot.ts';
import { createDisk } from '../../src/base/files.ts';
import { activate, commit, rollback, type VerbDeps } from '../../src/host/verbs.ts';
import { completeReleases } from '../../src/trial/complete.ts';
import { runGuard } from '../../src/trial/guard.ts';

const [base = '', operation = '', k = '0'] = process.argv.slice(2);
const release = process.env.FAKE_BAD ?? '';

let changes = 0;
const disk = createDisk(() => {
  changes += 1;
  if (changes === Number(k)) process.kill(process.pid, 'SIGKILL');
});

const deps: VerbDeps = {
  base,
  nodeId: 'n1',
  service: 'claudecluster',
  clock: systemClock,
  disk,
  serviceManager: {
    kind: 'supervisor',
    armTrial: async () => {},
    disarmTrial: async () => {},
    requestRestart: async () => {},
  },
  quorumCheck: async () => {},
  storeEpoch: async () => (operation === 'activate-old' ? 6 : 5),
  verifyRelease: async (_, hash) => {
    if (!completeReleases(base).includes(hash)) throw new Error('not a release');
  },
  prune: async () => {},
};

const guard = (reason: 'start' | 'tick', laterMs = 0): unknown =>
  runGuard({
    base,
    reason,
    bootId: readBootId(),
    nowMs: monotonicMs() + laterMs,
    wallIso: systemClock.wallIso(),
    disk,
  });

const operations: Record<string, () => unknown> = {
  activate: () => activate(deps, { release, updateId: 'u1', epoch: 5 }),
  'activate-old': () => activate(deps, { release: process.env.FAKE_OLD ?? '', updateId: 'u2', epoch: 6 }),
  commit: () => commit(deps, { updateId: 'u1', epoch: 5 }),
  rollback: () => rollback(deps, { updateId: 'u1', epoch: 5, why: 'test' }),
  start: () => guard('start'),
  late: () => guard('tick', 200_000),
};

async function main(): Promise<void> {
  const result = await operations[operation]?.();
  process.stdout.write(`${JSON.stringify({ changes, result })}\n`);
}

main().catch((error: unknown) => {
  process.stdout.write(`${JSON.stringify({ changes, error: String(error) })}\n`);
  process.exitCode = 4;
});
