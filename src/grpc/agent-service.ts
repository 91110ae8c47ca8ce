/** AgentService: what a node does for the cluster. Every effect is handed in; here is only the wire. */
import { PassThrough, type Readable, Writable } from 'node:stream';
import type { ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { errorLine } from '../base/error-line.ts';
import { asClusterError, ClusterError } from '../errors.ts';
import type { TaskRegistry } from '../host/tasks/registry.ts';
import type { TaskStatus } from '../host/tasks/run.ts';
import type { NodeHealth } from '../ports/agent.ts';
import type { Logger } from '../ports/logger.ts';
import { callerGone, fail, send, serverStream, unary } from './calls.ts';
import type {
  DrainReplyMessage,
  DrainRequestMessage,
  HealthCheckReplyMessage,
  HealthCheckRequestMessage,
  TaskEventInput,
  TaskRequestMessage,
  TaskStatusMessage,
  TransferChunkMessage,
  TransferEndMessage,
} from './proto.ts';
import { checkHash, checkSafeInteger, checkText, checkUpdateId } from './request-checks.ts';

/** The serving end of a transfer, as serveRelease of src/release/transfer.ts has it. */
type ServeRsync = (options: {
  direction: 'pull' | 'push';
  base: string;
  hash: string;
  capabilities: string;
  input: Readable;
  output: Writable;
  signal: AbortSignal;
}) => Promise<{ exitCode: number; stderr: string }>;

export interface AgentDeps {
  /** The node's base directory. */
  base: string;
  tasks: TaskRegistry;
  health: () => Promise<NodeHealth> | NodeHealth;
  /** Begins or ends the drain; throws 'stale-epoch' for a former leader (P6). */
  drain: (request: DrainRequestMessage) => Promise<DrainReplyMessage> | DrainReplyMessage;
  serveRsync: ServeRsync;
  /** After a push: verifies the tree that arrived and installs it (P7). */
  finishPush: (hash: string) => Promise<void>;
  logger: Logger;
}

/** One message on the wire, at most: below every receiver's limit. */
const maxChunkBytes = 256 * 1024;

function wireStatus(status: TaskStatus): TaskStatusMessage {
  return {
    exitCode: status.exitCode ?? 0,
    signal: status.signal ?? '',
    timedOut: status.timedOut,
    spawnError: status.spawnError,
  };
}

function executeTask(deps: AgentDeps): unknown {
  return serverStream<TaskRequestMessage, TaskEventInput>(deps.logger, async (call, signal) => {
    const { argv, cwd, env, timeoutMs, stdin } = call.request;
    checkText('argv', argv.join(' '), 1 << 20);
    const deliver = async (event: TaskEventInput): Promise<void> => {
      if (!(await send(call, event))) throw new ClusterError('unavailable', 'the caller went away');
    };
    const status = await deps.tasks.run(
      { argv, cwd, env, timeoutMs, stdin },
      { onStdout: (stdout) => deliver({ stdout }), onStderr: (stderr) => deliver({ stderr }), signal },
    );
    await send(call, { status: wireStatus(status) });
  });
}

function healthCheck(deps: AgentDeps): unknown {
  return unary<HealthCheckRequestMessage, HealthCheckReplyMessage>(deps.logger, async () => {
    const health = await deps.health();
    return {
      healthy: health.healthy,
      reasons: health.reasons,
      incarnation: health.incarnation,
      buildHash: health.release.buildHash,
      appliedIndex: health.appliedIndex ?? 0,
      json: JSON.stringify(health),
    };
  });
}

function drain(deps: AgentDeps): unknown {
  return unary<DrainRequestMessage, DrainReplyMessage>(deps.logger, (request) => {
    checkUpdateId(request.updateId);
    checkSafeInteger('epoch', request.epoch);
    return deps.drain(request);
  });
}

type TransferCall = ServerDuplexStream<TransferChunkMessage, TransferChunkMessage>;

/** The caller's bytes as a stream, and its first message, which says what is wanted. */
function receive(call: TransferCall): { input: PassThrough; opened: Promise<TransferChunkMessage> } {
  const input = new PassThrough();
  const opened = new Promise<TransferChunkMessage>((resolve, reject) => {
    let first = true;
    call.on('data', (message: TransferChunkMessage) => {
      if (first) {
        first = false;
        resolve(message);
      } else if (message.data === undefined) {
        input.destroy(new ClusterError('usage', 'after its first message a transfer holds data only'));
      } else if (!input.destroyed && !input.write(message.data)) {
        call.pause();
      }
    });
    input.on('drain', () => call.resume());
    call.on('end', () => {
      input.end();
      reject(new ClusterError('usage', 'a transfer begins with `open`'));
    });
    call.once('cancelled', () => {
      input.destroy();
      reject(new ClusterError('unavailable', 'the caller went away'));
    });
  });
  return { input, opened };
}

function sendingStream(call: TransferCall): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const all = async (): Promise<void> => {
        for (let at = 0; at < chunk.length; at += maxChunkBytes) {
          const sent = await send(call, { data: chunk.subarray(at, at + maxChunkBytes) });
          if (!sent) throw new ClusterError('unavailable', 'the caller went away');
        }
      };
      all().then(() => done(), done);
    },
  });
}

function checkOpen(message: TransferChunkMessage): { direction: 'pull' | 'push'; hash: string; capabilities: string } {
  const { open } = message;
  if (!open) throw new ClusterError('usage', 'a transfer begins with `open`');
  if (open.direction !== 'PULL' && open.direction !== 'PUSH') {
    throw new ClusterError('usage', 'not a direction', { seen: String(open.direction), wanted: 'PULL or PUSH' });
  }
  checkHash(open.buildHash);
  // The one part of the caller's argv that is taken: a few letters, or the serving rsync gets none of it.
  if (!/^[A-Za-z]{0,32}$/.test(open.rsyncCapabilities)) {
    throw new ClusterError('usage', 'not rsync capabilities', {
      seen: JSON.stringify(open.rsyncCapabilities.slice(0, 100)),
      wanted: 'at most 32 letters',
    });
  }
  return {
    direction: open.direction === 'PULL' ? 'pull' : 'push',
    hash: open.buildHash,
    capabilities: open.rsyncCapabilities,
  };
}

async function serveTransfer(deps: AgentDeps, call: TransferCall): Promise<void> {
  const signal = callerGone(call);
  const { input, opened } = receive(call);
  const output = sendingStream(call);
  // Whoever uses the two streams sees their errors; without a listener they would end the process.
  input.on('error', () => {});
  output.on('error', () => {});
  const wanted = checkOpen(await opened);
  let end: TransferEndMessage = await deps.serveRsync({ ...wanted, base: deps.base, input, output, signal });
  if (signal.aborted) return;
  if (wanted.direction === 'push' && end.exitCode === 0) {
    try {
      await deps.finishPush(wanted.hash);
    } catch (error) {
      end = { exitCode: 1, stderr: errorLine(asClusterError(error)) };
    }
  }
  await send(call, { end });
  call.end();
}

function transfer(deps: AgentDeps): (call: TransferCall) => void {
  return (call) => {
    serveTransfer(deps, call).catch((error: unknown) => {
      deps.logger.warn({ error: String(error) }, 'transfer failed');
      fail(call, error);
    });
  };
}

/** Handlers of AgentService, for createGrpcServer. */
export function createAgentService(deps: AgentDeps): UntypedServiceImplementation {
  return {
    ExecuteTask: executeTask(deps),
    HealthCheck: healthCheck(deps),
    Drain: drain(deps),
    Transfer: transfer(deps),
  } as UntypedServiceImplementation;
}
