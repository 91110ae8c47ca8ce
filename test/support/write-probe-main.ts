/**
 * The write probe's own process (see write-probe.ts): it writes until it is told to stop, and then reads everything back.
 *
 * One write after the other: number 1, 2, 3, … each under a key of its own. A write that fails is sent at once to the next
 * endpoint, one that is not answered within `hedgeMs` as well, under the same number and until it is acknowledged: a Raft
 * leader that moves drops what followers forwarded to it, and nobody says so. The gap is the time from one
 * acknowledgement to the next, by this process's monotonic clock, whatever lay in between.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import { nowMs } from './wait.ts';
import type { ProbeOptions, ProbeReport, ProbeToParent } from './write-probe.ts';

type Call<Request, Reply> = (
  request: Request,
  options: grpc.CallOptions,
  done: (error: grpc.ServiceError | null, reply?: Reply) => void,
) => void;

interface KvClient extends grpc.Client {
  Put: Call<{ key: Buffer; value: Buffer }, object>;
  Range: Call<
    { key: Buffer; range_end: Buffer; limit: number; keys_only: boolean },
    { kvs: { key: Buffer }[]; more: boolean }
  >;
}

/** Between two looks at the connections, ms. */
const keepWarmMs = 100;

const keyOf = (prefix: string, number: number): string => `${prefix}${String(number).padStart(10, '0')}`;

function connect(options: ProbeOptions): KvClient[] {
  const definition = protoLoader.loadSync(fileURLToPath(new URL('./etcd-kv.proto', import.meta.url)), {
    keepCase: true,
  });
  const loaded = grpc.loadPackageDefinition(definition) as unknown as {
    etcdserverpb: { KV: new (address: string, credentials: grpc.ChannelCredentials, options: object) => KvClient };
  };
  const { ca, key, cert } = options.tls;
  const credentials = grpc.credentials.createSsl(readFileSync(ca), readFileSync(key), readFileSync(cert));
  // A member that restarts is dialled again soon; the library's default waits for seconds.
  const channel = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 500 };
  return options.endpoints.map((address) => new loaded.etcdserverpb.KV(address, credentials, channel));
}

function ask<Request, Reply>(
  client: KvClient,
  call: Call<Request, Reply>,
  request: Request,
  timeoutMs: number,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    call.call(client, request, { deadline: Date.now() + timeoutMs }, (error, reply) => {
      if (error !== null || reply === undefined) reject(error ?? new Error('no answer'));
      else resolve(reply);
    });
  });
}

interface Writing {
  report: ProbeReport;
  lastAckMs: number;
}

/**
 * Sends one number until it is acknowledged by somebody, or the probe is told to stop. A try that fails goes to the next
 * endpoint at once; one that is merely not answered is joined by a second one there, for the same key and value.
 */
function write(
  number: number,
  clients: KvClient[],
  options: ProbeOptions,
  state: Writing,
  stopped: () => boolean,
): Promise<void> {
  const request = { key: Buffer.from(keyOf(options.prefix, number)), value: Buffer.from(String(number)) };
  const { report } = state;
  let [next, open, failures, done] = [report.endpoint, 0, 0, false];
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout;
    const finish = (): void => {
      done = true;
      clearTimeout(timer);
      resolve();
    };
    const tryNext = (): void => {
      clearTimeout(timer);
      if (done) return;
      if (stopped()) {
        finish();
        return;
      }
      timer = setTimeout(tryNext, options.hedgeMs);
      if (open >= 2 * clients.length) return;
      const at = next % clients.length;
      next += 1;
      const client = clients[at];
      if (client === undefined) {
        reject(new Error('no endpoint'));
        return;
      }
      open += 1;
      ask(client, client.Put, request, options.tryTimeoutMs).then(
        () => {
          if (done) return;
          report.endpoint = at;
          acknowledged(number, options, state);
          finish();
        },
        (error: unknown) => {
          open -= 1;
          if (done) return;
          const { code = -1, details = String(error) } = error as Partial<grpc.ServiceError>;
          report.errors.push({ atMs: nowMs(), number, endpoint: options.endpoints[at] ?? '', code, details });
          failures += 1;
          // Once around without success: a loop without a pause would take the CPU from those who could answer.
          if (failures % clients.length !== 0) tryNext();
          else setTimeout(tryNext, 2);
        },
      );
    };
    tryNext();
  });
}

