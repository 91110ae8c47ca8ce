/** A busy store: etcd's own `etcdctl check perf` against all members of a cluster, again and again until it is stopped. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { etcdTlsPaths, loadNodeConfig } from '../../../src/daemon/config.ts';
import type { DevCluster } from '../../support/dev-cluster.ts';

/** s: 150 writes a second by 50 clients, m: 1,000 by 200; a run lasts a minute and writes 1 kB each time. */
export type LoadSize = 's' | 'm';

export interface Load {
  /** Throws with what etcdctl said when it could not put the cluster under load. */
  stop(): Promise<void>;
}

/** Returns at once; what it writes goes to the same disks, cores and members as everything else. */
export function startLoad(cluster: DevCluster, size: LoadSize): Load {
  const ctl = etcdctl(cluster);
  let stopping = false;
  let child: ChildProcess | null = null;
  let said = '';
  const run = async (): Promise<void> => {
    while (!stopping) {
      // A prefix of its own: a run refuses one that holds keys, and one that was ended leaves its keys behind.
      const prefix = `/check-perf-${randomBytes(4).toString('hex')}/`;
      child = spawn('etcdctl', [...ctl.args, 'check', 'perf', `--load=${size}`, '--prefix', prefix], {
        env: ctl.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const note = (chunk: Buffer): void => {
        said = `${said}${chunk.toString()}`.slice(-2_000);
      };
      child.stdout?.on('data', note);
      child.stderr?.on('data', note);
      await new Promise<void>((done, failed) => {
        child?.once('close', () => done());
        child?.once('error', failed);
      });
    }
  };
  const beganMs = performance.now();
  const running = run();
  // Told by `stop`, whoever waits for it then.
  running.catch(() => undefined);
  return {
    async stop() {
      stopping = true;
      child?.kill('SIGKILL');
      await running;
      // A "no" to its own question (too slow, by its measure) is no concern of ours; not having run at all is.
      const wordless = performance.now() - beganMs > 5_000 && /Error|refused to|unknown/.test(said);
      if (wordless) throw new Error(`etcdctl check perf --load=${size}: ${said}`);
    },
  };
}

function etcdctl(cluster: DevCluster): { args: string[]; env: NodeJS.ProcessEnv } {
  const configs = cluster.nodes.map(({ base }) => loadNodeConfig(join(base, 'config.yaml')));
  const endpoints = configs.flatMap(({ etcd }) => ('client' in etcd ? [`https://${etcd.client}`] : []));
  const tls = configs[0] && etcdTlsPaths(configs[0]);
  if (tls === undefined) throw new Error('the cluster has no nodes');
  const args = ['--endpoints', endpoints.join(','), '--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key];
  return { args, env: { ...process.env, ETCDCTL_API: '3' } };
}

/** Is there an etcdctl? Debian has it in a package of its own (etcd-client). */
export function hasEtcdctl(): boolean {
  try {
    execFileSync('etcdctl', ['version'], { env: { ...process.env, ETCDCTL_API: '3' }, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
