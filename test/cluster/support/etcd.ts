/** A throw-away group of real etcd members with TLS on free ports, for tests. */
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EtcdTls } from '../../../src/adapters/etcd/connect.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { freePorts } from '../../../src/cli/dev/ports.ts';
import { etcdArgv } from '../../../src/daemon/etcd/argv.ts';
import { createEtcdMember, type EtcdMember } from '../../../src/daemon/etcd/member.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import { removeDir } from '../../support/temp.ts';
import { type TestTls, writeTestTls } from './test-ca.ts';

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

export interface TestMember {
  name: string;
  client: string;
  peer: string;
  dataDir: string;
  member: EtcdMember;
  /** A new process on the same data, after `member.stop()` or a kill. */
  startAgain(): Promise<void>;
}

export interface TestEtcd {
  dir: string;
  tls: EtcdTls;
  tlsFiles: TestTls;
  clusterId: string;
  members: TestMember[];
  /** host:port of every member for clients. */
  endpoints: string[];
  stop(): Promise<void>;
}

/** Starts `count` members n1, n2, … and resolves when all of them serve. */
export async function startTestEtcd(count: number): Promise<TestEtcd> {
  const dir = mkdtempSync(join(tmpdir(), 'claudecluster-etcd-'));
  const tlsFiles = writeTestTls(join(dir, 'tls'));
  const tls = { ca: readFileSync(tlsFiles.ca), cert: readFileSync(tlsFiles.cert), key: readFileSync(tlsFiles.key) };
  const ports = await freePorts(count * 2, systemClock);
  const clusterId = `test-${systemClock.randomId(4)}`;
  const plan = Array.from({ length: count }, (_, index) => ({
    name: `n${index + 1}`,
    client: `127.0.0.1:${ports[index * 2]}`,
    peer: `127.0.0.1:${ports[index * 2 + 1]}`,
    dataDir: join(dir, `n${index + 1}`, 'etcd'),
  }));
  const initialCluster = plan.map(({ name, peer }) => ({ name, peer }));
  const members = plan.map((one): TestMember => {
    let first = true;
    const make = (): EtcdMember =>
      createEtcdMember({
        clock: systemClock,
        logger: silent,
        binary: 'etcd',
        argv: () => {
          const start = first ? { kind: 'new' as const, clusterId, initialCluster } : { kind: 'existing' as const };
          first = false;
          return etcdArgv({ ...one, tls: tlsFiles, heartbeatMs: 50, electionMs: 500, start });
        },
        dataDir: one.dataDir,
        pidFile: join(dir, one.name, 'etcd.pid'),
        logFile: join(dir, one.name, 'etcd.log'),
        probe: { address: one.client, tls },
      });
    const made: TestMember = {
      ...one,
      member: make(),
      startAgain: async () => {
        made.member = make();
        await made.member.start();
        await made.member.ready();
      },
    };
    mkdirSync(one.dataDir, { recursive: true });
    return made;
  });
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((one) => one.member.stop()));
    removeDir(dir);
  };
  try {
    await Promise.all(members.map((one) => one.member.start()));
    await Promise.all(members.map((one) => one.member.ready(AbortSignal.timeout(20_000))));
  } catch (error) {
    await stop();
    throw error;
  }
  return { dir, tls, tlsFiles, clusterId, members, endpoints: plan.map((one) => one.client), stop };
}

/** Polls until the condition holds; fails with the words after `timeoutMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const endsAtMs = systemClock.nowMs() + timeoutMs;
  while (!(await holds())) {
    if (systemClock.nowMs() > endsAtMs) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await systemClock.sleep(15);
  }
}
