/** Connections to the cluster's nodes by address; what the updater and `exec` call them through. */
import type { ClientReadableStream } from '@grpc/grpc-js';
import { ClusterError } from '../errors.ts';
import { defaultTaskTimeoutMs } from '../host/tasks/request.ts';
import type { AgentClient, ClientPool, NodeHealth, Task, TaskResult } from '../ports/agent.ts';
import { type Channel, createChannel } from './channel.ts';
import type { ChannelSettings } from './dial.ts';
import { readNodeHealth } from './documents.ts';
import { fromStatus } from './errors.ts';
import { loadProto, type Proto, type TaskEventMessage, type TaskStatusMessage } from './proto.ts';
import type { Tls } from './tls.ts';

export interface GrpcClientPoolOptions {
  tls: Tls;
  proto?: Proto;
  channel?: ChannelSettings;
  /** Milliseconds for a call that names no time of its own, and over a task's timeout. Default 10,000. */
  callTimeoutMs?: number;
}

/** Where a task's output goes as it comes; a promise holds the task back until it resolves. */
export interface TaskOutput {
  onStdout: (chunk: Uint8Array) => void | Promise<void>;
  onStderr: (chunk: Uint8Array) => void | Promise<void>;
  signal?: AbortSignal;
}

export interface NodeConnection extends AgentClient {
  /**
   * As executeTask, with the output as it comes and binary-safe: for `exec`.
   * When the signal aborts, the node ends the whole process group.
   */
  executeTaskStream(task: Task, output: TaskOutput): Promise<Omit<TaskResult, 'stdout' | 'stderr'>>;
}

const defaultCallTimeoutMs = 10_000;
/** Of each of stdout and stderr, executeTask keeps this many bytes: the last ones, where errors are. */
const maxCollectedBytes = 4 * 1024 * 1024;

/** Collects bytes and keeps the tail. */
function tailBuffer(maxBytes: number): { add: (chunk: Uint8Array) => void; text: () => string } {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  return {
    add: (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      for (let head = chunks[0]; head !== undefined && bytes - head.length >= maxBytes; head = chunks[0]) {
        bytes -= head.length;
        chunks.shift();
      }
    },
    text: () => Buffer.concat(chunks).subarray(-maxBytes).toString('utf8'),
  };
}

function resultOf(
  status: TaskStatusMessage | undefined,
  program: string,
  address: string,
): Omit<TaskResult, 'stdout' | 'stderr'> {
  if (status === undefined) {
    throw new ClusterError('unavailable', `${address}: the connection ended before the task's end was known`);
  }
  if (status.spawnError !== '') {
    throw new ClusterError('not-found', `${address} cannot start ${program}`, {
      seen: status.spawnError,
      wanted: 'a program in PATH and a working directory that exists',
    });
  }
  const signalled = status.signal !== '';
  return {
    exitCode: signalled ? null : status.exitCode,
    signal: signalled ? status.signal : null,
    timedOut: status.timedOut,
  };
}

async function readEvents(
  call: ClientReadableStream<TaskEventMessage>,
  output: TaskOutput,
): Promise<TaskStatusMessage | undefined> {
  let status: TaskStatusMessage | undefined;
  try {
    for await (const event of call) {
      const { stdout, stderr, status: last } = event as TaskEventMessage;
      if (stdout !== undefined) await output.onStdout(stdout);
      if (stderr !== undefined) await output.onStderr(stderr);
      if (last) status = last;
    }
    return status;
  } finally {
    // Also when the consumer threw: the call, and with it the task, ends with its reader.
    call.cancel();
  }
}

/** ClientPool over gRPC. Connections are made on first use and again after closeConnection. */
export class GrpcClientPool implements ClientPool {
  readonly #options: GrpcClientPoolOptions;
  readonly #proto: Proto;
  readonly #channels = new Map<string, Channel>();

  constructor(options: GrpcClientPoolOptions) {
    this.#options = options;
    this.#proto = options.proto ?? loadProto();
  }

  /** A client for host:port. It outlives closeConnection: its next call dials anew. Throws 'usage' for no address. */
  getConnection(address: string): NodeConnection {
    this.#channel(address);
    return {
      executeTask: (task, options = {}) => this.#executeTask(address, task, options.signal),
      executeTaskStream: (task, output) => this.#executeTaskStream(address, task, output),
      healthCheck: (timeoutMs) => this.#healthCheck(address, timeoutMs),
      drain: async (draining, updateId, epoch) => {
        const limits = { timeoutMs: this.#callTimeoutMs() };
        return this.#channel(address).unary(this.#proto.agent.Drain, { draining, updateId, epoch }, limits);
      },
    };
  }

  /** Fails what is under way to that address with 'unavailable' and drops the connection. */
  closeConnection(address: string): void {
    this.#channels.get(address)?.close();
    this.#channels.delete(address);
  }

  closeAll(): void {
    for (const address of [...this.#channels.keys()]) this.closeConnection(address);
  }

  #channel(address: string): Channel {
    const open = this.#channels.get(address);
    if (open !== undefined) return open;
    const channel = createChannel(address, this.#options.tls, this.#options.channel);
    this.#channels.set(address, channel);
    return channel;
  }

  #callTimeoutMs(): number {
    return this.#options.callTimeoutMs ?? defaultCallTimeoutMs;
  }

  async #healthCheck(address: string, timeoutMs: number): Promise<NodeHealth> {
    const reply = await this.#channel(address).unary(this.#proto.agent.HealthCheck, {}, { timeoutMs });
    return readNodeHealth(reply.json, address);
  }

  async #executeTask(address: string, task: Task, signal: AbortSignal | undefined): Promise<TaskResult> {
    const stdout = tailBuffer(maxCollectedBytes);
    const stderr = tailBuffer(maxCollectedBytes);
    const output: TaskOutput = { onStdout: stdout.add, onStderr: stderr.add, ...(signal ? { signal } : {}) };
    const result = await this.#executeTaskStream(address, task, output);
    return { ...result, stdout: stdout.text(), stderr: stderr.text() };
  }

  async #executeTaskStream(
    address: string,
    task: Task,
    output: TaskOutput,
  ): Promise<Omit<TaskResult, 'stdout' | 'stderr'>> {
    const { argv, cwd = '', env = {}, timeoutMs, stdin = new Uint8Array() } = task;
    const limits = { timeoutMs: (timeoutMs || defaultTaskTimeoutMs) + this.#callTimeoutMs(), signal: output.signal };
    const request = { argv, cwd, env, timeoutMs, stdin };
    const call = await this.#channel(address).serverStream(this.#proto.agent.ExecuteTask, request, limits);
    let status: TaskStatusMessage | undefined;
    try {
      status = await readEvents(call, output);
    } catch (error) {
      throw fromStatus(error, address);
    }
    return resultOf(status, argv[0] ?? '', address);
  }
}
