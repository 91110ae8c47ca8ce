/** What a supervisor answers on its control socket. */
import { readTrial } from '../../../trial/trial-view.ts';
import { askSupervisor, type SupervisorReply, type SupervisorRequest, type SupervisorStatus } from './socket.ts';
import { give, type State, stopping, wakeUp } from './state.ts';

export async function handle(state: State, request: SupervisorRequest): Promise<SupervisorReply> {
  // During a hand-over a request waits for who will be in charge, and is answered by that one.
  if (state.handing !== null && (await state.handing)) return askSupervisor(state.base, request, 4000);
  switch (request.cmd) {
    case 'status':
      return { ok: true, status: statusOf(state) };
    case 'stop':
      give(state, { kind: 'stop', why: 'asked for' });
      return { ok: true };
    case 'restart':
      if (stopping(state)) return refuse('the supervisor is stopping');
      give(state, { kind: 'restart', why: request.why });
      return { ok: true };
    case 'arm':
      // Said only when it is true: from here on the deadlines of the trial on this disk are watched.
      if (readTrial(state.base) === null) return refuse('there is no trial on this disk to watch');
      wakeUp(state);
      return { ok: true };
    case 'disarm':
      wakeUp(state);
      return { ok: true };
  }
}

function refuse(message: string): SupervisorReply {
  return { ok: false, error: { code: 'service-manager', message } };
}

function statusOf(state: State): SupervisorStatus {
  const { base, phase, daemon, starts, lastGuard } = state;
  return {
    pid: process.pid,
    base,
    state: phase,
    daemonPid: daemon?.pid ?? null,
    release: daemon?.release ?? null,
    starts,
    lastGuard,
    code: state.ownRelease,
  };
}
