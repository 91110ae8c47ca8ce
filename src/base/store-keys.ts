/** Where everything is in the store; docs/architecture.md says what each value is. */
const root = '/claudecluster';

export const keys = {
  root,
  cluster: `${root}/cluster`,
  leader: `${root}/leader`,
  /** Grows with every change of leader; survives the leader key. */
  epoch: `${root}/epoch`,
  /** On the node's lease: gone when the node is. */
  nodes: `${root}/nodes/`,
  node: (nodeId: string): string => `${root}/nodes/${nodeId}`,
  /** Durable: every node that belongs to the cluster, offline or not. */
  members: `${root}/members/`,
  member: (nodeId: string): string => `${root}/members/${nodeId}`,
  update: `${root}/update`,
  /** The voter that an operator took out of service by hand. Below no prefix that builds without it list (ADR 14). */
  byHand: `${root}/by-hand`,
  updates: `${root}/updates/`,
  updateRecord: (id: string): string => `${root}/updates/${id}`,
  events: (id: string): string => `${root}/events/${id}/`,
  event: (id: string, number: number): string => `${root}/events/${id}/${String(number).padStart(8, '0')}`,
  release: `${root}/release`,
  /** Of each node its last fall that was judged: beside the quarantine, for older builds parse all that is below that. */
  fall: (nodeId: string): string => `${root}/falls/${nodeId}`,
  quarantine: `${root}/quarantine/`,
  quarantined: (hash: string): string => `${root}/quarantine/${hash}`,
};
