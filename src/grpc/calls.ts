/** What every handler shares: errors become statuses, streams wait for their readers. */
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
} from '@grpc/grpc-js';
import { ClusterError } from '../errors.ts';
import type { Logger } from '../ports/logger.ts';
import { toStatus } from './errors.ts';
import { type Identity, identityOfAltName } from './identity.ts';

/** The part of a server call that identifies its caller. */
interface Authenticated {
  getAuthContext(): { sslPeerCertificate?: { subjectaltname?: string } };
}

/** Who calls: the interceptor has let nobody through without an identity. Throws ClusterError 'denied'. */
function callerOf(call: Authenticated): Identity {
  const caller = identityOfAltName(call.getAuthContext().sslPeerCertificate?.subjectaltname);
  if (caller === null) throw new ClusterError('denied', 'the caller has no certificate of a cluster');
  return caller;
}

/** Logs what the node itself got wrong; what the caller got wrong is the caller's to read. */
function logFailure(logger: Logger, method: string, error: unknown): void {
  const ours = !(error instanceof ClusterError) || error.code === 'internal';
  const fields = { method, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  if (ours) logger.error(fields, 'call failed');
  else logger.debug({ method, code: error.code, error: error.message }, 'call refused');
}

/** A unary handler from an async function. */
export function unary<Request, Reply>(
  logger: Logger,
  handle: (request: Request, caller: Identity) => Promise<Reply> | Reply,
): handleUnaryCall<Request, Reply> {
  return (call: ServerUnaryCall<Request, Reply>, reply: sendUnaryData<Reply>) => {
    const run = async (): Promise<Reply> => handle(call.request, callerOf(call));
    run().then(
      (value) => reply(null, value),
      (error: unknown) => {
        logFailure(logger, call.getPath(), error);
        reply(toStatus(error));
      },
    );
  };
}

/** The sending half of a streaming call. */
export interface Sender<Message> {
  cancelled: boolean;
  once(event: 'cancelled', listener: () => void): unknown;
  off(event: 'cancelled', listener: () => void): unknown;
  write(message: Message, done: () => void): boolean;
}

/**
 * Sends one message and resolves when the transport has taken it, which is the back-pressure; false: the caller is gone.
 * grpc-js never calls back for a message on a cancelled call, hence the second way out.
 */
export function send<Message>(call: Sender<Message>, message: Message): Promise<boolean> {
  if (call.cancelled) return Promise.resolve(false);
  return new Promise((resolve) => {
    const gone = (): void => resolve(false);
    call.once('cancelled', gone);
    call.write(message, () => {
      call.off('cancelled', gone);
      resolve(!call.cancelled);
    });
  });
}

/** An abort signal that follows the caller: it aborts when the call is cancelled, times out or loses its connection. */
export function callerGone(call: Pick<Sender<unknown>, 'cancelled' | 'once'>): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new ClusterError('unavailable', 'the caller went away'));
  if (call.cancelled) abort();
  else call.once('cancelled', abort);
  return controller.signal;
}

/** Ends a streaming call with an error; on a call that is gone it does nothing. */
export function fail(
  call: { cancelled: boolean; emit(event: 'error', status: unknown): boolean },
  error: unknown,
): void {
  if (!call.cancelled) call.emit('error', toStatus(error));
}

/** A server-streaming handler from an async function that sends by itself. */
export function serverStream<Request, Reply>(
  logger: Logger,
  handle: (call: ServerWritableStream<Request, Reply>, signal: AbortSignal) => Promise<void>,
): handleServerStreamingCall<Request, Reply> {
  return (call) => {
    const signal = callerGone(call);
    handle(call, signal).then(
      () => {
        if (!call.cancelled) call.end();
      },
      (error: unknown) => {
        if (!signal.aborted) logFailure(logger, call.getPath(), error);
        fail(call, error);
      },
    );
  };
}
