import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEtcdStore } from '../../src/adapters/etcd/store.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { nowMs, waitFor } from '../support/wait.ts';
import { startWriteProbe, type WriteProbe } from '../support/write-probe.ts';
import { startTestEtcd, type TestEtcd } from './support/etcd.ts';

/** A tool that measures safety must be seen to find what it is there for. */
let etcd: TestEtcd;
let probe: WriteProbe | undefined;
beforeEach(async () => {
  etcd = await startTestEtcd(3);
});
afterEach(async () => {
  probe?.kill();
  await etcd.stop();
});

const target = (): { endpoints: string[]; tls: TestEtcd['tlsFiles'] } => ({
  endpoints: etcd.endpoints,
  tls: etcd.tlsFiles,
});

async function hasWritten(more: number): Promise<void> {
  const from = (await probe?.report())?.acknowledged ?? 0;
  await waitFor('more writes', async () => ((await probe?.report())?.acknowledged ?? 0) >= from + more, {
    timeoutMs: 20_000,
  });
}

it('goes on at another member when the one that it writes to ends, and finds every acknowledged write again', async () => {
  probe = await startWriteProbe(target());
  await hasWritten(50);
  const { endpoint } = await probe.report();
  await etcd.members[endpoint]?.member.stop();
  await hasWritten(50);
  const report = await probe.stop();
  expect(report.endpoint).not.toBe(endpoint);
  expect(report.acknowledged).toBeGreaterThanOrEqual(100);
  expect(report.lost).toBe(0);
});

it('measures a time without a quorum as one gap', async () => {
  probe = await startWriteProbe(target());
  await hasWritten(20);
  const [, second, third] = etcd.members;
  await Promise.all([second?.member.stop(), third?.member.stop()]);
  const withoutQuorumMs = nowMs();
  // Long enough to be told from the hiccups of a busy machine.
  const failed = async () => nowMs() - withoutQuorumMs > 2_000 && ((await probe?.report())?.errors.length ?? 0) > 20;
  await waitFor('the failed tries', failed, { timeoutMs: 20_000 });
  const lastedMs = nowMs() - withoutQuorumMs;
  await second?.startAgain();
  await hasWritten(20);
  const report = await probe.stop();
  expect(report.longestGapMs).toBeGreaterThan(lastedMs * 0.9);
  expect(report.gaps.filter((gap) => gap.ms > lastedMs * 0.9)).toHaveLength(1);
  expect(report.lost).toBe(0);
});

it('counts an acknowledged write that is gone', async () => {
  probe = await startWriteProbe(target());
  await hasWritten(20);
  const store = createEtcdStore({ endpoints: etcd.endpoints, tls: etcd.tls, clock: systemClock });
  await store.txn([], [{ remove: '/probe/0000000007' }]);
  await store.close();
  expect((await probe.stop()).lost).toBe(1);
});
