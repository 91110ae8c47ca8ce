/** The node's own member of the Raft group. */
import { join } from 'node:path';
import { ClusterError } from '../../errors.ts';
import { prepareEtcdStart } from '../../members/bootstrap.ts';
import { etcdTlsPaths } from '../config.ts';
import { etcdArgv } from '../etcd/argv.ts';
import { createEtcdMember, type EtcdMember } from '../etcd/member.ts';
import type { NodeContext } from './context.ts';

/** null: the node runs none. */
export function composeMember(context: NodeContext): EtcdMember | null {
  const { config, managed, boot, paths, clock, logger } = context;
  if (managed === null) return null;
  const { nodeId } = config;
  return createEtcdMember({
    clock,
    logger,
    binary: managed.binary,
    dataDir: boot.etcd,
    pidFile: join(paths.run, 'etcd.pid'),
    logFile: join(paths.log, 'etcd.log'),
    probe: { address: managed.client, tls: context.etcdTls },
    argv: () => {
      const start = prepareEtcdStart(boot, nodeId, managed.peer);
      if (start.kind === 'wait') throw new ClusterError('operator-needed', start.reason, { nodeId, next: start.next });
      return etcdArgv({ name: nodeId, dataDir: boot.etcd, ...managed, tls: etcdTlsPaths(config), start });
    },
  });
}
