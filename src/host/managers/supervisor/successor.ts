/** The process of a supervisor that takes over from this one, as this one sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { identify, type ProcessIdentity } from '../../../base/boot.ts';
import { quietly } from '../../../base/files.ts';
import { type DaemonNote, type FromSuccessor, parseFromSuccessor, type ToSuccessor } from './handover.ts';

export interface Successor {
  /** buildHash of the release that it is from. */
  release: string;
  pid: number;
  identity: ProcessIdentity | null;
  /** It waits for `go`. */
  ready(): boolean;
  /** Words of life so far; the first one says that it has taken over. */
  beats(): number;
  /** The longest that it may be silent from its last word of life on, ms. */
  withinMs(): number;
  /** What it last said of the daemon and of the starts of one. */
  daemon(): DaemonNote | null;
  starts(): number;
  wantsBack(): boolean;
  /** It was told to stop, and has. */
  stopped(): boolean;
  /** How it ended, in words; '' while it runs. */
  ended(): string;
  send(message: ToSuccessor): void;
  /** Asks it to stop, daemon and all. */
  stop(): void;
  /** Ends it at once; its daemon runs on. Returns when it is gone. */
  kill(): Promise<void>;
}

export interface SuccessorStart {
  release: string;
  /** For Node: the release's index.js and its words. */
  args: string[];
  cwd: string;
  /** What the daemon and its starts are at the beginning. */
  daemon: DaemonNote | null;
  starts: number;
  /** Called at each word and at its end. */
  onNews(): void;
}

/** Starts it. It shares our output, and our process group: whoever ends that group means both. */
export function startSuccessor(start: SuccessorStart): Successor {
  const child = spawn(process.execPath, start.args, { cwd: start.cwd, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let ready = false;
  let beats = 0;
  let withinMs = 0;
  let { daemon, starts } = start;
  let wantsBack = false;
  let stopped = false;
  let ended = '';
  const gone = endOf(child).then((how) => {
    ended = how;
    start.onNews();
  });
  const hear = (word: FromSuccessor): void => {
    if (word.t === 'ready') ready = true;
    if (word.t === 'stopped') stopped = true;
    if (word.t === 'back') wantsBack = true;
    if (word.t === 'beat') {
      beats += 1;
      withinMs = word.withinMs;
    }
    if (word.t === 'beat' || word.t === 'back') {
      daemon = word.daemon;
      starts = word.starts;
    }
    start.onNews();
  };
  child.on('message', (message) => {
    const word = parseFromSuccessor(message);
    if (word !== null) hear(word);
  });
  const pid = child.pid ?? 0;
  return {
    release: start.release,
    pid,
    identity: identify(pid),
    ready: () => ready,
    beats: () => beats,
    withinMs: () => withinMs,
    daemon: () => daemon,
    starts: () => starts,
    wantsBack: () => wantsBack,
    stopped: () => stopped,
    ended: () => ended,
    send: (message) => {
      if (child.connected) child.send(message, () => {});
    },
    stop: () => void child.kill('SIGTERM'),
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((done) => {
    child.once('error', (error) => {
      // Also for a word that it could not be sent: only one that was never started has ended.
      if (child.pid === undefined) done(error.message);
      else quietly(() => child.disconnect());
    });
    child.once('exit', (code, signal) => done(signal ?? `exit code ${code}`));
  });
}
