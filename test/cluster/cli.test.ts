/** The CLI by its real binary, against a real cluster. One story: each test finds what the one before it left. */
import { appendFileSync, chmodSync, cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterStatus } from '../../src/cluster/control/status.ts';
import type { UpdateEvent } from '../../src/cluster/update/event.ts';
import type { UpdatePlan } from '../../src/cluster/update/update-plan.ts';
import { type Build, makeBuild } from '../support/builds.ts';
import { type CliResult, cli, dist, jsonLines, spawnCli } from '../support/cli.ts';
import { type DevCluster, startDevCluster } from '../support/dev-cluster.ts';
import { processesUsing } from '../support/processes.ts';
import { removeDir, tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';

const work = tempDir('cli');
let cluster: DevCluster;
let second: Build;
let third: Build;

beforeAll(async () => {
  second = await makeBuild({ to: join(work, 'second build'), note: 'second' });
  third = await makeBuild({ to: join(work, 'third'), note: 'third' });
  cluster = await startDevCluster({ nodes: 3, heartbeatMs: 1000 });
}, 180_000);

afterAll(async () => {
  await cluster?.stop();
  removeDir(work);
}, 60_000);

const last = (result: CliResult): Record<string, unknown> => result.json.at(-1) as Record<string, unknown>;

/** A cluster as everybody wants it: all healthy, nobody on trial, no update. */
async function settledOn(buildHash: string): Promise<ClusterStatus> {
  return waitFor(
    `every node to be healthy on ${buildHash.slice(0, 10)}`,
    async () => {
      const status = await cluster.status();
      const settled = status.nodes.every(
        ({ healthy, trial, release }) => healthy && trial === null && release?.buildHash === buildHash,
      );
      return settled && status.update === null && status;
    },
    { timeoutMs: 20_000, everyMs: 250 },
  );
}

describe('a cluster that nobody updated yet', () => {
  it('status --json has what machines need', async () => {
    const status = await cluster.status();
    expect(status.cluster).toMatchObject({ voters: 3, healthyVoters: 3, quorum: 2 });
    expect(cluster.nodes.map(({ nodeId }) => nodeId)).toContain(status.cluster.leader);
    expect(status.cluster.epoch).toBeGreaterThan(0);
    expect(status.cluster.term).toBeGreaterThan(0);
    expect(status.update).toBeNull();
    expect(
      status.nodes.map(({ nodeId, role, status: state, address, healthy, reasons, trial }) => ({
        nodeId,
        role,
        state,
        address,
        healthy,
        reasons,
        trial,
      })),
    ).toEqual(
      cluster.nodes.map(({ nodeId, address }) => ({
        nodeId,
        role: 'voter',
        state: 'active',
        address,
        healthy: true,
        reasons: [],
        trial: null,
      })),
    );
    for (const node of status.nodes) {
      expect(node.release?.buildHash).toMatch(/^[0-9a-f]{64}$/);
      expect(node.incarnation).not.toBe('');
      expect(node.lastSeenMsAgo).toBeLessThan(60_000);
    }
  });

  it('exec passes every byte and the exit code through', async () => {
    const child = spawnCli(['exec', 'n2', '--', 'sh', '-c', 'printf "\\000\\377\\n"; echo oops >&2; exit 7'], {
      config: cluster.config,
    });
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    const code = await new Promise((done) => child.once('close', done));
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([0, 255, 10]));
    expect(code).toBe(7);
  });

  it('exec ends what takes too long, and everything that it started', async () => {
    const { code, stderr } = await cluster.cli([
      'exec',
      'n1',
      '--timeout',
      '400ms',
      '--',
      'sh',
      '-c',
      'sleep 30 & sleep 30',
    ]);
    expect(code).toBe(124);
    expect(stderr).toContain('--timeout');
  });

  it('a node can be asked about itself, through the cluster or on its own disk', async () => {
    const there = await cluster.cli(['exec', 'n3', '--', 'claudecluster', 'node', 'status', '--json']);
    const config = join(cluster.nodes[2]?.base ?? '', 'config.yaml');
    const here = await cli(['node', 'status', '--json', '--config', config]);
    for (const result of [there, here]) {
      expect(result.code).toBe(0);
      expect(last(result)).toMatchObject({ ok: true, nodeId: 'n3', trial: null, staged: [expect.any(String)] });
    }
  });

  it('updates list is empty, and there is nothing to watch or to pause', async () => {
    expect(last(await cluster.cli(['updates', 'list', '--json']))).toEqual([]);
    expect((await cluster.cli(['updates', 'watch'])).code).toBe(2);
    expect((await cluster.cli(['updates', 'pause'])).code).toBe(2);
  });

  it('an unknown command, flag, file or certificate is told from a cluster that is away', async () => {
    expect((await cluster.cli(['updaet'])).code).toBe(2);
    expect((await cluster.cli(['status', '--colour'])).code).toBe(2);
    expect((await cli(['status', '--config', '/nonexistent', '--json'])).code).toBe(2);
  });

  it('status --watch ends quietly when its reader goes away', async () => {
    const child = spawnCli(['status', '--watch', '--every', '50ms', '--json'], { config: cluster.config });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await new Promise((done) => child.once('exit', done))).toBe(0);
    expect(stderr).not.toMatch(/EPIPE|Error/);
  });
});

