/**
 * Faults of ours, in a few seeds and beside nothing else: a line of the code that throws whenever the leader looks, and a
 * record that cannot be read. The first must end the update; the second is for an operator, who is told so at once and
 * does what docs/operating.md says. Neither may be taken for silence and retried for ever.
 */
import { keys } from '../src/base/store-keys.ts';
import { runningUpdate } from './world/operator.ts';
import { ownError } from './world/own-error.ts';
import { nobody } from './world/scheduler.ts';
import { spoilText } from './world/texts.ts';
import type { Daemon, World } from './world/types.ts';

/** Long enough for every leader to see the fault as often as it takes, ms. */
const lastsMs = 15_000;

/** True: this seed has one, and no other fault. */
export function planOwnFault(world: World): boolean {
  const random = world.random.fork('own fault');
  if (!random.chance(0.02)) return false;
  const { sched } = world;
  world.faultsEndMs = 33_000;
  const throws = random.chance(0.5);
  sched.after(nobody, random.int(2_800, 14_000), () => (throws ? throwAtEachLook(world) : spoilRecord(world)));
  sched.after(nobody, world.faultsEndMs, () => world.trace.line('all faults are over'));
  return true;
}

function throwAtEachLook(world: World): void {
  world.trace.line('fault: every look at the Raft group throws');
  world.ownFault = 'look';
  world.sched.after(nobody, lastsMs, () => {
    const running = runningUpdate(world);
    if (running !== null) world.violate('P8', `${running.id} still runs after ${lastsMs} ms of a fault of ours`);
    world.trace.line('fault over: looks at the Raft group work again');
    world.ownFault = 'over';
  });
}

/** As soon as there is one to spoil. */
function spoilRecord(world: World): void {
  const { sched, store } = world;
  const kv = store.get(keys.update);
  if (kv === null) {
    if (sched.now() < world.faultsEndMs) sched.after(nobody, 200, () => spoilRecord(world));
    return;
  }
  world.trace.line('fault: the record of the update cannot be read');
  world.ownFault = 'record';
  store.put(keys.update, spoilText(kv.value));
  sched.after(nobody, 3_000, () => askWhy(world));
}

/** An operator asks, is to hear that it takes a hand, and lends one when no node is in the middle of anything. */
function askWhy(world: World): void {
  const { sched } = world;
  const daemon = world.hosts.find((host) => host.daemon?.leadership?.isLeader() === true)?.daemon;
  if (daemon?.control == null) return void sched.after(nobody, 500, () => askWhy(world));
  const { control, proc } = daemon;
  sched.after(proc, 1, () => {
    control.getUpdate('').then(
      (record) => world.violate('P8', `${record.id} is shown although its record cannot be read`),
      (thrown: unknown) => {
        const { code, message } = ownError(thrown);
        if (code !== 'operator-needed') world.violate('P8', `an unreadable record is told as ${code}: ${message}`);
      },
    );
  });
  sched.after(nobody, 500, () => removeRecord(world));
}

function removeRecord(world: World): void {
  const { sched, store } = world;
  const calm = world.hosts.every(({ daemon, disk }) => {
    const onTrial = ['/trial.json', '/trial.ending.json'].some((name) => disk.find(name) !== null);
    return daemon !== null && !onTrial && isWell(world, daemon);
  });
  if (!calm) return void sched.after(nobody, 500, () => removeRecord(world));
  const record = runningUpdate(world);
  if (record !== null) world.lostUpdates.push({ record, atMs: sched.now() });
  world.trace.line(`operator: removes the record of ${record?.id}`);
  store.remove(keys.update);
}

const isWell = (world: World, daemon: Daemon): boolean => daemon.side.reasonsOf(world, daemon).length === 0;
