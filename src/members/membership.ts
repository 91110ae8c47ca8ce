/** Who belongs to the cluster and who is there: the members' list joined with the live records. */
import { parseAs } from '../base/parse-as.ts';
import { withSignals } from '../base/signals.ts';
import { keys } from '../base/store-keys.ts';
import { asClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Membership, NodeInfo } from '../ports/membership.ts';
import type { KeyValue, Store, Watch } from '../ports/store.ts';
import { damagedMember, joinNode, type Sighting } from './judge-heartbeat.ts';
import { type MemberRecord, memberRecordSchema, type NodeRecord, nodeRecordSchema } from './records.ts';

export interface MembershipOptions {
  store: Store;
  clock: Clock;
  logger: Logger;
  /** The view is read again at least this often, ms. */
  heartbeatMs: number;
}

export interface LiveMembership extends Membership {
  /** Begins to follow the records. Without it `getAllNodes` works, but knows freshness only from its own calls. */
  start(): void;
  /** The last view, when the store cannot be read; `ageMs` null: there was none yet. */
  lastView(): { nodes: NodeInfo[]; ageMs: number | null };
  /** Called after the view was read anew. Returns what unsubscribes. */
  onChange(listener: () => void): () => void;
  stop(): Promise<void>;
}

interface View {
  members: Map<string, MemberRecord>;
  records: Map<string, NodeRecord>;
  readAtMs: number;
}

export function createMembership(options: MembershipOptions): LiveMembership {
  const { store, clock, logger, heartbeatMs } = options;
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  const sightings = new Map<string, Sighting>();
  const complained = new Map<string, string>();
  let view: View | null = null;
  let reading: Promise<View> | null = null;
  let running: Promise<void> = Promise.resolve();
  let wake = new AbortController();

  const readAll = <T extends { nodeId: string }>(
    kvs: KeyValue[],
    prefix: string,
    parse: (text: string) => { value: T } | { problem: string },
  ): Map<string, T> => {
    const found = new Map<string, T>();
    for (const kv of kvs) {
      const nodeId = kv.key.slice(prefix.length);
      const parsed = parse(kv.value);
      if ('value' in parsed && parsed.value.nodeId === nodeId) {
        found.set(nodeId, parsed.value);
        complained.delete(kv.key);
        continue;
      }
      const problem = 'problem' in parsed ? parsed.problem : `it names ${parsed.value.nodeId}`;
      // Once per problem: the record is read every heartbeat.
      if (complained.get(kv.key) !== problem) logger.warn({ nodeId, key: kv.key, problem }, 'record cannot be used');
      complained.set(kv.key, problem);
    }
    return found;
  };

  const readOnce = async (): Promise<View> => {
    const [memberKvs, nodeKvs] = await Promise.all([store.list(keys.members), store.list(keys.nodes)]);
    const members = readAll(memberKvs, keys.members, (text) => parseAs(text, memberRecordSchema));
    const records = readAll(nodeKvs, keys.nodes, (text) => parseAs(text, nodeRecordSchema));
    // A member whose own record is damaged still belongs to the cluster: it must not vanish from the quorum's sight.
    for (const kv of memberKvs) {
      const nodeId = kv.key.slice(keys.members.length);
      if (!members.has(nodeId)) members.set(nodeId, damagedMember(nodeId, records.get(nodeId)));
    }
    const atMs = clock.nowMs();
    for (const [nodeId, { incarnation, seq }] of records) {
      const last = sightings.get(nodeId);
      if (last?.incarnation !== incarnation || last.seq !== seq) sightings.set(nodeId, { incarnation, seq, atMs });
    }
    return { members, records, readAtMs: atMs };
  };

  /** Concurrent callers share one reading, but only one that began after they asked. */
  let next: Promise<View> | null = null;
  const refresh = (): Promise<View> => {
    if (!reading) {
      reading = readOnce()
        .then((read) => {
          view = read;
          for (const listener of listeners) listener();
          return read;
        })
        .finally(() => {
          reading = null;
        });
      return reading;
    }
    next ??= reading
      .catch(() => undefined)
      .then(() => {
        next = null;
        return refresh();
      });
    return next;
  };

  const nodesOf = ({ members, records }: View): NodeInfo[] => {
    const nowMs = clock.nowMs();
    const ids = [...new Set([...members.keys(), ...records.keys()])].sort();
    return ids.map((nodeId) =>
      joinNode(nodeId, members.get(nodeId), records.get(nodeId), sightings.get(nodeId), nowMs),
    );
  };

  const follow = async (): Promise<void> => {
    const watches: Watch[] = [];
    const hint = (): void => wake.abort();
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        if (watches.length === 0) watches.push(await store.watch(keys.nodes, hint));
        if (watches.length === 1) watches.push(await store.watch(keys.members, hint));
        await refresh();
      } catch (thrown) {
        logger.debug({ error: asClusterError(thrown).message }, 'membership not read');
      }
      await withSignals([wake.signal, stopping.signal], (signal) => clock.sleep(heartbeatMs, signal));
    }
    await Promise.all(watches.map((watch) => watch.close()));
  };

  return {
    start() {
      running = follow();
    },
    getAllNodes: async () => nodesOf(await refresh()),
    lastView: () => ({
      nodes: view ? nodesOf(view) : [],
      ageMs: view ? clock.nowMs() - view.readAtMs : null,
    }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
