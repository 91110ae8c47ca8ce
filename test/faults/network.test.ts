/** The network between nodes that run: nobody is dead, and somebody is not heard (P1, P3, P6). */
import { type DevNode, startDevCluster } from '../support/dev-cluster.ts';
import { type Case, faultRoom } from './support/case.ts';
import { createNetwork, inNetwork, isRoot, type Network, type Port } from './support/network.ts';
import { startProxied } from './support/proxy.ts';

let network: Network | null = null;

const { fault, rootFault, variant } = faultRoom({
  section: 'The network',
  start: async () => {
    if (!isRoot) {
      const proxied = await startProxied();
      network = proxied.network;
      return inNetwork(proxied.cluster, network);
    }
    const own = createNetwork();
    network = own;
    const cluster = await startDevCluster().catch((failed: unknown) => {
      own.close();
      throw failed;
    });
    return inNetwork(cluster, own);
  },
});

const nodeOf = (c: Case, nodeId: string): DevNode => {
  const node = c.cluster.nodes.find((one) => one.nodeId === nodeId);
  if (node === undefined) throw new Error(`no node ${nodeId}`);
  return node;
};

function cut(c: Case, nodeId: string, ...ports: Port[]): void {
  c.noteFault();
  network?.cut(nodeOf(c, nodeId), ...ports);
}

variant('gRPC port of the node on trial cut for 5 s', 'P4', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  cut(c, c.follower, 'grpc');
  await c.pause(5_000);
  network?.mend();
  await walk.ends('committed');
});

variant('gRPC port of a follower cut from its switch on, for longer than its trial', 'P3', async (c) => {
  const flags = ['--health-timeout', '8s', '--stabilize-timeout', '6s', '--trial', '24s', '--rollback-timeout', '60s'];
  const walk = await c.update({ only: [c.follower], flags });
  await walk.reaches('activate');
  await c.pause(800);
  cut(c, c.follower, 'grpc');
  await c.pause(27_000);
  network?.mend();
  // Nobody could ask it to go back, and nobody could commit it: its own guard decided.
  await walk.ends('rolled-back');
});

fault('gRPC port of the leader cut during a trial', 'P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  cut(c, c.leader, 'grpc');
  await c.pause(6_000);
  network?.mend();
  await walk.ends('committed');
});

rootFault("the leader's etcd does not answer its clients during a trial", 'P5 P6', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  cut(c, c.leader, 'etcd-client');
  await walk.nextLeader();
  network?.mend();
  await walk.ends('committed');
});

rootFault('etcd peer port of the node on trial cut for 5 s, one way', 'P4', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  cut(c, c.follower, 'etcd-peer');
  await c.pause(5_000);
  network?.mend();
  await walk.ends('committed');
});

rootFault('all etcd peer ports cut for 8 s during a trial: no quorum at all', 'P1 P3 P5', async (c) => {
  const walk = await c.update({ only: [c.follower] });
  await walk.reaches('trial');
  for (const { nodeId } of c.cluster.nodes) cut(c, nodeId, 'etcd-peer');
  await c.pause(8_000);
  network?.mend();
  await walk.ends('committed');
});
