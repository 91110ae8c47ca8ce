/** What breaks a node of a local cluster: signals to its processes, found by what they are, and the way back. */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { DevNode as LaidOutNode } from '../../../src/cli/dev/layout.ts';
import { startSupervisor } from '../../../src/cli/dev/processes.ts';
import type { DevNode } from '../../support/dev-cluster.ts';
import { daemonOf, etcdOf, processesUsing } from '../../support/processes.ts';
import { nowMs } from '../../support/wait.ts';

export interface Hands {
  /** kill -9 of daemon and etcd together; the service manager starts them again. */
  kill(nodeId: string): void;
  /** kill -9 of the etcd member alone. */
  killEtcd(nodeId: string): void;
  /** SIGSTOP of daemon and etcd together: a host that hangs. */
  freeze(nodeId: string): void;
  thaw(nodeId: string): void;
  /** kill -9 of everything of the node, its service manager too: a host without power. */
  powerOff(...nodeIds: string[]): void;
  /** Its service manager starts again, as at boot. */
  powerOn(...nodeIds: string[]): void;
  /** Whoever is still frozen or off comes back. */
  mend(): void;
  /** When the first fault of this case was made, nowMs(); null: none yet. */
  firstFaultMs(): number | null;
  /** A fault that is made elsewhere (network, disk) is counted from here. */
  noteFault(): void;
}

export function createHands(nodes: DevNode[]): Hands {
  const frozen = new Map<string, number>();
  const off = new Set<string>();
  let firstMs: number | null = null;
  const noteFault = (): void => {
    firstMs ??= nowMs();
  };
  const nodeOf = (nodeId: string): DevNode => {
    const node = nodes.find((one) => one.nodeId === nodeId);
    if (node === undefined) throw new Error(`the cluster has no node ${nodeId}`);
    return node;
  };
  const groupOf = (nodeId: string): number => {
    const daemon = daemonOf(nodeOf(nodeId).base);
    if (daemon === undefined) throw new Error(`no daemon of ${nodeId} runs: there is nothing to break`);
    return daemon.pid; // The daemon leads its group, and its etcd is in it.
  };
  const hands: Hands = {
    kill(nodeId) {
      const group = groupOf(nodeId);
      noteFault();
      signal(-group, 'SIGKILL');
    },
    killEtcd(nodeId) {
      const etcd = etcdOf(nodeOf(nodeId).base);
      if (etcd === undefined) throw new Error(`no etcd of ${nodeId} runs`);
      noteFault();
      signal(etcd.pid, 'SIGKILL');
    },
    freeze(nodeId) {
      const group = groupOf(nodeId);
      noteFault();
      frozen.set(nodeId, group);
      signal(-group, 'SIGSTOP');
    },
    thaw(nodeId) {
      const group = frozen.get(nodeId);
      frozen.delete(nodeId);
      if (group !== undefined) signal(-group, 'SIGCONT');
    },
    powerOff(...nodeIds) {
      noteFault();
      for (const nodeId of nodeIds) off.add(nodeId);
      // Service managers first, so that none of them starts anything anew; rounds, for what was being started meanwhile.
      for (let round = 0; round < 20; round += 1) {
        const left = nodeIds.flatMap((nodeId) => processesOf(nodeOf(nodeId).base));
        if (left.length === 0) return;
        const managers = left.filter(({ argv }) => argv.includes('supervise'));
        for (const { pid } of managers.length > 0 ? managers : left) signal(pid, 'SIGKILL');
      }
      throw new Error(`processes of ${nodeIds.join(', ')} cannot be killed`);
    },
    powerOn(...nodeIds) {
      for (const nodeId of nodeIds) {
        off.delete(nodeId);
        const node: LaidOutNode = { ...nodeOf(nodeId), role: 'voter', etcd: null };
        startSupervisor(node, process.execPath, process.env);
      }
    },
    mend() {
      for (const nodeId of [...frozen.keys()]) hands.thaw(nodeId);
      hands.powerOn(...off);
    },
    firstFaultMs: () => firstMs,
    noteFault,
  };
  return hands;
}

/** The node's own processes and the tasks that it runs; not the probe, which borrows a certificate of the first node. */
function processesOf(base: string): ReturnType<typeof processesUsing> {
  return processesUsing(base).filter(({ argv }) => !argv.some((word) => word.endsWith('write-probe-main.ts')));
}

/** kill -9 of every rsync that receives into `dir`; how many there were. */
export function killRsync(dir: string): number {
  const real = realpathSync(dir);
  const found = processesUsing(dir).filter(
    ({ argv }) => basename(argv[0] ?? '') === 'rsync' && argv.some((word) => word.startsWith(real)),
  );
  for (const { pid } of found) signal(pid, 'SIGKILL');
  return found.length;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself meanwhile.
  }
}
