/** Mutual TLS for both ends: who is trusted, and how a peer's certificate becomes an identity (P9). */
import { readFileSync } from 'node:fs';
import type { PeerCertificate } from 'node:tls';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { ClusterError } from '../errors.ts';
import { type Identity, identityOfAltName, identityOfPem } from './identity.ts';

/** Certificates as PEM, and who we are by them. */
export interface Tls {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
  identity: Identity;
}

function readPem(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ClusterError(
      'config',
      `cannot read ${what} ${file}`,
      { seen: cause instanceof Error ? cause.message : String(cause), next: 'check `tls` in the configuration' },
      cause,
    );
  }
}

/** PEM texts as Tls. Throws ClusterError 'config' when they do not fit each other or name no role. */
export function tlsFromPem(
  pem: { ca: string | Buffer; cert: string | Buffer; key: string | Buffer },
  where = 'tls',
): Tls {
  const tls = {
    ca: Buffer.from(pem.ca),
    cert: Buffer.from(pem.cert),
    key: Buffer.from(pem.key),
    identity: identityOfPem(pem.cert, where),
  };
  // Said here, where the file is known, and not at the first connection.
  channelCredentials(tls);
  return tls;
}

/** Reads the three PEM files. Throws ClusterError 'config'. */
export function loadTls(paths: { ca: string; cert: string; key: string }): Tls {
  const pem = {
    ca: readPem(paths.ca, "the CA's certificate"),
    cert: readPem(paths.cert, 'the certificate'),
    key: readPem(paths.key, 'the key'),
  };
  return tlsFromPem(pem, paths.cert);
}

/** Server end: a peer without a certificate of our CA does not finish the handshake (P9). */
export function serverCredentials(tls: Tls): ServerCredentials {
  return ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true);
}

/**
 * Why this server certificate is not one of our cluster's nodes; undefined when it is.
 * It takes the place of the host name check: a node is what its certificate says, at whatever address it is dialled.
 */
export function checkNodeIdentity(clusterId: string, subjectAltName: string | undefined): Error | undefined {
  const peer = identityOfAltName(subjectAltName);
  if (peer === null) return new Error("the server's certificate names no role in a cluster");
  if (peer.clusterId !== clusterId)
    return new Error(`the server belongs to cluster ${peer.clusterId}, not to ${clusterId}`);
  if (peer.role !== 'node')
    return new Error(`the server's certificate is for ${peer.role} ${peer.name}, not for a node`);
  return undefined;
}

/** Client end. Throws ClusterError 'config' when key and certificate do not belong together. */
export function channelCredentials(tls: Tls): ChannelCredentials {
  const { clusterId } = tls.identity;
  try {
    return ChannelCredentials.createSsl(tls.ca, tls.key, tls.cert, {
      checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
        checkNodeIdentity(clusterId, certificate.subjectaltname),
    });
  } catch (cause) {
    throw new ClusterError(
      'config',
      'certificate, key and CA cannot be used together',
      { seen: cause instanceof Error ? cause.message : String(cause) },
      cause,
    );
  }
}
