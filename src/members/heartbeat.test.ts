import { afterEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../adapters/system-clock.ts';
import { ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import type { Store } from '../ports/store.ts';
import { createHeartbeat, type Heartbeat } from './heartbeat.ts';
import type { NodeRecord } from './records.ts';

const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined } as unknown as Logger;

describe('heartbeat', () => {
  let heartbeat: Heartbeat | undefined;
  afterEach(() => heartbeat?.stop());

  function setup(heartbeatMs: number) {
    const written: { record: NodeRecord; leaseId: string }[] = [];
    const leases: { lose(): void; revoked: boolean }[] = [];
    const fault: { put: ClusterError | null } = { put: null };
    const store = {
      grantLease: async () => {
        const lost = new AbortController();
        const lease = { lose: () => lost.abort(), revoked: false };
        leases.push(lease);
        return {
          id: `lease-${leases.length}`,
          lost: lost.signal,
          alive: () => !lost.signal.aborted,
          revoke: async () => {
            lease.revoked = true;
          },
        };
      },
      put: async (_: string, value: string, leaseId = '') => {
        const thrown = fault.put;
        fault.put = null;
        if (thrown) throw thrown;
        written.push({ record: JSON.parse(value) as NodeRecord, leaseId });
      },
    } as unknown as Store;
    const fields = { address: 'n1:1', role: 'voter', release: null, trial: null, memberId: null } as const;
    const state: { status: 'active' | 'draining' } = { status: 'active' };
    heartbeat = createHeartbeat({
      store,
      clock,
      logger,
      nodeId: 'n1',
      incarnation: 'i1',
      heartbeatMs,
      leaseMs: 6_000,
      describe: () => ({ ...fields, protocol: { min: 1, max: 1 }, status: state.status }),
    });
    heartbeat.start();
    return { written, leases, fault, state, heartbeat };
  }

  it('counts up within one incarnation, on one lease', async () => {
    const { written } = setup(10);
    await expect.poll(() => written.length).toBeGreaterThan(3);
    expect(written.slice(0, 3).map(({ record }) => [record.incarnation, record.seq, record.leaseId])).toEqual([
      ['i1', 1, 'lease-1'],
      ['i1', 2, 'lease-1'],
      ['i1', 3, 'lease-1'],
    ]);
  });

  it('writes a change at once', async () => {
    const { written, state, heartbeat } = setup(3_600_000);
    await heartbeat.touch();
    state.status = 'draining';
    await heartbeat.touch();
    expect(written.at(-1)?.record.status).toBe('draining');
  });

  it('takes a new lease at once when its own is lost, and tells', async () => {
    const { written, leases, heartbeat } = setup(3_600_000);
    let told = 0;
    heartbeat.onLease(() => {
      told += 1;
    });
    await heartbeat.touch();
    leases[0]?.lose();
    expect(heartbeat.lease()).toBeNull();
    await expect.poll(() => written.at(-1)?.leaseId).toBe('lease-2');
    expect(told).toBeGreaterThanOrEqual(2);
  });

  it('takes a new lease when the store says that it has ended, and goes on after a failure', async () => {
    const { written, fault, heartbeat } = setup(20);
    await expect.poll(() => written.length).toBeGreaterThan(0);
    fault.put = new ClusterError('not-found', 'the lease is gone');
    await expect.poll(() => written.at(-1)?.leaseId).toBe('lease-2');
    fault.put = new ClusterError('unavailable', 'no answer');
    const count = written.length;
    await expect.poll(() => written.length).toBeGreaterThan(count + 1);
    expect(heartbeat.written().lastMsAgo).not.toBeNull();
  });

  it('revokes its lease on a graceful stop only', async () => {
    const first = setup(10);
    await first.heartbeat.touch();
    await first.heartbeat.stop({ revoke: false });
    expect(first.leases[0]?.revoked).toBe(false);
    const second = setup(10);
    await second.heartbeat.touch();
    await second.heartbeat.stop();
    expect(second.leases[0]?.revoked).toBe(true);
  });
});
