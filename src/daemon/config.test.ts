import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadClientConfig, loadNodeConfig } from './config.ts';

const dir = mkdtempSync(join(tmpdir(), 'claudecluster-config-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const file = join(dir, 'config.yaml');
const tls = 'tls: { ca: ca.pem, cert: n1.pem, key: n1.key }';
const node = `nodeId: n1\nlisten: 127.0.0.1:1\n${tls}\netcd: { client: '127.0.0.1:2', peer: '127.0.0.1:3' }\n`;

function load(text: string) {
  writeFileSync(file, text);
  return loadNodeConfig(file);
}

describe("a node's configuration that a newer build may have written (P11)", () => {
  it('is taken without the keys that this build does not know, and each of them is told with its place', () => {
    const config = load(`${node}drainOnBattery: true\nhooks: { afterReboot: { argv: [a] } }\n`);
    expect(config).toMatchObject({ nodeId: 'n1', heartbeatMs: 5000, hooks: {} });
    expect(config).not.toHaveProperty('drainOnBattery');
    expect(config.warnings.toSorted()).toEqual([
      `${file}: drainOnBattery is left out: this build does not know it`,
      `${file}: hooks.afterReboot is left out: this build does not know it`,
    ]);
  });

  it('may have keys below etcd that are new, whichever of its two forms it is', () => {
    const managed = load(node.replace("peer: '127.0.0.1:3'", "peer: '127.0.0.1:3', snapshotCount: 5"));
    expect(managed.etcd).toMatchObject({ client: '127.0.0.1:2', electionMs: 1000 });
    expect(managed.warnings).toEqual([expect.stringContaining('etcd.snapshotCount is left out')]);
    const external = load(node.replace(/etcd: .*/, "etcd: { endpoints: ['127.0.0.1:2'], zone: a }"));
    expect(external.etcd).toEqual({ endpoints: ['127.0.0.1:2'] });
    expect(external.warnings).toEqual([expect.stringContaining('etcd.zone is left out')]);
  });

  it('names the key that was meant where one is a mistyping of it', () => {
    const warningOf = (line: string): string | undefined => load(`${node}${line}\n`).warnings[0];
    expect(warningOf('leaseMS: 9000')).toContain('did you mean leaseMs?');
    expect(warningOf('hook: {}')).toContain('did you mean hooks?');
    expect(warningOf('keepRelease: 5')).toContain('did you mean keepReleases?');
    expect(warningOf('colour: red')).not.toContain('did you mean');
  });

  it('may use a value of a newer build where nothing hangs on it: the careful one stands for it', () => {
    const config = load(`${node}logLevel: trace\nstragglers: ask\n`);
    expect(config).toMatchObject({ logLevel: 'info', stragglers: 'leave' });
    expect(config.warnings).toHaveLength(2);
  });

  it('is refused where something that is needed is missing or wrong, and what was mistyped is told with it', () => {
    expect(() => load(`${node}role: witness\n`)).toThrow(/role/);
    expect(() => load(node.replace('nodeId', 'nodeid'))).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ seen: expect.stringContaining('mean nodeId?') }) }),
    );
    expect(() => load(node.replace("'127.0.0.1:2'", 'nowhere'))).toThrow(/etcd/);
  });

  it('has nothing to warn of when it is all known', () => {
    expect(load(node).warnings).toEqual([]);
  });
});

it("a client's configuration is read the same way", () => {
  writeFileSync(file, `addresses: ['127.0.0.1:1']\n${tls}\ntheme: dark\n`);
  const config = loadClientConfig(file);
  expect(config).toMatchObject({ addresses: ['127.0.0.1:1'] });
  expect(config.warnings).toEqual([`${file}: theme is left out: this build does not know it`]);
});
