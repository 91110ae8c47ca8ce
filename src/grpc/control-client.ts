/** The Control port from the other end of the wire: for CLI and MCP, and for nodes that pass a request on. */

import type { MethodDefinition } from '@grpc/grpc-js';
import { linkSignals } from '../base/signals.ts';
import type { Control, StartRequest } from '../cluster/control/control-api.ts';
import type { UpdateEvent } from '../cluster/update/event.ts';
import type { UpdateRecord } from '../cluster/update/record.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import {
  readClusterStatus,
  readReleaseRows,
  readUpdateEvent,
  readUpdatePlan,
  readUpdateRecord,
  readUpdateSummaries,
} from './documents.ts';
import { fromStatus } from './errors.ts';
import {
  type DocumentMessage,
  loadProto,
  type Proto,
  type UpdateEventMessage,
  type UpdateRequestMessage,
} from './proto.ts';
import { createTurn, type Turn, type TurnOptions, worthAnother } from './turn.ts';

export interface ControlClientOptions extends TurnOptions {
  proto?: Proto;
  /** Milliseconds for a question. Default 10,000. */
  callTimeoutMs?: number;
  /** Milliseconds for preflight, which hashes a whole release. Default 120,000. */
  planTimeoutMs?: number;
}

export interface ControlClient extends Control {
  /** As Control.watch; `onOpen` tells that the node has taken the watch, before any event came. */
  watch(updateId: string, after: number, signal: AbortSignal, onOpen?: () => void): AsyncIterable<UpdateEvent>;
  close(): void;
}

/** A watch lasts as long as an update; a node that hangs is noticed by keepalive. */
const watchTimeoutMs = 24 * 3_600_000;

function updateRequest(request: StartRequest): UpdateRequestMessage {
  return {
    buildHash: request.buildHash ?? '',
    planHash: request.planHash ?? '',
    optionsJson: request.options === undefined ? '' : JSON.stringify(request.options),
    by: request.by,
  };
}

/** Control over the wire. Throws ClusterError 'usage' for addresses that are none, 'config' for bad TLS. */
export function createControlClient(options: ControlClientOptions): ControlClient {
  const proto = options.proto ?? loadProto();
  const turn = createTurn(options);
  const callTimeoutMs = options.callTimeoutMs ?? 10_000;
  const planTimeoutMs = options.planTimeoutMs ?? 120_000;

  const ask = <Request, T>(
    method: MethodDefinition<Request, DocumentMessage>,
    request: Request,
    read: (json: string, address: string) => T,
    timeoutMs: number = callTimeoutMs,
  ): Promise<T> => turn.ask({ method, request, read, timeoutMs });

  /**
   * Asks once only: an answer that was lost does not mean that the update did not begin. A question without effect finds
   * the node first.
   */
  const start = async (request: StartRequest): Promise<UpdateRecord> => {
    await ask(proto.cluster.GetStatus, {}, readClusterStatus);
    const question = { request: updateRequest(request), read: readUpdateRecord, timeoutMs: planTimeoutMs };
    try {
      return await turn.askOne(turn.first(), { method: proto.cluster.StartUpdate, ...question });
    } catch (thrown) {
      const error = asClusterError(thrown);
      if (error.code !== 'unavailable') throw error;
      const next = 'see with `claudecluster status` whether the update began, before it is started again';
      throw new ClusterError('unavailable', error.message, { ...error.detail, next }, error);
    }
  };

  const nothing = (): void => {};
  return {
    status: () => ask(proto.cluster.GetStatus, {}, readClusterStatus),
    plan: (request) => ask(proto.cluster.PlanUpdate, updateRequest(request), readUpdatePlan, planTimeoutMs),
    start,
    watch: (updateId, after, signal, onOpen) => watchUpdate(turn, proto, updateId, after, signal, onOpen),
    listUpdates: (limit) => ask(proto.cluster.ListUpdates, { limit }, readUpdateSummaries),
    getUpdate: (updateId) => ask(proto.cluster.GetUpdate, { updateId }, readUpdateRecord),
    controlUpdate: (updateId, action, by, why) =>
      ask(proto.cluster.ControlUpdate, { updateId, action, by, why }, readUpdateRecord),
    listReleases: () => ask(proto.cluster.ListReleases, { limit: 0 }, readReleaseRows),
    setQuarantine: (buildHash, quarantined, by, why) =>
      ask(proto.cluster.SetQuarantine, { buildHash, quarantined, by, why }, nothing),
    approveNode: (nodeId) => ask(proto.cluster.ApproveNode, { nodeId }, nothing),
    close: turn.close,
  };
}

async function* watchUpdate(
  turn: Turn,
  proto: Proto,
  updateId: string,
  after: number,
  signal: AbortSignal,
  onOpen?: () => void,
): AsyncGenerator<UpdateEvent> {
  const channel = turn.first();
  if (signal.aborted) return;
  const request = { updateId, afterEvent: after };
  const ended = new AbortController();
  const linked = linkSignals([signal, ended.signal]);
  try {
    const limits = { timeoutMs: watchTimeoutMs, signal: linked.signal };
    const call = await channel.serverStream(proto.cluster.WatchUpdate, request, limits);
    call.once('metadata', () => onOpen?.());
    for await (const message of call) {
      yield readUpdateEvent((message as UpdateEventMessage).json, channel.address);
    }
  } catch (thrown) {
    if (signal.aborted) return;
    const error = fromStatus(thrown, channel.address);
    if (worthAnother(error)) turn.failed(channel);
    throw error;
  } finally {
    ended.abort(); // a reader that stops early must not leave the node sending
    linked.unlink();
  }
}
