/** The cheap part of a rehearsal, at every health check: could a trial on this node end by itself? */
import { asClusterError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { completeReleases } from './complete.ts';
import { readInstalled } from './trial-view.ts';

export interface WayBackDeps {
  base: string;
  clock: Clock;
  /** Was this daemon started by a service manager? */
  supervised: boolean;
  /** Asks the service manager whether it is there. Throws when it does not answer. */
  serviceManagerAnswers(): Promise<unknown>;
}

/** An answer is as good as new for so long, ms. */
const freshMs = 5_000;

/** '' when a failed trial would end by itself here, otherwise why not. Asked once in 5 s, whoever wants to know; never rejects. */
export function createWayBack(deps: WayBackDeps): () => Promise<string> {
  let known: { atMs: number; answer: Promise<string> } | null = null;
  return () => {
    const nowMs = deps.clock.nowMs();
    if (known === null || nowMs - known.atMs >= freshMs) known = { atMs: nowMs, answer: look(deps) };
    return known.answer;
  };
}

async function look(deps: WayBackDeps): Promise<string> {
  try {
    const installed = readInstalled(deps.base);
    if (installed === null) return 'dist is no link to a release: there would be nothing to go back to';
    if (!completeReleases(deps.base).includes(installed)) {
      return `releases/${installed} lacks index.js, guard.js or version.json: it cannot be gone back to`;
    }
    if (!deps.supervised) return 'no service manager: a failed trial could not end';
    await deps.serviceManagerAnswers();
    return '';
  } catch (thrown) {
    const { message, detail } = asClusterError(thrown);
    return `${message}: a failed trial could not end${detail.seen === undefined ? '' : ` (${detail.seen})`}`;
  }
}
