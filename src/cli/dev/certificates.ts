/** The throw-away certificate authority of a local cluster (P9 holds from the first day). */
import { join } from 'node:path';
import { nodePaths } from '../../base/paths.ts';
import { createCa, issueCert } from '../../grpc/ca.ts';
import { writeCa, writeIdentity } from '../../grpc/pem-files.ts';
import { type DevCluster, devPaths } from './layout.ts';

/** CA in DIR/ca and etcd's own in DIR/ca/etcd, the operator's certificate in DIR/tls, each node's in its own data/tls. Keys are 0600. */
export async function issueCertificates(cluster: DevCluster, dir: string, days: number): Promise<void> {
  const paths = devPaths(dir);
  const ca = await createCa(cluster.clusterId);
  await writeCa(paths.ca, ca);
  const etcdCa = await createCa(cluster.clusterId);
  await writeCa(join(paths.ca, 'etcd'), etcdCa);
  const operator = await issueCert(ca, { role: 'operator', name: 'operator', days });
  await writeIdentity(paths.tls, ca.certPem, operator);
  for (const { nodeId, base } of cluster.nodes) {
    const issued = await issueCert(ca, { role: 'node', name: nodeId, days });
    await writeIdentity(join(nodePaths(base).data, 'tls'), ca.certPem, issued);
    const forEtcd = await issueCert(etcdCa, { role: 'node', name: nodeId, days });
    await writeIdentity(join(nodePaths(base).data, 'tls', 'etcd'), etcdCa.certPem, forEtcd);
  }
}
