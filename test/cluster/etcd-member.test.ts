import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEtcdStore } from '../../src/adapters/etcd/store.ts';
import { systemClock as clock } from '../../src/adapters/system-clock.ts';
import { identify } from '../../src/base/boot.ts';
import { freePorts } from '../../src/cli/dev/ports.ts';
import { etcdArgv } from '../../src/daemon/etcd/argv.ts';
import { createEtcdMember, type EtcdMember } from '../../src/daemon/etcd/member.ts';
import { ClusterError } from '../../src/errors.ts';
import { confirmMember, prepareEtcdStart } from '../../src/members/bootstrap.ts';
import { bootstrapPaths } from '../../src/members/bootstrap-files.ts';
import { removeDir } from '../support/temp.ts';
import { silent, until } from './support/etcd.ts';
import { type TestTls, writeTestTls } from './support/test-ca.ts';

describe('the etcd process of a node', { timeout: 40_000 }, () => {
  let dir: string;
  let files: TestTls;
  let client = '';
  let peer = '';
  const made: EtcdMember[] = [];
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'claudecluster-member-'));
    files = writeTestTls(join(dir, 'tls'));
    const [first, second] = await freePorts(2, clock);
    client = `127.0.0.1:${first}`;
    peer = `127.0.0.1:${second}`;
    const initialCluster = [{ name: 'n1', peer }];
    writeFileSync(join(dir, 'bootstrap.json'), JSON.stringify({ clusterId: 'c1', initialCluster }));
  });
  afterAll(async () => {
    await Promise.all(made.map((member) => member.stop()));
    removeDir(dir);
  });

  const tls = () => ({ ca: readFileSync(files.ca), cert: readFileSync(files.cert), key: readFileSync(files.key) });
  const argv = (): string[] => {
    const start = prepareEtcdStart(bootstrapPaths(dir), 'n1', peer);
    if (start.kind === 'wait') throw new ClusterError('operator-needed', start.reason, { next: start.next });
    const dataDir = bootstrapPaths(dir).etcd;
    return etcdArgv({ name: 'n1', dataDir, client, peer, tls: files, heartbeatMs: 50, electionMs: 500, start });
  };
  const make = (change: Partial<Parameters<typeof createEtcdMember>[0]> = {}): EtcdMember => {
    const member = createEtcdMember({
      clock,
      logger: silent,
      binary: 'etcd',
      argv,
      dataDir: bootstrapPaths(dir).etcd,
      pidFile: join(dir, 'run', 'etcd.pid'),
      logFile: join(dir, 'log', 'etcd.log'),
      probe: { address: client, tls: tls() },
      ...change,
    });
    made.push(member);
    return member;
  };

  it('founds once, serves, and writes down who it is', async () => {
    const member = make({ stopGraceMs: 30_000 });
    await member.start();
    await member.ready();
    confirmMember(bootstrapPaths(dir), 'n1');
    expect(member.state()).toMatchObject({ phase: 'serving', reason: '' });
    const pid = member.state().pid ?? 0;
    const log = join(dir, 'log', 'etcd.log');
    expect(JSON.parse(readFileSync(join(dir, 'run', 'etcd.pid'), 'utf8'))).toEqual(identify(pid));
    // Its settings beside the flags, as it tells them itself.
    expect(readFileSync(log, 'utf8')).toMatch(/"snapshot-count":\s*10000\b/);
    const store = createEtcdStore({ endpoints: [client], tls: tls(), clock });
    await store.put('/kept', 'x');
    await store.close();
    await member.stop();
    expect(identify(pid)).toBeNull();
    expect(readFileSync(log, 'utf8')).toContain('closed etcd server'); // by itself: it was not killed
    expect(member.state().phase).toBe('stopped');
  });

  it('serves its data again, and is started again when it is killed', async () => {
    // Long enough for the crash to be seen however busy the machine is.
    const member = make({ backoffMs: { first: 2_000, most: 2_000 } });
    const fromMs = clock.nowMs();
    await member.start();
    await member.ready();
    process.stderr.write(`etcd with data: serving ${clock.nowMs() - fromMs} ms after the start\n`);
    const first = member.state().pid ?? 0;
    process.kill(first, 'SIGKILL');
    await until('the crash to be seen', () => member.state().phase === 'crashed');
    expect(member.state().reason).toContain('SIGKILL');
    await member.ready();
    expect(member.state()).toMatchObject({ phase: 'serving', restarts: 1 });
    const store = createEtcdStore({ endpoints: [client], tls: tls(), clock });
    expect((await store.get('/kept'))?.value).toBe('x');
    await store.close();
    await member.stop();
  });

  it('ends an etcd that was left over on its data, and no other process', async () => {
    const bystander = spawn('sleep', ['60']);
    writeFileSync(join(dir, 'run', 'etcd.pid'), JSON.stringify({ pid: bystander.pid, startTime: '1' }));
    const leftOver = spawn('etcd', argv(), { stdio: 'ignore' });
    const leftOverPid = leftOver.pid ?? 0;
    const member = make();
    await until('the left-over to run', () => identify(leftOverPid) !== null);
    await member.start();
    await member.ready();
    expect(identify(leftOverPid)).toBeNull();
    expect(member.state().pid).not.toBe(leftOverPid);
    expect(identify(bystander.pid ?? 0)).not.toBeNull();
    bystander.kill('SIGKILL');
    await member.stop();
  });

  it('gives up starting at once after five crashes, says so, and goes on trying slowly', async () => {
    const options = { binary: '/bin/false', backoffMs: { first: 5, most: 10 }, retryMs: 3_000 };
    const member = make(options);
    await member.start();
    await until('it to give up', () => member.state().phase === 'failing');
    expect(member.state().restarts).toBe(4);
    expect(member.state().reason).toMatch(/5 times in 60 s.*exit code 1.*etcd\.log/);
    await until('the next attempt', () => member.state().restarts > 4);
    await member.stop();
  });

  it('names the binary that is missing', async () => {
    const member = make({ binary: '/no/such/etcd' });
    await member.start();
    await until('the reason', () => member.state().reason.includes('ENOENT'));
    await member.stop();
  });

  it('never founds again when the data is removed: it waits and says what to do', async () => {
    rmSync(bootstrapPaths(dir).etcd, { recursive: true });
    const member = make();
    await member.start();
    await until('the reason', () => member.state().reason.includes('is gone'));
    expect(member.state().pid).toBeNull();
    expect(existsSync(join(bootstrapPaths(dir).etcd, 'member'))).toBe(false);
    await member.stop();
  });
});
