/** The calling end of AgentService.Transfer: two byte streams for rsync's remote shell (`claudecluster rsh`). */
import { Readable, Writable } from 'node:stream';
import { type ClientDuplexStream, type StatusObject, status as statusCodes } from '@grpc/grpc-js';
import { ClusterError } from '../errors.ts';
import { createChannel } from './channel.ts';
import type { ChannelSettings } from './dial.ts';
import { fromStatus } from './errors.ts';
import { loadProto, type Proto, type TransferChunkMessage, type TransferEndMessage } from './proto.ts';
import type { Tls } from './tls.ts';

export interface TransferRequest {
  /** 'pull': the node sends the release; 'push': it receives, verifies and keeps it. */
  direction: 'pull' | 'push';
  /** buildHash. */
  hash: string;
  /** The capability letters that our rsync announced after `-e.`. */
  capabilities: string;
  signal?: AbortSignal;
  /** Milliseconds for the whole transfer. Default one hour. */
  timeoutMs?: number;
  channel?: ChannelSettings;
  proto?: Proto;
}

export interface TransferPipe {
  /** What goes to the node's rsync. Its `end` is the end of the node's input. */
  input: Writable;
  /** What comes from the node's rsync. Read it, or the transfer stands still. */
  output: Readable;
  /**
   * How the node's side ended. Rejects with ClusterError: 'transfer-failed' when the channel broke or the signal
   * aborted, and what the node refused with otherwise.
   */
  end: Promise<TransferEndMessage>;
}

const defaultTimeoutMs = 3_600_000;
const maxChunkBytes = 256 * 1024;

type Call = ClientDuplexStream<TransferChunkMessage, TransferChunkMessage>;

/** Writes one message; resolves when the transport has taken it, or the call has ended. */
function write(call: Call, message: TransferChunkMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new ClusterError('transfer-failed', 'the transfer ended'));
    call.once('status', ended);
    call.write(message, (error?: Error | null) => {
      call.off('status', ended);
      if (error) reject(error);
      else resolve();
    });
  });
}

function inputOf(call: Call): Writable {
  const input = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const all = async (): Promise<void> => {
        for (let at = 0; at < chunk.length; at += maxChunkBytes) {
          await write(call, { data: chunk.subarray(at, at + maxChunkBytes) });
        }
      };
      all().then(() => done(), done);
    },
    final(done) {
      call.end();
      done();
    },
    destroy(error, done) {
      if (error !== null) call.cancel();
      done(error);
    },
  });
  // The end promise tells why; a pipe into a call that is over is not an uncaught exception.
  input.on('error', () => {});
  return input;
}

/** A broken channel says nothing against the build, so it has a code of its own. */
function transferError(error: unknown, address: string): ClusterError {
  const known = fromStatus(error, address);
  if (known.code !== 'unavailable') return known;
  return new ClusterError('transfer-failed', known.message, known.detail, error);
}

/**
 * Opens a pipe to the node's rsync. The connection is its own and is closed with the transfer.
 * Throws ClusterError 'transfer-failed' when the node cannot be reached; refusals of the node reject `end`.
 */
export async function openTransferPipe(address: string, tls: Tls, request: TransferRequest): Promise<TransferPipe> {
  const proto = request.proto ?? loadProto();
  const channel = createChannel(address, tls, request.channel);
  const limits = { timeoutMs: request.timeoutMs ?? defaultTimeoutMs, signal: request.signal };
  let call: Call;
  try {
    call = await channel.duplex(proto.agent.Transfer, limits);
  } catch (error) {
    channel.close();
    throw transferError(error, address);
  }
  const { direction, hash, capabilities } = request;
  const open = {
    direction: direction === 'pull' ? ('PULL' as const) : ('PUSH' as const),
    buildHash: hash,
    rsyncCapabilities: capabilities,
  };
  call.write({ open });
  const input = inputOf(call);
  return pipeOf(call, input, address, () => channel.close());
}

/** Data goes to `output` as its reader takes it; the last message and the call's status decide `end`. */
function pipeOf(call: Call, input: Writable, address: string, close: () => void): TransferPipe {
  let last: TransferEndMessage | undefined;
  async function* data(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of call) {
        const message = chunk as TransferChunkMessage;
        if (message.end) last = message.end;
        else if (message.data !== undefined && message.data.length > 0) yield message.data;
      }
    } catch (error) {
      throw transferError(error, address);
    }
  }
  const output = Readable.from(data(), { objectMode: false, highWaterMark: maxChunkBytes });
  output.on('error', () => {}); // `end` tells why
  output.once('close', () => call.cancel()); // a reader that stops early; after the end it does nothing
  const end = new Promise<TransferEndMessage>((resolve, reject) => {
    // The status comes when every message has been taken.
    call.once('status', (status: StatusObject) => {
      input.destroy();
      close();
      if (status.code !== statusCodes.OK) reject(transferError(status, address));
      else if (last !== undefined) resolve(last);
      else reject(new ClusterError('transfer-failed', `${address}: the transfer ended without a result`));
    });
  });
  end.catch(() => {}); // it may be awaited late
  return { input, output, end };
}
