/** A word to the people logged in on this host before the node restarts. Nobody waits for it, and nothing depends on it. */
import { execFile } from 'node:child_process';

/** Longest that it may take, ms. */
const limitMs = 1_000;

/** Best effort: a host without `program`, or with nobody logged in, is as good. Never rejects. */
export function tellPeople(text: string, program = '/usr/bin/wall'): Promise<void> {
  return new Promise((resolve) => {
    const child = execFile(program, [text], { timeout: limitMs, killSignal: 'SIGKILL' }, () => resolve());
    child.stdin?.on('error', () => {});
    child.stdin?.end();
  });
}
