/** The ServiceManager port over the supervisor's socket, and what else its socket takes. */
import { asClusterError } from '../../../errors.ts';
import type { ServiceManager } from '../../../ports/service-manager.ts';
import { askSupervisor, type SupervisorStatus } from './socket.ts';

/** What can be asked of a running supervisor. */
export interface SupervisorClient {
  /** Throws ClusterError 'service-manager' when none runs on this base. */
  status(): Promise<SupervisorStatus>;
  /** Has it stop the daemon and end; returns when that was taken. */
  stop(): Promise<void>;
}

/** A client of the supervisor of this base. `timeoutMs` per request, default 5,000. */
export function createSupervisorClient(base: string, timeoutMs = 5000): SupervisorClient {
  return {
    async status() {
      const reply = await askSupervisor(base, { cmd: 'status' }, timeoutMs);
      if (reply.status === undefined)
        throw asClusterError(new Error('the supervisor sent no status'), 'service-manager');
      return reply.status;
    },
    async stop() {
      await askSupervisor(base, { cmd: 'stop' }, timeoutMs);
    },
  };
}

/** The service manager of a base that `claudecluster supervise` runs. `timeoutMs` per request, default 5,000. */
export function createSupervisorServiceManager(base: string, timeoutMs = 5000): ServiceManager {
  return {
    kind: 'supervisor',
    async armTrial() {
      await askSupervisor(base, { cmd: 'arm' }, timeoutMs);
    },
    async disarmTrial() {
      // A watcher that finds no trial does nothing, so a message that is lost does no harm.
      await askSupervisor(base, { cmd: 'disarm' }, timeoutMs).catch(() => {});
    },
    async requestRestart(why) {
      await askSupervisor(base, { cmd: 'restart', why }, timeoutMs);
    },
  };
}