describe('update --dry-run', () => {
  it('shows the plan and changes nothing', async () => {
    const before = await cluster.status();
    const result = await cluster.cli(['update', second.dir, '--dry-run', '--json']);
    expect(result.code).toBe(0);
    const plan = last(result) as unknown as UpdatePlan;
    expect(plan).toMatchObject({ target: { buildHash: second.version.buildHash }, refusals: [], quorum: 2 });
    expect(plan.order.map(({ nodeId }) => nodeId).sort()).toEqual(['n1', 'n2', 'n3']);
    expect(plan.order.at(-1)?.nodeId).toBe(before.cluster.leader);
    const after = await cluster.status();
    expect(after.nodes.map(({ incarnation }) => incarnation)).toEqual(
      before.nodes.map(({ incarnation }) => incarnation),
    );
    expect(last(await cluster.cli(['updates', 'list', '--json']))).toEqual([]);
  });

  it('numbers that cannot work together are refused with the sum', async () => {
    const { code, stdout } = await cluster.cli(['update', second.dir, '--dry-run', '--trial', '20s']);
    expect(code).toBe(3);
    expect(stdout).toContain('timing');
  });

  it('a build that was changed after it was stamped is refused before a byte is sent', async () => {
    const tampered = join(work, 'tampered');
    cpSync(second.dir, tampered, { recursive: true });
    chmodSync(join(tampered, 'guard.js'), 0o644);
    appendFileSync(join(tampered, 'guard.js'), '// tampered\n');
    const result = await cluster.cli(['update', tampered, '--yes', '--json']);
    expect(result.code).toBe(3);
    expect(last(result)).toMatchObject({ outcome: 'refused', updateId: null, error: { code: 'release-invalid' } });
  });

  it('a plan that is not the present one any more is not run', async () => {
    const result = await cluster.cli(['update', second.dir, '--json', '--plan', 'abcdef'.repeat(10)]);
    expect(result.code).toBe(3);
    expect(last(result)).toMatchObject({ outcome: 'refused' });
  });
});

describe('update', () => {
  it('with --json tells every step, and ends with the report', async () => {
    const result = await cluster.cli(['update', second.dir, '--yes', '--json'], { timeoutMs: 180_000 });
    expect(result.code).toBe(0);
    expect(result.stderr).not.toContain('Error');
    const events = result.json.flatMap((line) => {
      const { event } = line as { event?: UpdateEvent };
      return event ? [event] : [];
    });
    expect(events.map(({ number }) => number)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ kind: 'ended', outcome: 'committed' });
    const report = last(result) as { nodes: { nodeId: string; durationsMs: Record<string, number> }[] } & Record<
      string,
      unknown
    >;
    expect(report).toMatchObject({
      outcome: 'committed',
      updateId: expect.any(String),
      failure: null,
      operatorMust: null,
    });
    expect(report.raftLeaderChanges).toBeGreaterThanOrEqual(1);
    // The second build differs by a few bytes: what moved is a small part of it.
    expect(report.bytesTransferred).toBeGreaterThan(0);
    expect(report.bytesTransferred).toBeLessThan(1_000_000);
    for (const node of report.nodes) {
      expect(node).toMatchObject({ after: { buildHash: second.version.buildHash }, phase: 'committed' });
      expect(node.durationsMs).toMatchObject({ health: expect.any(Number), stability: expect.any(Number) });
    }
    expect((await settledOn(second.version.buildHash)).release).toBe(second.version.buildHash);
  });

  it('begins for nobody who did not say so: without a terminal an n on standard input is no agreement', async () => {
    const before = last(await cluster.cli(['updates', 'list', '--json']));
    const result = await cluster.cli(['update', third.dir], { stdin: 'n\n' });
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/--yes.*--plan HASH/);
    expect(last(await cluster.cli(['updates', 'list', '--json']))).toEqual(before);
    const rows = last(await cluster.cli(['releases', 'list', '--json'])) as unknown as { buildHash: string }[];
    expect(rows.map(({ buildHash }) => buildHash)).not.toContain(third.version.buildHash);
  });

  it('to what runs already is refused', async () => {
    const result = await cluster.cli(['update', second.dir, '--yes', '--json']);
    expect(result.code).toBe(3);
    expect(last(result)).toMatchObject({ outcome: 'refused', refusals: [{ code: 'already-at-target' }] });
  });

  it('can be read again afterwards, from any event on', async () => {
    const { id, lastEvent } = await cluster.record();
    const replay = await cluster.cli(['updates', 'watch', id, '--from', String(lastEvent - 2), '--json']);
    expect(replay.code).toBe(0);
    expect(replay.json.map((line) => (line as { event?: UpdateEvent }).event?.number)).toEqual([
      lastEvent - 1,
      lastEvent,
      undefined,
    ]);
    const shown = await cluster.cli(['updates', 'show', id]);
    expect(shown.stdout).toContain('committed');
    expect((await cluster.cli(['updates', 'show', 'u-none'])).code).toBe(2);
  });

  it('goes on when the one who watches presses Ctrl-C, and can be watched again', async () => {
    const child = spawnCli(['update', third.dir, '--yes', '--json'], { config: cluster.config });
    let stdout = '';
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const ended = new Promise((done) => child.once('close', done));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (!stdout.includes('"event"') && chunk.includes('"event"')) child.kill('SIGINT');
      stdout += chunk.toString();
    });
    expect(await ended).toBe(6);
    expect(stderr).toContain('the update goes on without this view');
    expect(stderr).toMatch(/claudecluster updates watch \S+ --from \d+/);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ outcome: null, updateId: expect.any(String) });

    const watched = await cluster.cli(['updates', 'watch'], { timeoutMs: 180_000 });
    expect(watched.code).toBe(0);
    expect(watched.stdout).toContain('committed: every node runs the new release');
    await settledOn(third.version.buildHash);
  });

  it('every release that the nodes have is listed', async () => {
    const rows = last(await cluster.cli(['releases', 'list', '--json'])) as unknown as {
      buildHash: string;
      runningOn: string[];
    }[];
    expect(rows.find(({ buildHash }) => buildHash === third.version.buildHash)?.runningOn).toEqual(['n1', 'n2', 'n3']);
    expect(rows.length).toBeGreaterThanOrEqual(3);
  });

  it('a quarantined build is refused until the quarantine is lifted', async () => {
    const hash = second.version.buildHash;
    expect((await cluster.cli(['releases', 'quarantine', hash.slice(0, 12), '--why', 'a test'])).code).toBe(0);
    const refused = await cluster.cli(['update', hash, '--dry-run']);
    expect(refused.code).toBe(3);
    expect(refused.stdout).toContain('quarantined');
    expect((await cluster.cli(['releases', 'unquarantine', hash])).code).toBe(0);
    expect((await cluster.cli(['update', hash, '--dry-run'])).code).toBe(0);
  });
});

