/** The supervisor that started this one, as this one sees it: over the channel that Node gives to a child. */
import type { ProcessIdentity } from '../../../base/boot.ts';
import { identify } from '../../../base/boot.ts';
import { ClusterError } from '../../../errors.ts';
import type { Exit } from './child.ts';
import { type DaemonNote, type FromSuccessor, parseToSuccessor } from './handover.ts';

export interface Predecessor {
  identity: ProcessIdentity;
  /** Is it there to hear us, and to be given the base back? */
  connected(): boolean;
  /** Never throws: one that is gone hears nothing. Resolves when it is on its way. */
  send(message: FromSuccessor): Promise<void>;
  /** Its word that this process supervises from now on. Throws ClusterError 'service-manager' when it ends without one. */
  go(): Promise<{ daemon: DaemonNote | null; starts: number }>;
  /** Its word that it has the base again; false when it ends, or `signal` aborts, before that. */
  have(signal: AbortSignal): Promise<boolean>;
  /** What it said of the end of a daemon that it started. */
  exitOf(pid: number): Exit | null;
  /** Ends the channel, which would keep this process from its end. */
  close(): void;
}

/** The part of NodeJS.Process that is used. */
type Channel = Pick<NodeJS.Process, 'on' | 'send' | 'disconnect' | 'connected' | 'ppid'>;

/** Throws ClusterError 'usage' in a process that no supervisor started. */
export function predecessorOf(channel: Channel): Predecessor {
  const identity = identify(channel.ppid);
  if (!channel.connected || identity === null) {
    throw new ClusterError('usage', '--take-over is for a supervisor that another one starts', {
      seen: 'no supervisor above this process',
      next: 'leave --take-over out',
    });
  }
  const exits = new Map<number, Exit>();
  let go: ((word: { daemon: DaemonNote | null; starts: number } | null) => void) | null = null;
  let have: ((word: boolean) => void) | null = null;
  const goWord = new Promise<{ daemon: DaemonNote | null; starts: number } | null>((done) => {
    go = done;
  });
  channel.on('message', (message: unknown) => {
    const word = parseToSuccessor(message);
    if (word?.t === 'go') go?.({ daemon: word.daemon, starts: word.starts });
    if (word?.t === 'have') have?.(true);
    if (word?.t === 'exit') exits.set(word.pid, { exitCode: word.exitCode, signal: word.signal });
  });
  channel.on('disconnect', () => {
    go?.(null);
    have?.(false);
  });
  return {
    identity,
    connected: () => channel.connected,
    send: (message) =>
      new Promise((done) => {
        if (!channel.connected || channel.send === undefined) return done();
        channel.send(message, undefined, undefined, () => done());
      }),
    async go() {
      const word = await goWord;
      if (word !== null) return word;
      throw new ClusterError('service-manager', 'the supervisor to take over from ended first', {
        next: 'start one: claudecluster supervise --config FILE',
      });
    },
    have: (signal) =>
      new Promise((done) => {
        have = done;
        signal.addEventListener('abort', () => done(false), { once: true });
      }),
    exitOf: (pid) => exits.get(pid) ?? null,
    close: () => {
      if (channel.connected) channel.disconnect?.();
    },
  };
}
