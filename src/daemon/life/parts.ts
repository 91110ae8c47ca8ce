/** What the life of a node is made of; compose/node.ts puts it together. */
import type { Journal } from '../../cluster/journal/journal.ts';
import type { LeadershipHandle } from '../../cluster/leadership/leadership.ts';
import type { RaftView } from '../../cluster/raft.ts';
import type { RollingUpdater } from '../../cluster/updater.ts';
import type { GrpcServer } from '../../grpc/server.ts';
import type { Hooks } from '../../host/hooks.ts';
import type { TaskRegistry } from '../../host/tasks/registry.ts';
import type { BootstrapPaths } from '../../members/bootstrap-files.ts';
import type { Heartbeat } from '../../members/heartbeat.ts';
import type { LiveMembership } from '../../members/membership.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ReleaseRef, VersionInfo } from '../../ports/releases.ts';
import type { Store } from '../../ports/store.ts';
import type { NodeConfig } from '../config.ts';
import type { EtcdMember } from '../etcd/member.ts';
import type { LookWatch } from '../look-watch.ts';
import type { SelfFacts } from '../self-health.ts';

/** What the parts of a node tell each other about where it is in its life. */
export interface NodeState {
  /** Why the node does not take part yet; '' when it does. */
  notReady: string;
  stopping: boolean;
  /** Hex id of its Raft member, once known. */
  memberId: string | null;
}

export interface NodeParts {
  config: NodeConfig;
  version: VersionInfo;
  release: ReleaseRef;
  incarnation: string;
  state: NodeState;
  boot: BootstrapPaths;
  clock: Clock;
  logger: Logger;
  store: Store;
  /** null: the node runs no member. */
  member: EtcdMember | null;
  heartbeat: Heartbeat;
  membership: LiveMembership;
  leadership: LeadershipHandle;
  raft: RaftView;
  journal: Journal;
  updater: RollingUpdater;
  tasks: TaskRegistry;
  hooks: Hooks;
  look: LookWatch;
  /** As long as this node leads, has damaged releases staged again, wherever they are. */
  mend(signal: AbortSignal): Promise<void>;
  /** Aborts when the node begins to stop. */
  ending: AbortController;
  facts(): SelfFacts;
  isHealthy(): boolean;
  /** Throws ClusterError 'operator-needed' as long as the host has no etcd that the member can run. */
  etcdUsable(): Promise<void>;
  ownMemberId(): Promise<string | null>;
  listen(): Promise<GrpcServer>;
  /** What the node puts right about itself while it takes part, until the signal aborts. Never rejects. */
  upkeep(signal: AbortSignal): Promise<void>;
  /** Connections to others, last of all. */
  disconnect(): Promise<void>;
}

export interface NodeLife {
  /** Returns when asked to stop. */
  run(signal: AbortSignal): Promise<void>;
  /** Drain, move the Raft leader away if it is here, resign, stop etcd cleanly. */
  shutDown(): Promise<void>;
}
