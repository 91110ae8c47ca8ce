/** Who a certificate speaks for: one URI in its subject alternative names, `claudecluster://<cluster>/<role>/<name>`. */
import { X509Certificate } from 'node:crypto';
import { ClusterError } from '../errors.ts';

const roles = ['node', 'operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

export interface Identity {
  clusterId: string;
  role: Role;
  /** nodeId for a node, otherwise a person's or a program's name. */
  name: string;
}

/** A host name label: Go (etcd) refuses a certificate whose URI has another kind of host. */
const clusterIdPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const namePattern = /^[A-Za-z0-9]([A-Za-z0-9._@-]{0,126}[A-Za-z0-9])?$/;
const uriPattern = /^claudecluster:\/\/([^/]+)\/([^/]+)\/([^/]+)$/;

/** The URI of an identity. Throws ClusterError 'usage' for a name that it could not be read back from. */
export function identityUri(identity: Identity): string {
  const { clusterId, role, name } = identity;
  if (!clusterIdPattern.test(clusterId)) {
    throw new ClusterError('usage', 'not a cluster id', {
      seen: clusterId,
      wanted: 'lower-case letters, digits and dashes',
    });
  }
  if (!roles.includes(role)) throw new ClusterError('usage', 'not a role', { seen: role, wanted: roles.join(', ') });
  if (!namePattern.test(name)) {
    throw new ClusterError('usage', 'not a name for a certificate', {
      seen: name,
      wanted: 'letters, digits and . _ @ - inside',
    });
  }
  return `claudecluster://${clusterId}/${role}/${name}`;
}

function parseUri(uri: string): Identity | null {
  const [, clusterId, role, name] = uriPattern.exec(uri) ?? [];
  const known = roles.find((one) => one === role);
  if (clusterId === undefined || known === undefined || name === undefined) return null;
  if (!clusterIdPattern.test(clusterId) || !namePattern.test(name)) return null;
  return { clusterId, role: known, name };
}

/** Node quotes a name that holds a separator, so splitting outside of quotes cannot be tricked into a second entry. */
function entriesOf(subjectAltName: string): string[] {
  return subjectAltName.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g)?.map((entry) => entry.trim()) ?? [];
}

/**
 * The identity in a certificate's subjectAltName as Node prints it; null when there is none of ours, or more than one.
 */
export function identityOfAltName(subjectAltName: string | undefined): Identity | null {
  const uris = entriesOf(subjectAltName ?? '')
    .filter((entry) => entry.startsWith('URI:claudecluster:'))
    .map((entry) => parseUri(entry.slice('URI:'.length)));
  return uris.length === 1 ? (uris[0] ?? null) : null;
}

/** The identity in a PEM certificate. Throws ClusterError 'config' when it is no certificate of a cluster. */
export function identityOfPem(pem: string | Buffer, file: string): Identity {
  let altName: string | undefined;
  try {
    altName = new X509Certificate(pem).subjectAltName;
  } catch (cause) {
    throw new ClusterError('config', `${file} is not a PEM certificate`, {}, cause);
  }
  const identity = identityOfAltName(altName);
  if (identity === null) {
    throw new ClusterError('config', `${file} names no role in a cluster`, {
      seen: altName ?? 'no subject alternative name',
      wanted: 'one URI claudecluster://<cluster>/<node|operator|viewer>/<name>',
      next: "issue the certificate with the cluster's own CA",
    });
  }
  return identity;
}
