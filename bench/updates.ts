import type { UpdateRecord } from '../src/cluster/update/record.ts';
import type { Build } from '../test/support/builds.ts';
import type { DevCluster } from '../test/support/dev-cluster.ts';

/** Updates the cluster to the build, and returns the record. Throws unless it was committed on every node. */
export async function mustUpdate(cluster: DevCluster, build: Build, signal: AbortSignal): Promise<UpdateRecord> {
  const { code, stdout, stderr } = await update(cluster, build, signal);
  if (code !== 0) throw new Error(`the update ended with exit code ${code}\n${stdout}${stderr}\n${cluster.logs(15)}`);
  return cluster.record();
}

/** Updates to a build that must fail: throws unless the cluster went back from it (exit code 4). */
export async function mustFail(cluster: DevCluster, build: Build, signal: AbortSignal): Promise<UpdateRecord> {
  const { code, stdout, stderr } = await update(cluster, build, signal);
  if (code !== 4) throw new Error(`wanted exit code 4, saw ${code}\n${stdout}${stderr}\n${cluster.logs(15)}`);
  return cluster.record();
}

function update(cluster: DevCluster, build: Build, signal: AbortSignal): ReturnType<DevCluster['cli']> {
  return cluster.cli(['update', build.dir, '--yes', '--json'], { signal, timeoutMs: 600_000 });
}
