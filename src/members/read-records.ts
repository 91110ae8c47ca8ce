/** The members' list and the live records, read together, and when each record was last seen to change. */
import { parseAs } from '../base/parse-as.ts';
import { keys } from '../base/store-keys.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { NodeInfo } from '../ports/membership.ts';
import type { KeyValue, Store } from '../ports/store.ts';
import { damagedMember, joinNode, type Sighting } from './judge-heartbeat.ts';
import { type MemberRecord, memberRecordSchema, type NodeRecord, nodeRecordSchema } from './records.ts';

export interface View {
  members: Map<string, MemberRecord>;
  records: Map<string, NodeRecord>;
  readAtMs: number;
}

export interface RecordReader {
  read(): Promise<View>;
  /** Every node of a view, its heartbeat judged now. */
  nodesOf(view: View): NodeInfo[];
}

export function createRecordReader(deps: { store: Store; clock: Clock; logger: Logger }): RecordReader {
  const { store, clock, logger } = deps;
  const sightings = new Map<string, Sighting>();
  const complained = new Map<string, string>();

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

  const read = async (): Promise<View> => {
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

  return {
    read,
    nodesOf({ members, records }) {
      const nowMs = clock.nowMs();
      const ids = [...new Set([...members.keys(), ...records.keys()])].sort();
      return ids.map((nodeId) =>
        joinNode(nodeId, members.get(nodeId), records.get(nodeId), sightings.get(nodeId), nowMs),
      );
    },
  };
}
