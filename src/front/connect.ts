/** A session over the wire: control, watch, push and exec with the certificate that the configuration names. */

import { type ClientConfig, loadClientConfig } from '../daemon/config.ts';
import { GrpcClientPool } from '../grpc/client-pool.ts';
import { createControlClient } from '../grpc/control-client.ts';
import { loadProto } from '../grpc/proto.ts';
import { loadTls } from '../grpc/tls.ts';
import { watchResilient } from '../grpc/watch-resilient.ts';
import type { Clock } from '../ports/clock.ts';
import type { Transfer } from '../ports/transfer.ts';
import { pushRelease } from '../release/transfer.ts';
import { rshCommand } from './rsh-command.ts';
import type { Session } from './session.ts';

/** A whole release over a slow line. */
const pushTimeoutMs = 3_600_000;

/** What a session needs of the host that it runs on. */
export interface SessionDeps {
  /** What starts this program once more, as the first words of an argv. */
  program: string[];
  clock: Clock;
  /** What moves a release. */
  transfer: Transfer;
  /** Hears of keys of the configuration that this build does not know. */
  warn: (text: string) => void;
}

/** Opens nothing yet: the first question dials. Throws ClusterError 'config' for a file that cannot be used. */
export async function connectSession(file: string, deps: SessionDeps): Promise<Session> {
  const config = loadClientConfig(file);
  config.warnings.forEach(deps.warn);
  return sessionOf(config, deps);
}

function sessionOf(config: ClientConfig, { program, clock, transfer }: SessionDeps): Session {
  const tls = loadTls(config.tls);
  const proto = loadProto();
  const control = createControlClient({ addresses: config.addresses, tls, proto });
  const pool = new GrpcClientPool({ tls, proto });
  return {
    control,
    watch: (updateId, after, signal, onLooking) =>
      watchResilient(control, updateId, signal, { clock, after, onLost: ({ message }) => onLooking(message) }),
    push: (address, dir, version) =>
      pushRelease({
        transfer,
        dir,
        hash: version.buildHash,
        rshCommand: rshCommand(program, config.file, address),
        timeoutMs: pushTimeoutMs,
      }),
    exec: (address, task, sinks, signal) =>
      pool.getConnection(address).executeTaskStream(task, { onStdout: sinks.stdout, onStderr: sinks.stderr, signal }),
    close: async () => {
      control.close();
      pool.closeAll();
    },
  };
}
