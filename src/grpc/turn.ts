/** Questions to whichever node answers: the addresses in turn, beginning with the one that worked last. */
import type { MethodDefinition } from '@grpc/grpc-js';
import { asClusterError, ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { type Channel, createChannel } from './channel.ts';
import type { ChannelSettings } from './dial.ts';
import { fromStatus } from './errors.ts';
import type { DocumentMessage } from './proto.ts';
import type { Tls } from './tls.ts';

export interface TurnOptions {
  /** host:port of nodes; the first that answers is kept. */
  addresses: readonly string[];
  tls: Tls;
  logger?: Logger;
  channel?: ChannelSettings;
}

/** A question with what makes a value of its answer. */
export interface Question<Request, T> {
  method: MethodDefinition<Request, DocumentMessage>;
  request: Request;
  /** @param address of the node that answered */
  read: (json: string, address: string) => T;
  /** Milliseconds for one node's answer. */
  timeoutMs: number;
}

export interface Turn {
  /** The node that is asked first. */
  first: () => Channel;
  /** This node did not answer: another one is asked first from now on. */
  failed: (channel: Channel) => void;
  /** Asks this node only. */
  askOne: <Request, T>(channel: Channel, question: Question<Request, T>) => Promise<T>;
  /** Asks one node after the other until one answers: not for what would change something twice. */
  ask: <Request, T>(question: Question<Request, T>) => Promise<T>;
  close: () => void;
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

/** Is another node worth asking? */
export function worthAnother(error: ClusterError): boolean {
  return error.code === 'unavailable';
}

/** Opens nothing yet. Throws ClusterError 'usage' for addresses that are none. */
export function createTurn(options: TurnOptions): Turn {
  const channels = [...new Set(options.addresses)].map((one) => createChannel(one, options.tls, options.channel));
  if (channels.length === 0) throw new ClusterError('usage', 'no address of a node to ask');
  let at = 0;
  const order = (): Channel[] => [...channels.slice(at), ...channels.slice(0, at)];

  const askOne: Turn['askOne'] = async (channel, { method, request, read, timeoutMs }) => {
    try {
      const reply = await channel.unary(method, request, { timeoutMs });
      at = channels.indexOf(channel);
      return read(reply.json, channel.address);
    } catch (thrown) {
      throw fromStatus(thrown, channel.address);
    }
  };

  const ask: Turn['ask'] = async (question) => {
    const errors: { address: string; error: ClusterError }[] = [];
    for (const channel of order()) {
      try {
        return await askOne(channel, question);
      } catch (thrown) {
        const error = asClusterError(thrown);
        if (!worthAnother(error)) throw error;
        options.logger?.debug({ address: channel.address, error: error.message }, 'asking another node');
        errors.push({ address: channel.address, error });
      }
    }
    throw nobody(errors);
  };

  return {
    first: () => channels[at] as Channel,
    failed: (channel) => {
      if (channels.indexOf(channel) === at) at = (at + 1) % channels.length;
    },
    askOne,
    ask,
    close: () => {
      for (const channel of channels) channel.close();
    },
  };
}
