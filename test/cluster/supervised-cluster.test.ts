/** What becomes of a node's processes, with real daemons and etcd: a start that fails, a base that is gone, a new supervisor. */
import { appendFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createSupervisorClient } from '../../src/host/managers/supervisor/manager.ts';
import { makeBuild } from '../support/builds.ts';
import { cli } from '../support/cli.ts';
import { type DevCluster, startDevCluster } from '../support/dev-cluster.ts';
import { processesUsing } from '../support/processes.ts';
import { tempDir } from '../support/temp.ts';
import { waitFor } from '../support/wait.ts';

const work = tempDir('supervised');
let cluster: DevCluster | null = null;
afterEach(async () => {
  await cluster?.stop();
  cluster = null;
}, 60_000);

describe('dev up', () => {
  it('that fails leaves no process and no directory behind, and has told how it failed', async () => {
    const { dir: build } = await makeBuild({ to: join(work, 'crash'), behaviour: 'crash' });
    const top = join(work, 'top');
    const args = [
      'dev',
      'up',
      '--nodes',
      '1',
      '--dir',
      join(top, 'c'),
      '--release',
      build,
      '--timeout',
      '4s',
      '--detach',
    ];
    const { code, stderr } = await cli(args);
    expect([code, existsSync(top), processesUsing(top)]).toEqual([1, false, []]);
    expect(stderr).toContain('not every node was healthy within 4.0s');
  });

  it('and supervise, without etcd on the host, say at once what is missing', async () => {
    const env = { PATH: join(work, 'nothing here') };
    const up = await cli(['dev', 'up', '--dir', join(work, 'd'), '--detach'], { env });
    expect([up.code, existsSync(join(work, 'd'))]).toEqual([5, false]);
    expect(up.stderr).toContain('etcd is not installed');
    cluster = await startDevCluster({ nodes: 1 });
    const config = join(cluster.nodes[0]?.base ?? '', 'config.yaml');
    const supervise = await cli(['supervise', '--config', config], { env });
    expect(supervise.code).toBe(5);
    expect(supervise.stderr).toContain('apt-get install etcd-server');
  });
});

describe('a node', () => {
  it('whose base directory is removed ends: supervisor, daemon and etcd', async () => {
    cluster = await startDevCluster({ nodes: 1 });
    const { dir } = cluster;
    expect(processesUsing(dir)).toHaveLength(3);
    // What runs there writes meanwhile: a directory that is empty has a file again before it is removed.
    rmSync(dir, { recursive: true, maxRetries: 20, retryDelay: 20 });
    await waitFor('all of it to end', () => processesUsing(dir).length === 0, { timeoutMs: 60_000 });
    expect(existsSync(dir)).toBe(false);
    cluster = null;
  });

  it('has the supervisor of its new release once the probation is over, and its daemon runs on', async () => {
    const next = await makeBuild({ to: join(work, 'next'), note: 'next' });
    cluster = await startDevCluster({ nodes: 1 });
    const base = cluster.nodes[0]?.base ?? '';
    appendFileSync(join(base, 'config.yaml'), 'probationMs: 1000\n');
    const supervisor = createSupervisorClient(base);
    const before = await supervisor.status();
    const updated = await cluster.cli(['update', next.dir, '--yes', '--accept-downtime', '--json']);
    expect(updated.code, updated.stderr).toBe(0);
    const { daemonPid } = await supervisor.status();
    const hash = next.version.buildHash;
    const after = await waitFor(
      'the new supervisor',
      async () => {
        const said = await supervisor.status();
        return said.code === hash && said;
      },
      { timeoutMs: 40_000 },
    );
    expect(after).toMatchObject({ daemonPid, release: hash, state: 'running' });
    expect(before.code).not.toBe(hash);
    expect(after.pid).not.toBe(before.pid);
    const { nodes } = await cluster.status();
    expect(nodes.map(({ healthy }) => healthy)).toEqual([true]);
    const down = await cluster.cli(['dev', 'down', '--dir', cluster.dir, '--json']);
    expect(down.json.at(-1)).toMatchObject({ nodes: 1, ended: [] });
    expect(readdirSync(join(base, 'run'))).not.toContain('supervisor.sock');
  });
});
