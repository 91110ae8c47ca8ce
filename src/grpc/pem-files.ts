/** PEM files on disk: keys are for their owner only, from their first byte on. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClusterError } from '../errors.ts';
import { type Ca, type Issued, issueCert } from './ca.ts';

/** Paths as a configuration's `tls` section names them. */
export interface TlsPaths {
  ca: string;
  cert: string;
  key: string;
}

async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, text, { mode, flag: 'wx' });
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new ClusterError('disk', `cannot write ${file}`, { seen: String(cause) }, cause);
  }
}

/** Writes `ca.pem`, `<name>.pem` and `<name>.key` (0600) into the directory; returns their paths. */
export async function writeIdentity(dir: string, caPem: string, issued: Issued): Promise<TlsPaths> {
  const name = issued.identity.name;
  const paths = { ca: join(dir, 'ca.pem'), cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) };
  await writeWhole(paths.ca, caPem, 0o644);
  await writeWhole(paths.cert, issued.certPem, 0o644);
  await writeWhole(paths.key, issued.keyPem, 0o600);
  return paths;
}

/** Writes the CA itself (`ca.pem`, `ca.key` 0600, `cluster-id`): only where certificates are to be issued. */
export async function writeCa(dir: string, ca: Ca): Promise<void> {
  await writeWhole(join(dir, 'ca.key'), ca.keyPem, 0o600);
  await writeWhole(join(dir, 'ca.pem'), ca.certPem, 0o644);
  await writeWhole(join(dir, 'cluster-id'), `${ca.clusterId}\n`, 0o644);
}

/** Reads what writeCa wrote. Throws ClusterError 'config'. */
export async function loadCa(dir: string): Promise<Ca> {
  try {
    const [certPem, keyPem, clusterId] = await Promise.all(
      ['ca.pem', 'ca.key', 'cluster-id'].map((name) => readFile(join(dir, name), 'utf8')),
    );
    return { certPem: certPem ?? '', keyPem: keyPem ?? '', clusterId: (clusterId ?? '').trim() };
  } catch (cause) {
    throw new ClusterError('config', `no certificate authority in ${dir}`, { seen: String(cause) }, cause);
  }
}

/** Issues a certificate and writes it beside the CA's certificate. */
export async function issueInto(dir: string, ca: Ca, request: Parameters<typeof issueCert>[1]): Promise<TlsPaths> {
  return writeIdentity(dir, ca.certPem, await issueCert(ca, request));
}
