/**
 * The room of one release of before: a cluster that its own CLI made and started, three voters and a worker, and what
 * holds for every case in it: a client writes throughout and loses nothing, and afterwards all is well. A case says which
 * build the cluster is to run when it begins; what the one before it left is used where it is that.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClusterStatus } from '../../../src/cluster/control/status.ts';
import { createHands, type Hands } from '../../faults/support/hands.ts';
import { expectTruth, expectWholeReleases, untilWell } from '../../faults/support/truth.ts';
import { startWalk, type Walk } from '../../faults/support/walk.ts';
import { type Build, type BuildOptions, makeBuild, readVersion } from '../../support/builds.ts';
import { dist } from '../../support/cli.ts';
import { type DevCluster, startDevCluster } from '../../support/dev-cluster.ts';
import { removeDir, tempDir } from '../../support/temp.ts';
import { startWriteProbe, type WriteProbe } from '../../support/write-probe.ts';
import { type Agent, startAgent } from './agent.ts';
import { buildDir, type Release } from './build.ts';

/** Whose CLI or MCP server: that of the release of before, or this clone's. */
export type Whose = 'old' | 'new';

export interface VersionCase extends Hands {
  /** The cluster, asked with the CLI of either. */
  cluster: Record<Whose, DevCluster>;
  /** Who leads when the case begins, and the two voters that do not. */
  leader: string;
  follower: string;
  other: string;
  worker: string;
  old: Build;
  /** Another build of this clone each time: the same program under a hash of its own. */
  build(options?: Pick<BuildOptions, 'behaviour'>): Promise<Build>;
  /** Begins an update with the CLI of either. */
  update(whose: Whose, build: Build, flags?: string[]): Promise<Walk>;
  agent(whose: Whose): Promise<Agent>;
  base(nodeId: string): string;
  /** What each node runs now. */
  runs(): Promise<Record<string, string>>;
}

export type VersionTest = (title: string, begins: Whose | 'any', body: (c: VersionCase) => Promise<void>) => void;

export function versionRoom(release: Release): VersionTest {
  let cluster: DevCluster | null = null;
  let scratch = '';
  let builds = 0;
  const old = buildDir(release);
  const oldBundle = join(old, 'index.js');
  const start = (): Promise<DevCluster> => startDevCluster({ workers: 1, bundle: oldBundle });

  beforeAll(async () => {
    scratch = tempDir('versions');
    cluster = await start();
  });
  afterAll(async () => {
    await cluster?.stop();
    if (scratch !== '') removeDir(scratch);
  });

  const build: VersionCase['build'] = (options = {}) => {
    builds += 1;
    return makeBuild({ to: `${scratch}/build-${builds}`, note: randomBytes(8).toString('hex'), ...options });
  };

  return (title, begins, body) =>
    void it(title, async () => {
      cluster ??= await start();
      const held = cluster;
      cluster = null; // Only a case that ends well hands it on.
      const running = createRun(held, { old, oldBundle, build });
      try {
        await running.begin(begins);
        await running.around(body);
        cluster = held;
      } catch (failed) {
        const error = failed as Error;
        error.message += `\n${held.logs(25)}`;
        running.hands.mend();
        await held.stop().catch((left: Error) => {
          error.message += `\n${left.message}`;
        });
        throw error;
      } finally {
        await running.close();
      }
    });
}

interface Run {
  hands: Hands;
  begin(begins: Whose | 'any'): Promise<void>;
  around(body: (c: VersionCase) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

interface Rooms {
  old: string;
  oldBundle: string;
  build: VersionCase['build'];
}

function createRun(held: DevCluster, { old, oldBundle, build }: Rooms): Run {
  const cluster = { old: held.through(oldBundle), new: held.through(undefined) };
  const bundles = { old: oldBundle, new: join(dist, 'index.js') };
  const oldBuild: Build = { dir: old, version: readVersion(old) };
  const hands = createHands(held.nodes);
  const agents: Agent[] = [];
  const walks: Walk[] = [];
  let probe: WriteProbe | null = null;

  const update: VersionCase['update'] = async (whose, to, flags = []) => {
    const walk = startWalk(cluster.new, to.dir, to.version.buildHash, flags, bundles[whose]);
    walks.push(walk);
    return walk;
  };

  return {
    hands,
    /** Brings the cluster to the build that the case begins with, where it is not there. */
    async begin(begins) {
      const status = await untilWell(cluster.new);
      const isOld = (hash: string): boolean => hash === oldBuild.version.buildHash;
      const there = Object.values(runsOf(status)).every((hash) => isOld(hash) === (begins === 'old'));
      if (begins === 'any' || there) return;
      const walk = await update('new', begins === 'old' ? oldBuild : await build());
      await walk.ends('committed');
      await untilWell(cluster.new);
      walks.length = 0;
    },

    async around(body) {
      const before = await untilWell(cluster.new);
      const ran = runsOf(before);
      const leader = before.cluster.leader ?? '';
      const voters = before.nodes.filter(({ role }) => role === 'voter').map(({ nodeId }) => nodeId);
      const [follower = '', other = ''] = voters.filter((nodeId) => nodeId !== leader);
      probe = await startWriteProbe(held, { prefix: `/probe/${randomBytes(4).toString('hex')}/` });
      await body({
        ...hands,
        cluster,
        leader,
        follower,
        other,
        worker: before.nodes.find(({ role }) => role === 'worker')?.nodeId ?? '',
        old: oldBuild,
        build,
        update,
        agent: async (whose) => {
          const agent = await startAgent(bundles[whose], held.config);
          agents.push(agent);
          return agent;
        },
        base: (nodeId) => held.nodes.find((node) => node.nodeId === nodeId)?.base ?? '',
        runs: async () => runsOf(await cluster.new.status()),
      });
      hands.mend();
      const status = await untilWell(cluster.new);
      await expectWholeReleases(held, status);
      // With one update, its record must be what the nodes run; with several, the last one's.
      const record = walks.length === 1 ? await cluster.new.record() : null;
      if (record !== null && record.kind === 'update') expectTruth(record, status, ran);
      const report = await probe.stop();
      expect(report.lost, `${report.lost} of ${report.acknowledged} acknowledged writes are lost`).toBe(0);
      expect(report.acknowledged).toBeGreaterThan(50);
    },

    async close() {
      probe?.kill();
      await Promise.all(agents.map((agent) => agent.close().catch(() => undefined)));
    },
  };
}

function runsOf(status: ClusterStatus): Record<string, string> {
  return Object.fromEntries(status.nodes.map((node) => [node.nodeId, node.release?.buildHash ?? '']));
}
