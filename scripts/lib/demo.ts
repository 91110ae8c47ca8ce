/**
 * The story of `npm run demo`: three nodes, an update to a build that is good, an update to a build that crashes, while a
 * client writes all the time. The lines in between are the CLI's own: what an operator would see.
 */
import { join } from 'node:path';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import { type Build, makeBuild } from '../../test/support/builds.ts';
import { type DevCluster, startDevCluster, stopDevCluster } from '../../test/support/dev-cluster.ts';
import { removeDir, tempDir } from '../../test/support/temp.ts';
import { nowMs, waitFor } from '../../test/support/wait.ts';
import { type ProbeReport, startWriteProbe, type WriteProbe } from '../../test/support/write-probe.ts';
import { heading, keepRecord, say, updateReport } from './demo-report.ts';
import { untilInterrupted } from './interrupts.ts';

/** Runs the demo. Returns the exit code: 0 only when both updates ended as they should and nothing was left behind. */
export async function main(): Promise<number> {
  const beganMs = nowMs();
  const stage = { dir: tempDir('demo'), probe: null as WriteProbe | null };
  let problem: unknown;
  try {
    await untilInterrupted((signal) => play(stage, signal));
  } catch (thrown) {
    problem = thrown;
  }
  const left = await clear(stage);
  problem ??= left;
  const seconds = ((nowMs() - beganMs) / 1000).toFixed(0);
  if (problem === undefined) {
    say(`Both updates ended as they should, and everything that was started is gone. ${seconds} s.`);
    return 0;
  }
  console.error(`\ndemo: failed after ${seconds} s: ${problem instanceof Error ? explain(problem) : String(problem)}`);
  return 1;
}

interface Stage {
  dir: string;
  probe: WriteProbe | null;
}

async function play(stage: Stage, signal: AbortSignal): Promise<void> {
  heading('Three nodes on this machine, each a daemon with its own etcd member');
  const cluster = await startDevCluster({ nodes: 3, heartbeatMs: 1000, dir: join(stage.dir, 'cluster'), signal });
  try {
    await cluster.cli(['status'], { stdio: 'inherit', signal });
    stage.probe = await startWriteProbe(cluster);
    say('A client writes to the store from now on, without a pause.');
    await goodUpdate(cluster, stage.probe, stage.dir, signal);
    await badUpdate(cluster, stage.probe, stage.dir, signal);
    await accountForWrites(stage.probe);
  } catch (failed) {
    if (!signal.aborted) console.error(cluster.logs(15));
    throw failed;
  }
}

async function goodUpdate(cluster: DevCluster, probe: WriteProbe, dir: string, signal: AbortSignal): Promise<void> {
  const build = await makeBuild({ to: join(dir, 'good-build'), note: 'the second build of the demo' });
  heading(`Update to build ${short(build)}, one node at a time`);
  const { code, record, gapMs } = await update(cluster, probe, build, signal);
  demand(code === 0, `exit code 0 of the update, saw ${code}`);
  demand(record.outcome === 'committed', `the outcome 'committed', saw '${record.outcome}'`);
  await everyNodeRuns(cluster, build.version.buildHash);
  say(updateReport(record, gapMs, await keepRecord(record)));
}

async function badUpdate(cluster: DevCluster, probe: WriteProbe, dir: string, signal: AbortSignal): Promise<void> {
  const before = (await cluster.status()).release;
  const build = await makeBuild({ to: join(dir, 'bad-build'), note: 'the bad build', behaviour: 'crash' });
  heading(`Update to build ${short(build)}, which crashes at start`);
  const { code, record, gapMs } = await update(cluster, probe, build, signal);
  demand(code === 4, `exit code 4 (failed, and rolled back), saw ${code}`);
  demand(record.outcome === 'rolled-back', `the outcome 'rolled-back', saw '${record.outcome}'`);
  const wentBack = record.tasks.filter((task) => task.phase === 'rolled-back').map((task) => task.nodeId);
  demand(wentBack.length === 1, `exactly one node that tried it and went back, saw ${wentBack.join(', ') || 'none'}`);
  demand(before !== null, 'a committed release');
  await everyNodeRuns(cluster, before);
  say(updateReport(record, gapMs, await keepRecord(record)));
  say(`${wentBack[0]} went back by itself; every node runs the good build ${before.slice(0, 12)}.`);
}

/** Runs the CLI's own `update` in this terminal, and measures the longest gap between two acknowledged writes meanwhile. */
async function update(
  cluster: DevCluster,
  probe: WriteProbe,
  build: Build,
  signal: AbortSignal,
): Promise<{ code: number | null; record: UpdateRecord; gapMs: number }> {
  probe.resetGap();
  const { code } = await cluster.cli(['update', build.dir, '--yes'], { stdio: 'inherit', signal, timeoutMs: 300_000 });
  const { longestGapMs } = await probe.report();
  return { code, record: await cluster.record(), gapMs: longestGapMs };
}

/** The proof is the cluster's own status: all healthy, nobody on trial, one release. */
async function everyNodeRuns(cluster: DevCluster, buildHash: string): Promise<void> {
  await waitFor(
    `every node to be healthy on ${buildHash.slice(0, 12)}`,
    async () => {
      const { nodes, update } = await cluster.status();
      const settled = nodes.filter(
        (node) => node.healthy && node.trial === null && node.release?.buildHash === buildHash,
      );
      return update === null && settled.length === 3;
    },
    { timeoutMs: 10_000, everyMs: 250 },
  );
}

async function accountForWrites(probe: WriteProbe): Promise<void> {
  const report: ProbeReport = await probe.stop();
  say(`The client had ${report.acknowledged} writes acknowledged; ${report.lost} of them are lost.`);
  demand(report.lost === 0, `no acknowledged write to be lost, saw ${report.lost}`);
}

/** Ends everything that was started. Returns what could not be ended, if anything. */
async function clear(stage: Stage): Promise<unknown> {
  stage.probe?.kill();
  try {
    await stopDevCluster(join(stage.dir, 'cluster'));
    return undefined;
  } catch (left) {
    return left;
  } finally {
    removeDir(stage.dir);
  }
}

function demand(held: boolean, wanted: string): asserts held {
  if (!held) throw new Error(`wanted ${wanted}`);
}

function explain(error: Error): string {
  return error.cause instanceof Error ? `${error.message}\n  ${explain(error.cause)}` : error.message;
}

const short = (build: Build): string => build.version.buildHash.slice(0, 12);
