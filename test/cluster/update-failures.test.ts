/**
 * The ways in which an update fails, with real processes: whatever goes wrong, every node ends on a complete release that it
 * knows, the quorum is whole, and the record says what happened. One cluster serves all of them, for each must leave it well.
 */
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import { type BuildOptions, makeBuild, stamp } from '../support/builds.ts';
import { type CliResult, dist } from '../support/cli.ts';
import { type DevCluster, startDevCluster } from '../support/dev-cluster.ts';
import { type FaultyRsync, faultyRsync } from '../support/faulty-rsync.ts';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';

/** Short, and still in proportion: preflight checks the sums. */
const quick = ['--health-timeout', '12s', '--stabilize-timeout', '15s', '--trial', '40s', '--rollback-timeout', '60s'];

let scratch: string;
let cluster: DevCluster;
let rsync: FaultyRsync;
let good: string;
let builds = 0;

beforeAll(async () => {
  scratch = tempDir('failures');
  rsync = faultyRsync(scratch);
  process.env.PATH = `${rsync.bin}:${process.env.PATH}`;
  cluster = await startDevCluster();
  good = JSON.parse(readFileSync(join(dist, 'version.json'), 'utf8')).buildHash;
});

afterAll(async () => {
  await cluster?.stop();
  removeDir(scratch);
});

const build = (options: Pick<BuildOptions, 'behaviour'> = {}): ReturnType<typeof makeBuild> => {
  builds += 1;
  return makeBuild({
    to: join(scratch, `build-${builds}`),
    note: `build ${builds} ${randomBytes(8).toString('hex')}`,
    ...options,
  });
};

const update = (dir: string, ...flags: string[]): Promise<CliResult> =>
  cluster.cli(['update', dir, '--json', '--yes', ...quick, ...flags]);

const outcomeOf = (result: CliResult): { outcome: string; updateId: string } =>
  result.json.at(-1) as { outcome: string; updateId: string };

/** Every node well on a release that it knows, nobody on trial, the quorum whole. */
async function expectWell(hashes: Record<string, string>): Promise<void> {
  const status = await waitFor(
    'every node to be well',
    async () => {
      const now = await cluster.status();
      return now.nodes.every((node) => node.healthy && node.status === 'active') ? now : null;
    },
    { timeoutMs: 20_000 },
  );
  expect(status.cluster).toMatchObject({ voters: 3, healthyVoters: 3 });
  expect(status.update).toBeNull();
  for (const node of status.nodes) {
    expect(node.trial).toBeNull();
    expect({ [node.nodeId]: node.release?.buildHash }).toEqual({ [node.nodeId]: hashes[node.nodeId] });
  }
}

const allGood = (): Record<string, string> => Object.fromEntries(cluster.nodes.map(({ nodeId }) => [nodeId, good]));

async function quarantined(hash: string): Promise<boolean> {
  const rows = (await cluster.cli(['releases', 'list', '--json'])).json.at(-1) as {
    buildHash: string;
    quarantine: unknown;
  }[];
  return rows.some((row) => row.buildHash === hash && row.quarantine !== null);
}

async function recordOf(result: CliResult): Promise<UpdateRecord> {
  return cluster.record(outcomeOf(result).updateId);
}

describe('a transfer that goes wrong', () => {
  it.each([
    ['rsync fails', 'fails', 'fetch'],
    ['rsync is killed half-way', 'cut', 'fetch'],
    ['the tree that arrives is corrupt', 'corrupt', 'verify'],
  ] as const)('%s: no node is touched, and the build is not blamed', async (_name, fault, kind) => {
    const { dir } = await build();
    // Not to be compressed, and not there yet: half of it is really half of it.
    writeFileSync(join(dir, 'ballast.bin'), randomBytes(4_000_000));
    chmodSync(join(dir, 'ballast.bin'), 0o644);
    const version = await stamp(dir);
    const before = (await cluster.status()).nodes.map((node) => node.incarnation);
    rsync.set(fault);
    const result = await update(dir);
    rsync.set(null);
    expect(outcomeOf(result).outcome).toBe('failed');
    expect(result.code).toBe(4);
    const record = await recordOf(result);
    expect(record.failure).toMatchObject({ kind });
    expect(record.failure?.next).not.toBe('');
    expect(await quarantined(version.buildHash)).toBe(false);
    expect((await cluster.status()).nodes.map((node) => node.incarnation)).toEqual(before);
    await expectWell(allGood());
  });
});