describe('dev', () => {
  it('down stops it, up starts the same cluster again, on the release that it ran', async () => {
    const before = await cluster.status();
    const down = await cli(['dev', 'down', '--dir', cluster.dir, '--json'], { timeoutMs: 60_000 });
    expect(last(down)).toMatchObject({ nodes: 3, ended: [], purged: false });
    const away = await cluster.cli(['status', '--json']);
    expect(away.code).toBe(1);
    expect(last(away)).toMatchObject({ error: { code: 'unavailable', next: expect.any(String) } });
    expect((await cli(['dev', 'down', '--dir', cluster.dir])).code).toBe(0);

    const up = await cli(['dev', 'up', '--dir', cluster.dir, '--detach', '--json'], { timeoutMs: 90_000 });
    expect(up.code).toBe(0);
    expect(up.json).toEqual([{ dir: cluster.dir, config: cluster.config, nodes: cluster.nodes }]);
    const after = await settledOn(third.version.buildHash);
    expect(after.cluster.id).toBe(before.cluster.id);
    expect(last(await cluster.cli(['updates', 'list', '--json']))).toHaveLength(2);
  });

  it('up of another size in the same directory is refused, and nothing happens to what runs', async () => {
    const { code, stderr } = await cli(['dev', 'up', '--dir', cluster.dir, '--nodes', '5', '--detach']);
    expect(code).toBe(2);
    expect(stderr).toContain('made with 3');
    expect((await cluster.status()).cluster.healthyVoters).toBe(3);
  });

  it('up that cannot become healthy says why, and leaves nothing behind', async () => {
    const dir = join(work, 'hopeless');
    const hopeless = await makeBuild({ to: join(work, 'crash'), note: 'crash', behaviour: 'crash' });
    const argv = [
      'dev',
      'up',
      '--nodes',
      '1',
      '--dir',
      dir,
      '--release',
      hopeless.dir,
      '--timeout',
      '3s',
      '--detach',
      '--json',
    ];
    const up = await cli(argv, { timeoutMs: 60_000 });
    expect(up.code).toBe(1);
    expect(last(up)).toMatchObject({ error: { code: 'unavailable' } });
    expect(up.stderr).toContain('--- n1');
    expect(existsSync(dir)).toBe(false);
    expect(processesUsing(dir)).toEqual([]);
  });

  it('the build that it runs passes its own self-test', async () => {
    expect((await cli(['self-test'], { bundle: join(dist, 'index.js') })).code).toBe(0);
  });
});
