import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCa, issueCert } from '../../grpc/ca.ts';
import { runCli } from '../cli.ts';
import { fakeWorld } from '../testing/fakes.ts';

let dir: string;
const run = async (...argv: string[]) => {
  const world = fakeWorld();
  const code = await runCli(['bootstrap', '--config', join(dir, 'config.yaml'), ...argv], world.ctx);
  return { code, stderr: world.err() };
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  const tls = 'tls: {ca: ca.pem, cert: n.pem, key: n.key}';
  writeFileSync(
    join(dir, 'config.yaml'),
    `nodeId: n1\nlisten: 127.0.0.1:1\netcd: {client: "127.0.0.1:2", peer: "127.0.0.1:3"}\n${tls}\n`,
  );
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('bootstrap', () => {
  const voters = ['--voter', 'n1=127.0.0.1:3', 'n2=127.0.0.2:3', 'n3=127.0.0.3:3'];

  it('writes what the node founds, once', async () => {
    expect((await run('--cluster', 'c1', ...voters, '--worker', 'w1')).code).toBe(0);
    expect(JSON.parse(readFileSync(join(dir, 'data/bootstrap.json'), 'utf8'))).toMatchObject({
      clusterId: 'c1',
      kind: 'new',
      initialCluster: [{ name: 'n1', peer: '127.0.0.1:3' }, { name: 'n2' }, { name: 'n3' }],
      nodes: ['n1', 'n2', 'n3', 'w1'],
    });
    const again = await run('--cluster', 'c2', ...voters);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('founding happens once');
  });

  it('refuses the id of a cluster that is not the one in the certificate', async () => {
    const ca = await createCa('c1');
    const { certPem } = await issueCert(ca, { role: 'node', name: 'n1', days: 1 });
    writeFileSync(join(dir, 'n.pem'), certPem);
    const wrong = await run('--cluster', 'c2', ...voters);
    expect([wrong.code, existsSync(join(dir, 'data/bootstrap.json'))]).toEqual([2, false]);
    expect(wrong.stderr).toContain('c1, as in');
    expect((await run('--cluster', 'c1', ...voters)).code).toBe(0);
  });

  it('refuses voters that leave this node out, and words that are none', async () => {
    expect((await run('--cluster', 'c1', '--voter', 'n2=127.0.0.2:3')).code).toBe(2);
    expect((await run('--cluster', 'c1', '--voter', 'n1')).code).toBe(2);
    expect(existsSync(join(dir, 'data/bootstrap.json'))).toBe(false);
  });
});
