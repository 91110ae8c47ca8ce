/** The Control port from the other end of the wire: for CLI and MCP, and for nodes that pass a request on. */

import type { MethodDefinition } from '@grpc/grpc-js';
import { linkSignals } from '../base/signals.ts';
import type { Control, StartRequest } from '../cluster/control-api.ts';
import type { UpdateEvent, UpdateRecord } from '../cluster/update/types.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { type Channel, type ChannelSettings, createChannel } from './channel.ts';
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
import type { Tls } from './tls.ts';

export interface ControlClientOptions {
  /** host:port of nodes; the first that answers is kept. */
  addresses: readonly string[];
  tls: Tls;
  logger?: Logger;
  proto?: Proto;
  channel?: ChannelSettings;
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

/** The addresses in turn, beginning with the one that worked last. */
function createTurn(options: ControlClientOptions): {
  order: () => Channel[];
  worked: (channel: Channel) => void;
  failed: (channel: Channel) => void;
  close: () => void;
} {
  const channels = [...new Set(options.addresses)].map((one) => createChannel(one, options.tls, options.channel));
  if (channels.length === 0) throw new ClusterError('usage', 'no address of a node to ask');
  let first = 0;
  const indexOf = (channel: Channel): number => channels.indexOf(channel);
  return {
    order: () => [...channels.slice(first), ...channels.slice(0, first)],
    worked: (channel) => {
      first = indexOf(channel);
    },
    failed: (channel) => {
      if (indexOf(channel) === first) first = (first + 1) % channels.length;
    },
    close: () => {
      for (const channel of channels) channel.close();
    },
  };
}

function updateRequest(request: StartRequest): UpdateRequestMessage {
  return {
    buildHash: request.buildHash ?? '',
    planHash: request.planHash ?? '',
    optionsJson: request.options === undefined ? '' : JSON.stringify(request.options),
    by: request.by,
  };
}

/** Nobody answered: one error that names every address and what it said. */
function nobody(errors: { address: string; error: ClusterError }[]): ClusterError {
  const [only] = errors;
  if (errors.length === 1 && only !== undefined) return only.error;
  return new ClusterError('unavailable', 'no node of the cluster answers', {
    seen: errors
      .map(({ address, error }) => (error.message.includes(address) ? error.message : `${address}: ${error.message}`))
      .join('; '),
    wanted: 'one node that answers',
    next: 'see whether the daemons run, and whether the addresses in the configuration are theirs',
  });
}

/** Is another node worth asking? What asking twice would change is never asked this way: see `start`. */
function worthAnother(error: ClusterError): boolean {
  return error.code === 'unavailable';
}

/** Control over the wire. Throws ClusterError 'usage' for addresses that are none, 'config' for bad TLS. */
export function createControlClient(options: ControlClientOptions): ControlClient {
  const proto = options.proto ?? loadProto();
  const turn = createTurn(options);
  const callTimeoutMs = options.callTimeoutMs ?? 10_000;
  const planTimeoutMs = options.planTimeoutMs ?? 120_000;

  const askOne = async <Request, T>(
    channel: Channel,
    method: MethodDefinition<Request, DocumentMessage>,
    request: Request,
    read: (json: string, address: string) => T,
    timeoutMs: number,
  ): Promise<T> => {
    try {
      const reply = await channel.unary(method, request, { timeoutMs });
      turn.worked(channel);
      return read(reply.json, channel.address);
    } catch (thrown) {
      throw fromStatus(thrown, channel.address);
    }
  };

  const ask = async <Request, T>(
    method: MethodDefinition<Request, DocumentMessage>,
    request: Request,
    read: (json: string, address: string) => T,
    timeoutMs: number = callTimeoutMs,
  ): Promise<T> => {
    const errors: { address: string; error: ClusterError }[] = [];
    for (const channel of turn.order()) {
      try {
        return await askOne(channel, method, request, read, timeoutMs);
      } catch (thrown) {
        const error = asClusterError(thrown);
        if (!worthAnother(error)) throw error;
        options.logger?.debug({ address: channel.address, error: error.message }, 'asking another node');
        errors.push({ address: channel.address, error });
      }
    }
    throw nobody(errors);
  };

  async function* watch(
    updateId: string,
    after: number,
    signal: AbortSignal,
    onOpen?: () => void,
  ): AsyncGenerator<UpdateEvent> {
    const [channel] = turn.order();
    if (channel === undefined || signal.aborted) return;
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

  /**
   * Asks once only: an answer that was lost does not mean that the update did not begin. A question without effect finds
   * the node first.
   */
  const start = async (request: StartRequest): Promise<UpdateRecord> => {
    await ask(proto.cluster.GetStatus, {}, readClusterStatus);
    const [channel] = turn.order();
    if (channel === undefined) throw nobody([]);
    try {
      return await askOne(channel, proto.cluster.StartUpdate, updateRequest(request), readUpdateRecord, planTimeoutMs);
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
    watch,
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