function acknowledged(number: number, options: ProbeOptions, state: Writing): void {
  const now = nowMs();
  const { report } = state;
  report.acknowledged = number;
  if (number > 1) {
    const gap = { ms: now - state.lastAckMs, atMs: now, number };
    if (gap.ms >= options.noteGapsMs) report.gaps.push(gap);
    if (gap.ms > report.longestGapMs) report.longestGapMs = gap.ms;
  }
  state.lastAckMs = now;
}

/** How many of the acknowledged numbers are not in the store. Every number up to `acknowledged` was acknowledged. */
async function countLost(clients: KvClient[], options: ProbeOptions, acknowledged: number): Promise<number> {
  const found = new Set<string>();
  const end = Buffer.from(keyOf(options.prefix, acknowledged + 1));
  let from = Buffer.from(keyOf(options.prefix, 0));
  for (let more = true, failures = 0; more; ) {
    const client = clients[failures % clients.length];
    if (client === undefined) throw new Error('no endpoint');
    try {
      const page = await ask(client, client.Range, { key: from, range_end: end, limit: 5000, keys_only: true }, 5000);
      for (const { key } of page.kvs) found.add(key.toString());
      const last = page.kvs.at(-1);
      more = page.more && last !== undefined;
      if (last !== undefined) from = Buffer.concat([last.key, Buffer.from([0])]);
    } catch (error) {
      failures += 1;
      if (failures > 60) throw error;
      await sleep(250);
    }
  }
  return acknowledged - found.size;
}

/** It stands for a client on another host: what runs on this one should not keep it from a processor. As root only. */
function goFirst(): void {
  spawnSync('chrt', ['--all-tasks', '--rr', '--pid', '10', String(process.pid)], { stdio: 'ignore' });
}

async function main(options: ProbeOptions): Promise<void> {
  const say = (message: ProbeToParent): void => void process.send?.(message);
  const clients = connect(options);
  let stopping = false;
  process.on('message', (message) => {
    if (message === 'stop') stopping = true;
    if (message === 'report') say({ kind: 'report', report: state.report });
    if (message === 'reset-gap') state.report.longestGapMs = 0;
  });
  process.on('disconnect', () => process.exit(0)); // whoever started the probe is gone

  const report: ProbeReport = {
    acknowledged: 0,
    longestGapMs: 0,
    gaps: [],
    errors: [],
    endpoint: 0,
    lost: 0,
    elapsedMs: 0,
  };
  const state: Writing = { report, lastAckMs: 0 };
  // As etcd's own client does: a connection to every endpoint is kept, so that changing over costs no handshake.
  const warm = setInterval(() => {
    for (const client of clients) client.getChannel().getConnectivityState(true);
  }, keepWarmMs);
  goFirst();
  const beganMs = nowMs();
  for (let number = 1; !stopping; number += 1) {
    await write(number, clients, options, state, () => stopping);
    if (number === 1) say({ kind: 'writing' });
    await sleep(options.everyMs);
  }
  clearInterval(warm);
  report.elapsedMs = nowMs() - beganMs;
  report.lost = await countLost(clients, options, report.acknowledged);
  for (const client of clients) client.close();
  // After a long outage the report is long: whoever disconnects before it is out takes it along.
  const ended: ProbeToParent = { kind: 'ended', report };
  process.send?.(ended, undefined, undefined, () => process.disconnect());
}

await main(JSON.parse(process.argv[2] ?? '{}') as ProbeOptions);
