import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashTreeSync } from '../src/release/tree-hash.js';
import { askGuard } from '../src/trial/guard-process.ts';
import { bundle, fakeNode } from '../test/cluster/fake-node.ts';
import { nowMs } from '../test/support/wait.ts';
import type { Benchmark, Place } from './harness.ts';

/** About as much as a release of this program. */
const releaseBytes = 10_000_000;

/** What every start of the service waits for before the release itself is started: the guard, and Node's own start with it. */
export const guard: Benchmark = {
  name: 'guard',
  title: 'the guard on a node on trial: from exec to its answer, and what it costs to go back',
  runs: 20,
  figures: {
    start: { what: 'guard on a node on trial: from exec to its answer', unit: 'ms', target: { atMost: 100 } },
    back: { what: 'guard that goes back to a release of 10 MB: processor time', unit: 'ms', target: { atMost: 100 } },
  },
  async open(place) {
    const guardFile = bundle('../../src/trial/guard-main.ts', place.dir);
    const node = fakeNode(guardFile);
    place.defer(() => node.remove());
    node.putOnTrial();
    const goBack = wayBack(place, guardFile);
    return async () => {
      const beganMs = nowMs();
      const answer = await askGuard(guardFile, node.base, 'check', 5_000);
      const tookMs = nowMs() - beganMs;
      if (typeof answer === 'string') throw new Error(`the guard did not answer: ${answer}`);
      return { start: tookMs, back: goBack() };
    };
  },
};

/** A trial that is over, each time anew; the known-good release is hashed before dist leads to it. Returns processor ms. */
function wayBack(place: Pick<Place, 'dir'>, guardFile: string): () => number {
  const meter = join(place.dir, 'meter.cjs');
  writeFileSync(
    meter,
    "process.on('exit', () => { const { user, system } = process.cpuUsage(); console.error((user + system) / 1000); });",
  );
  const [good, bad] = ['good', 'bad'].map((name) => makeRelease(join(place.dir, name))) as [string, string];
  let round = 0;
  return () => {
    round += 1;
    const base = join(place.dir, `back-${round}`);
    for (const name of ['releases', 'run', 'data', 'log']) mkdirSync(join(base, name), { recursive: true });
    for (const [hash, from] of [
      [good, 'good'],
      [bad, 'bad'],
    ] as const) {
      symlinkSync(join(place.dir, from), join(base, 'releases', hash));
    }
    symlinkSync(`releases/${bad}`, join(base, 'dist'));
    symlinkSync(`releases/${good}`, join(base, 'dist.bak'));
    // One that cannot be read ends at once, whatever the time.
    writeFileSync(join(base, 'trial.json'), '{');
    const args = ['--require', meter, guardFile, 'check', '--base', base];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const { release, damaged, action } = JSON.parse(stdout) as Record<string, unknown>;
    if (action !== 'rolled-back' || release !== good || damaged !== null) throw new Error(`no way back: ${stdout}`);
    return Number(stderr);
  };
}

function makeRelease(dir: string): string {
  mkdirSync(dir);
  for (const [name, bytes] of [
    ['index.js', releaseBytes],
    ['guard.js', 50_000],
  ] as const) {
    writeFileSync(join(dir, name), randomBytes(bytes));
    chmodSync(join(dir, name), 0o644);
  }
  const { hash } = hashTreeSync(dir);
  writeFileSync(join(dir, 'version.json'), JSON.stringify({ buildHash: hash }));
  return hash;
}
