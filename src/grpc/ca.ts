/** A cluster's own certificate authority: ECDSA P-256, PEM. Loaded only where certificates are made. */
import { webcrypto } from 'node:crypto';
import { ClusterError } from '../errors.ts';
import { type Identity, identityUri, type Role } from './identity.ts';

export interface Ca {
  clusterId: string;
  certPem: string;
  keyPem: string;
}

export interface CertRequest {
  role: Role;
  /** nodeId, or a person's or program's name. */
  name: string;
  /** Host names that it also answers for; localhost is always among them. */
  dns?: readonly string[];
  /** IP addresses that it also answers for; 127.0.0.1 and ::1 are always among them. */
  ips?: readonly string[];
  /** Days of validity. */
  days: number;
  /** Start of the validity; default: the machine's time. An hour is taken off for clocks that are behind. */
  now?: Date;
}

export interface Issued {
  identity: Identity;
  certPem: string;
  keyPem: string;
}

type X509 = typeof import('@peculiar/x509');

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
const caDays = 3650;

/**
 * Loads the X.509 library on first use: it takes 0.2 s and some MB that a daemon has no need of.
 * Its container wants three functions of the metadata proposal on Reflect and refuses to load without them.
 */
async function loadX509(): Promise<X509> {
  const reflect = Reflect as unknown as Record<string, unknown>;
  if (reflect.getMetadata === undefined) {
    const tables = new WeakMap<object, Map<unknown, unknown>>();
    const own = (key: unknown, target: object): unknown => tables.get(target)?.get(key);
    reflect.getOwnMetadata = own;
    reflect.getMetadata = (key: unknown, target: object): unknown => {
      for (let at: object | null = target; at !== null; at = Reflect.getPrototypeOf(at)) {
        if (tables.get(at)?.has(key)) return own(key, at);
      }
      return undefined;
    };
    reflect.defineMetadata = (key: unknown, value: unknown, target: object): void => {
      const table = tables.get(target) ?? new Map<unknown, unknown>();
      tables.set(target, table.set(key, value));
    };
  }
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

async function newKeys(): Promise<{ keys: webcrypto.CryptoKeyPair; keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const lines =
    Buffer.from(pkcs8)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return { keys, keyPem: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n` };
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const body = pem.replace(/-----[^-]+-----/g, '').replace(/\s+/g, '');
  try {
    return await webcrypto.subtle.importKey('pkcs8', Buffer.from(body, 'base64'), keyAlgorithm, false, ['sign']);
  } catch (cause) {
    throw new ClusterError('config', "the CA's key is not a PKCS#8 P-256 key", {}, cause);
  }
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  if (!Number.isFinite(days) || days <= 0)
    throw new ClusterError('usage', 'days of validity must be positive', { seen: String(days) });
  return { notBefore: new Date(now.getTime() - 3_600_000), notAfter: new Date(now.getTime() + days * dayMs) };
}

/**
 * Makes a CA for one cluster, valid for ten years.
 * @param clusterId a host name label; throws ClusterError 'usage' otherwise
 */
export async function createCa(clusterId: string, now: Date = new Date()): Promise<Ca> {
  identityUri({ clusterId, role: 'node', name: 'check' });
  const x509 = await loadX509();
  const { keys, keyPem } = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=claudecluster CA ${clusterId}`,
    keys,
    signingAlgorithm,
    ...validity(now, caDays),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { clusterId, certPem: `${certificate.toString('pem')}\n`, keyPem };
}

/**
 * Issues a certificate with a fresh key, good as server and as client (etcd members need both).
 * Throws ClusterError 'usage' for a name or a number that cannot be used, 'config' for a CA that cannot sign.
 */
export async function issueCert(ca: Ca, request: CertRequest): Promise<Issued> {
  const identity: Identity = { clusterId: ca.clusterId, role: request.role, name: request.name };
  const uri = identityUri(identity);
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(ca.certPem);
  const { keys, keyPem } = await newKeys();
  const dns = new Set(['localhost', ...(request.dns ?? [])]);
  const ips = new Set(['127.0.0.1', '::1', ...(request.ips ?? [])]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${request.name}, O=claudecluster ${request.role}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.keyPem),
    signingAlgorithm,
    ...validity(request.now ?? new Date(), request.days),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: uri },
        ...[...dns].map((value) => ({ type: 'dns' as const, value })),
        ...[...ips].map((value) => ({ type: 'ip' as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { identity, certPem: `${certificate.toString('pem')}\n`, keyPem };
}