describe('a build that is bad', () => {
  it('fails its own self-test: refused where it was staged, no node touched, quarantined', async () => {
    const { dir, version } = await build({ behaviour: 'self-test-fails' });
    const result = await update(dir);
    expect([outcomeOf(result).outcome, result.code]).toEqual(['failed', 4]);
    expect((await recordOf(result)).failure).toMatchObject({ kind: 'self-test' });
    expect(await quarantined(version.buildHash)).toBe(true);
    await expectWell(allGood());
  });

  it('crashes at start: the node goes back by itself; a second attempt is refused', async () => {
    const { dir, version } = await build({ behaviour: 'crash' });
    const result = await update(dir);
    expect([outcomeOf(result).outcome, result.code]).toEqual(['rolled-back', 4]);
    const record = await recordOf(result);
    expect(record.failure).toMatchObject({ kind: 'start' });
    expect(record.failure?.evidence.length).toBeGreaterThan(0);
    expect(record.tasks.filter((task) => task.phase === 'rolled-back')).toHaveLength(1);
    expect(await quarantined(version.buildHash)).toBe(true);
    await expectWell(allGood());
    const again = await update(dir);
    expect([outcomeOf(again).outcome, again.code]).toEqual(['refused', 3]);
    expect(again.stdout).toContain('quarantined');
  });

  it('starts and never gets healthy: the health deadline ends it', async () => {
    const { dir, version } = await build({ behaviour: 'hang' });
    const result = await update(dir);
    expect([outcomeOf(result).outcome, result.code]).toEqual(['rolled-back', 4]);
    const kind = (await recordOf(result)).failure?.kind;
    expect(['start', 'health']).toContain(kind);
    expect(await quarantined(version.buildHash)).toBe(true);
    await expectWell(allGood());
  });

  it('gets healthy and dies before it is stable: not one node is committed', async () => {
    const { dir, version } = await build({ behaviour: 'dies-after=1500' });
    const result = await update(dir);
    expect([outcomeOf(result).outcome, result.code]).toEqual(['rolled-back', 4]);
    const record = await recordOf(result);
    expect(record.failure).toMatchObject({ kind: 'stability' });
    expect(record.tasks.some((task) => task.phase === 'committed')).toBe(false);
    expect(await quarantined(version.buildHash)).toBe(true);
    await expectWell(allGood());
  });

  it("fails on the leader's own turn: the leader goes back by itself, the others stay on what they committed", async () => {
    const { leader } = (await cluster.status()).cluster;
    const { dir } = await build();
    failOnlyOn(dir, `/${leader}/`);
    const version = await stamp(dir);
    const result = await update(dir);
    expect([outcomeOf(result).outcome, result.code]).toEqual(['rolled-back', 4]);
    const record = await recordOf(result);
    expect(record.failure).toMatchObject({ nodeId: leader, kind: 'start' });
    expect(await quarantined(version.buildHash)).toBe(true);
    const expected = Object.fromEntries(
      cluster.nodes.map(({ nodeId }) => [nodeId, nodeId === leader ? good : version.buildHash]),
    );
    await expectWell(expected);
  });
});

/** The daemon of a node whose configuration has `where` in its path crashes at start. */
function failOnlyOn(dir: string, where: string): void {
  const index = join(dir, 'index.js');
  const guard = `if (process.argv.includes('daemon') && process.argv.some((word) => word.includes(${JSON.stringify(where)}))) { console.error('not on this node'); process.exit(1); }`;
  const text = readFileSync(index, 'utf8');
  const [first = '', ...rest] = text.split('\n');
  writeFileSync(index, [first, guard, ...rest].join('\n'));
  appendFileSync(join(dir, 'NOTES.txt'), `fails on ${where}\n`);
}
