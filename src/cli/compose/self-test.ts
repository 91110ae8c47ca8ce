/** What staging asks of a build before it may be switched to: that it loads here, on this Node. Fast, and without effects. */
import satisfies from 'semver/functions/satisfies.js';
import { ClusterError } from '../../errors.ts';
import { ownVersion } from '../../front/own-version.ts';

/** Throws ClusterError 'self-test-failed' or 'release-invalid'; returns what was found to work. */
export async function selfTest(bundle: string, nodeVersion: string): Promise<string[]> {
  const own = await ownVersion(bundle);
  if (own === null) {
    throw new ClusterError('release-invalid', 'version.json is missing beside the bundle', {
      seen: bundle,
      wanted: 'a stamped build',
      next: 'npm run build, or node scripts/write-version.js DIR',
    });
  }
  // A nightly or a release candidate of a Node that fits, fits.
  if (!satisfies(nodeVersion, own.node, { includePrerelease: true })) {
    throw new ClusterError('self-test-failed', 'this Node is not one that the build runs on', {
      seen: nodeVersion,
      wanted: own.node,
      next: 'install a Node in this range on the host',
    });
  }
  const { loadProto } = await import('../../grpc/proto.ts');
  const { Server } = await import('@grpc/grpc-js');
  const proto = loadProto();
  new Server().addService(proto.agent, {});
  await Promise.all([
    import('../../daemon/compose/daemon.ts'),
    import('../../adapters/etcd/store.ts'),
    import('../../daemon/config.ts'),
  ]);
  return [
    `version.json of ${own.version}`,
    `Node ${nodeVersion} in ${own.node}`,
    'wire contract',
    'gRPC',
    'daemon',
    'etcd client',
  ];
}
