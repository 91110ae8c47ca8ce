import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authorise, methodRoles } from './authorise.ts';
import { type Ca, createCa, issueCert } from './ca.ts';
import { identityOfAltName, identityOfPem, identityUri } from './identity.ts';
import { issueInto, loadCa, writeCa } from './pem-files.ts';
import { loadProto } from './proto.ts';
import { checkNodeIdentity, loadTls, tlsFromPem } from './tls.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ca-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('an identity', () => {
  it('is read from the one URI of ours among other names', () => {
    expect(identityOfAltName('DNS:localhost, URI:claudecluster://c1/operator/ann.lee@x, IP Address:127.0.0.1')).toEqual(
      {
        clusterId: 'c1',
        role: 'operator',
        name: 'ann.lee@x',
      },
    );
  });

  it.each([
    ['nothing', undefined],
    ['no URI', 'DNS:localhost'],
    ['another scheme', 'URI:spiffe://c1/node/n1'],
    ['an unknown role', 'URI:claudecluster://c1/root/n1'],
    ['a longer path', 'URI:claudecluster://c1/node/n1/x'],
    ['an empty name', 'URI:claudecluster://c1/node/'],
    ['a foreign character', 'URI:claudecluster://c1/node/n1%2f'],
    ['two of ours', 'URI:claudecluster://c1/node/n1, URI:claudecluster://c1/operator/x'],
    ['one hidden in a quoted name', 'DNS:"a, URI:claudecluster://c1/node/n1"'],
    ['one hidden behind an escaped quote', 'DNS:"a\\", URI:claudecluster://c1/node/n1"'],
  ])('is not found in %s', (_name, altName) => {
    expect(identityOfAltName(altName)).toBeNull();
  });

  it.each([
    ['', 'n1'],
    ['Upper', 'n1'],
    ['c1', ''],
    ['c1', 'a/b'],
    ['c1', 'a b'],
    ['c/1', 'n1'],
  ])('cannot be made of cluster %j and name %j', (clusterId, name) => {
    expect(() => identityUri({ clusterId, role: 'node', name })).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('the CA', () => {
  it('issues certificates for both ends of a connection, with the role inside and a private key that is private', async () => {
    const ca = await createCa('c1');
    const paths = await issueInto(dir, ca, {
      role: 'node',
      name: 'n1',
      days: 10,
      dns: ['host.example'],
      ips: ['10.1.2.3'],
    });
    const certificate = new X509Certificate(readFileSync(paths.cert));
    const issuer = new X509Certificate(ca.certPem);
    expect(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)).toBe(true);
    expect([issuer.ca, certificate.ca]).toEqual([true, false]);
    // serverAuth and clientAuth: an etcd member shows the same certificate at both ends.
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    const names = certificate.subjectAltName;
    expect(names).toContain('DNS:host.example');
    expect(names).toContain('IP Address:10.1.2.3');
    expect(names).toContain('IP Address:127.0.0.1');
    expect(statSync(paths.key).mode & 0o777).toBe(0o600);
    expect(loadTls(paths).identity).toEqual({ clusterId: 'c1', role: 'node', name: 'n1' });
  });

  it('goes on issuing after it was written and read again', async () => {
    await writeCa(dir, await createCa('c1'));
    expect(statSync(join(dir, 'ca.key')).mode & 0o777).toBe(0o600);
    const ca = await loadCa(dir);
    const issued = await issueCert(ca, { role: 'viewer', name: 'tv', days: 1 });
    expect(new X509Certificate(issued.certPem).verify(new X509Certificate(ca.certPem).publicKey)).toBe(true);
  });

  it('has nothing to read where none was written', async () => {
    await expect(loadCa(join(dir, 'none'))).rejects.toMatchObject({ code: 'config' });
  });

  it.each([
    ['a bad cluster id', () => createCa('Not Good')],
    ['a bad name', async () => issueCert(await createCa('c1'), { role: 'node', name: '../n1', days: 1 })],
    ['no days', async () => issueCert(await createCa('c1'), { role: 'node', name: 'n1', days: 0 })],
  ])('refuses %s', async (_name, make) => {
    await expect(make()).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('TLS files', () => {
  let ca: Ca;
  beforeEach(async () => {
    ca = await createCa('c1');
  });

  it('are refused by name when they are missing, no PEM, of no role, or do not fit each other', async () => {
    expect(() => loadTls({ ca: '/no/ca', cert: '/no/cert', key: '/no/key' })).toThrow(/\/no\/ca/);
    const one = await issueInto(join(dir, 'a'), ca, { role: 'node', name: 'n1', days: 1 });
    const two = await issueInto(join(dir, 'b'), ca, { role: 'node', name: 'n2', days: 1 });
    expect(() => loadTls({ ...one, key: two.key })).toThrow(expect.objectContaining({ code: 'config' }));
    const garbage = join(dir, 'garbage.pem');
    writeFileSync(garbage, 'not a certificate');
    expect(() => loadTls({ ...one, cert: garbage })).toThrow(/garbage.pem/);
    expect(() => identityOfPem(ca.certPem, 'ca.pem')).toThrow(/names no role/);
    expect(() => tlsFromPem({ ca: ca.certPem, cert: ca.certPem, key: ca.keyPem })).toThrow(/names no role/);
  });

  it('let a client talk to nodes of its own cluster only', () => {
    expect(checkNodeIdentity('c1', 'URI:claudecluster://c1/node/n1')).toBeUndefined();
    expect(checkNodeIdentity('c1', 'URI:claudecluster://c2/node/n1')?.message).toContain('c2');
    expect(checkNodeIdentity('c1', 'URI:claudecluster://c1/operator/ann')?.message).toContain('operator');
    expect(checkNodeIdentity('c1', 'DNS:localhost')?.message).toContain('no role');
  });
});

describe('authorise', () => {
  const may = (role: string, method: string, cluster = 'c1'): boolean => {
    try {
      authorise('c1', `URI:claudecluster://${cluster}/${role}/x`, method);
      return true;
    } catch {
      return false;
    }
  };

  it('has a row for every method of the contract, so that none is forgotten, and denies what has none', () => {
    const proto = loadProto();
    const methods = [...Object.values(proto.agent), ...Object.values(proto.cluster)].map((one) => one.path);
    expect(methods.filter((path) => !methodRoles.has(path))).toEqual([]);
    expect(may('node', '/claudecluster.v1.AgentService/Unknown')).toBe(false);
  });

  it('gives every role what it needs and no more (P9)', () => {
    const agent = '/claudecluster.v1.AgentService';
    const cluster = '/claudecluster.v1.ClusterService';
    const viewer = [...methodRoles.keys()]
      .filter((path) => may('viewer', path))
      .filter((path) => path.includes('claudecluster'));
    expect(viewer).toEqual([
      `${agent}/HealthCheck`,
      `${cluster}/GetStatus`,
      `${cluster}/WatchUpdate`,
      `${cluster}/ListUpdates`,
      `${cluster}/GetUpdate`,
      `${cluster}/ListReleases`,
    ]);
    const denied = [...methodRoles.keys()].filter((path) => !may('operator', path));
    expect(denied).toEqual([`${agent}/Drain`]);
    expect([...methodRoles.keys()].every((path) => may('node', path))).toBe(true);
  });

  it('refuses a certificate of another cluster, and one without a role', () => {
    expect(may('node', '/grpc.health.v1.Health/Check', 'c2')).toBe(false);
    expect(() => authorise('c1', undefined, '/grpc.health.v1.Health/Check')).toThrow(/names no role/);
  });
});
