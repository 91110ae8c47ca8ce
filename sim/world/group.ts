/** The truth about the Raft group: members, its leader, how far each is. No protocol is simulated, only its outcome. */

import type { Network } from './network.ts';
import type { Random } from './random.ts';
import { nobody, type Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

export interface Member {
  id: string;
  up: boolean;
  frozenUntil: number;
  upSinceMs: number;
  downSinceMs: number;
  /** Entries behind when it came up, or went down; it catches up from there, or falls further behind (`stuck`). */
  lagAtUp: number;
  stuck: boolean;
}

export interface Group {
  members: Member[];
  leader: string | null;
  term: number;
  quorum: number;
  member(id: string): Member | undefined;
  /** The member takes part now: up, not frozen, in contact with the leader both ways. */
  serves(id: string): boolean;
  lag(id: string): number;
  index(): number;
  start(id: string): void;
  stop(id: string): void;
  freeze(id: string, untilMs: number): void;
  /** To a member that serves; false otherwise. */
  transfer(to: string): boolean;
  /** Something changed: does the leader still lead? */
  check(): void;
  onLeader: (() => void) | null;
}

export interface GroupOptions {
  /** Entries that clients write per second, and that a member behind catches up per second. */
  writesPerS: number;
  catchUpPerS: number;
}

export function createGroup(
  ids: string[],
  options: GroupOptions,
  deps: { sched: Scheduler; random: Random; net: Network; trace: Trace },
): Group {
  const { sched, random, net, trace } = deps;
  const quorum = Math.floor(ids.length / 2) + 1;
  const byId = new Map<string, Member>();
  let electing = false;
  const alive = (one: Member): boolean => one.up && one.frozenUntil <= sched.now();
  const hasMajority = (one: Member): boolean =>
    group.members.filter((other) => alive(other) && net.both(one.id, other.id)).length >= quorum;

  const elect = (): void => {
    electing = false;
    if (group.leader !== null) return;
    const able = group.members.filter((one) => alive(one) && hasMajority(one));
    if (able.length === 0) return;
    const least = Math.min(...able.map((one) => group.lag(one.id)));
    lead(random.pick(able.filter((one) => group.lag(one.id) === least)));
  };
  const lead = (one: Member): void => {
    const former = group.leader === null ? undefined : group.member(group.leader);
    // What stands still fell behind nobody as long as it led.
    if (former !== undefined) Object.assign(former, { lagAtUp: 0, upSinceMs: sched.now() });
    group.leader = one.id;
    group.term += 1;
    one.lagAtUp = 0;
    one.upSinceMs = sched.now();
    trace.line(`raft: ${one.id} leads, term ${group.term}`);
    group.onLeader?.();
  };

  const group: Group = {
    members: ids.map((id) => ({
      id,
      up: false,
      frozenUntil: 0,
      upSinceMs: 0,
      downSinceMs: 0,
      lagAtUp: 0,
      stuck: false,
    })),
    leader: null,
    term: 1,
    quorum,
    onLeader: null,
    member: (id) => byId.get(id),
    serves(id) {
      const one = group.member(id);
      return one !== undefined && alive(one) && group.leader !== null && net.both(id, group.leader);
    },
    index: () => 10_000 + Math.floor((sched.now() * options.writesPerS) / 1_000),
    lag(id) {
      const one = group.member(id);
      if (one === undefined || id === group.leader) return 0;
      if (!one.up) return one.lagAtUp + Math.floor(((sched.now() - one.downSinceMs) * options.writesPerS) / 1_000);
      const sinceMs = sched.now() - one.upSinceMs;
      if (one.stuck)
        return one.lagAtUp + Math.min(20_000, Math.floor((sinceMs * Math.max(2_000, options.writesPerS)) / 1_000));
      return Math.max(0, one.lagAtUp - Math.floor((sinceMs * options.catchUpPerS) / 1_000));
    },
    start(id) {
      const one = group.member(id);
      if (one === undefined || one.up) return;
      const lag = group.lag(id);
      Object.assign(one, { up: true, upSinceMs: sched.now(), lagAtUp: lag, frozenUntil: 0 });
      group.check();
    },
    stop(id) {
      const one = group.member(id);
      if (one === undefined || !one.up) return;
      Object.assign(one, { lagAtUp: group.lag(id), up: false, downSinceMs: sched.now(), stuck: false });
      group.check();
    },
    freeze(id, untilMs) {
      const one = group.member(id);
      if (one === undefined) return;
      one.frozenUntil = untilMs;
      group.check();
      sched.after(nobody, untilMs - sched.now(), () => group.check());
    },
    transfer(to) {
      const one = group.member(to);
      if (one === undefined || !group.serves(to)) return false;
      if (group.leader !== to) lead(one);
      return true;
    },
    check() {
      const leader = group.leader === null ? null : group.member(group.leader);
      if (leader && (!alive(leader) || !hasMajority(leader))) {
        trace.line(`raft: ${leader.id} no longer leads`);
        leader.upSinceMs = sched.now();
        group.leader = null;
      }
      if (group.leader === null && !electing) {
        electing = true;
        sched.after(nobody, random.int(150, 1_200), elect);
      }
    },
  };
  for (const one of group.members) byId.set(one.id, one);
  return group;
}
