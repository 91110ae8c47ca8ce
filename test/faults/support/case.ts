/**
 * A case is a runbook: what is broken, at which moment of an update, and how that ends. Around it stands what holds for
 * all of them: a client writes throughout and loses nothing that was acknowledged, and the cluster is well afterwards.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { UpdateRecord } from '../../../src/cluster/update/record.ts';
import { type Build, type BuildOptions, makeBuild } from '../../support/builds.ts';
import { type DevCluster, startDevCluster } from '../../support/dev-cluster.ts';
import { removeDir, tempDir } from '../../support/temp.ts';
import { nowMs } from '../../support/wait.ts';
import { startWriteProbe, type WriteProbe } from '../../support/write-probe.ts';
import { createHands, type Hands } from './hands.ts';
import { isRoot } from './network.ts';
import { noteRow } from './table.ts';
import { expectTruth, expectWholeReleases, untilWell } from './truth.ts';
import { startWalk, type Walk } from './walk.ts';

export interface Case extends Hands {
  cluster: DevCluster;
  /** Who leads when the case begins; two nodes that do not. The walk takes nodes in the order of their names, the leader last. */
  leader: string;
  follower: string;
  other: string;
  /** Of this file: gone afterwards. */
  scratch: string;
  probe: WriteProbe;
  build(options?: Pick<BuildOptions, 'behaviour'>): Promise<Build>;
  /** Begins an update to a new build, or to the one given. */
  update(options?: { build?: Build; only?: string[]; flags?: string[] }): Promise<Walk>;
  base(nodeId: string): string;
  /** The fault lasts for so long. */
  pause(ms: number): Promise<void>;
  /** What the table says beside the outcome. */
  note(text: string): void;
}

export interface Room {
  /** The cluster of this file; started anew after a case that left it unwell. */
  start?: () => Promise<DevCluster>;
  /** Section of the table. */
  section: string;
  /** Its cases take root, and are left out for anybody else. */
  root?: boolean;
}

export type FaultTest = (title: string, promises: string, body: (c: Case) => Promise<void>) => void;

/**
 * Sets up a file's cluster and returns what declares its cases. A `variant` is close to another case, which stands for
 * it where time is short (`FAULTS_SHORT=1`, as in CI).
 */
export function faultRoom(room: Room): { fault: FaultTest; rootFault: FaultTest; variant: FaultTest } {
  const start = room.start ?? (() => startDevCluster());
  let cluster: DevCluster | null = null;
  let scratch = '';
  let builds = 0;
  beforeAll(async () => {
    if (room.root === true && !isRoot) return;
    scratch = tempDir('faults');
    cluster = await start();
  });
  afterAll(async () => {
    await cluster?.stop();
    if (scratch !== '') removeDir(scratch);
  });

  const build: Case['build'] = (options = {}) => {
    builds += 1;
    const note = `build ${builds} ${randomBytes(8).toString('hex')}`;
    return makeBuild({ to: `${scratch}/build-${builds}`, note, ...options });
  };

  const run = async (title: string, promises: string, body: (c: Case) => Promise<void>): Promise<void> => {
    cluster ??= await start();
    const held = cluster;
    cluster = null; // Only a case that ends well hands it on.
    const hands = createHands(held.nodes);
    const probes: WriteProbe[] = [];
    try {
      await runOn(held, hands, probes, { title, promises, body, section: room.section, scratch, build });
      cluster = held;
    } catch (failed) {
      const error = failed as Error;
      error.message += `\n${held.logs(25)}`;
      hands.mend();
      for (const probe of probes) probe.kill();
      await held.stop().catch((left: Error) => {
        error.message += `\n${left.message}`;
      });
      throw error;
    } finally {
      for (const probe of probes) probe.kill();
    }
  };

  const fault: FaultTest = (title, promises, body) => void it(title, () => run(title, promises, body));
  const rootFault: FaultTest = isRoot
    ? fault
    : (title) => void it(title, (context) => context.skip('it takes root: namespaces and mounts'));
  const own = room.root === true ? rootFault : fault;
  const variant: FaultTest =
    process.env.FAULTS_SHORT === '1'
      ? (title) => void it(title, (context) => context.skip('a variant of another case: left out by FAULTS_SHORT'))
      : own;
  return { fault: own, rootFault, variant };
}

interface Running extends Pick<Case, 'scratch' | 'build'> {
  title: string;
  promises: string;
  section: string;
  body: (c: Case) => Promise<void>;
}

async function runOn(cluster: DevCluster, hands: Hands, probes: WriteProbe[], running: Running): Promise<void> {
  const before = await untilWell(cluster);
  const ran = Object.fromEntries(before.nodes.map((node) => [node.nodeId, node.release?.buildHash ?? '']));
  const leader = before.cluster.leader ?? '';
  const [follower = '', other = ''] = before.nodes.map(({ nodeId }) => nodeId).filter((nodeId) => nodeId !== leader);
  const [probe, ready] = await Promise.all([
    startWriteProbe(cluster, { prefix: `/probe/${randomBytes(4).toString('hex')}/` }),
    running.build(),
  ]);
  probes.push(probe);
  const walks: Walk[] = [];
  const notes: string[] = [];
  const c: Case = {
    ...hands,
    cluster,
    leader,
    follower,
    other,
    scratch: running.scratch,
    probe,
    build: running.build,
    update: async ({ build, only = [], flags = [] } = {}) => {
      const made = build ?? (walks.length === 0 ? ready : await running.build());
      const named = only.length === 0 ? [] : ['--only', ...only];
      const walk = startWalk(cluster, made.dir, made.version.buildHash, [...named, ...flags]);
      walks.push(walk);
      return walk;
    },
    base: (nodeId) => cluster.nodes.find((node) => node.nodeId === nodeId)?.base ?? '',
    pause: (ms) => sleep(ms),
    note: (text) => void notes.push(text),
  };
  await running.body(c);

  hands.mend();
  const status = await untilWell(cluster);
  const wellMs = nowMs();
  await expectWholeReleases(cluster, status);
  const record = walks.some((walk) => walk.events().length > 0) ? await cluster.record() : null;
  if (record !== null) expectTruth(record, status, ran);
  const report = await probe.stop();
  expect(report.lost, `${report.lost} of ${report.acknowledged} acknowledged writes are lost`).toBe(0);
  expect(report.acknowledged).toBeGreaterThan(50);
  noteRow(running.section, {
    fault: running.title,
    happened: [...notes, ...(record === null ? [] : [summary(record)])].join('; '),
    healthyMs: wellMs - (hands.firstFaultMs() ?? wellMs),
    gapMs: report.longestGapMs,
    writes: report.acknowledged,
    promises: running.promises,
  });
}

/** How the update ended, in a few words. */
function summary(record: UpdateRecord): string {
  const moves =
    record.leaderMoves === 0 ? '' : `, leader changed ${record.leaderMoves} time${record.leaderMoves === 1 ? '' : 's'}`;
  const why = record.failure === null ? '' : ` (${record.failure.kind})`;
  return `${record.outcome}${why}${moves}`;
}
