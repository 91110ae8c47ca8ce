/** What is kept of a failed trial: why it ended, how the last process ended, the last lines it wrote. Reads are bounded. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { readTextOrNull } from '../base/files.ts';
import { nodePaths } from '../base/paths.ts';
import type { RollbackView } from '../ports/agent.ts';
import type { Ended } from './decision.ts';
import { type LastExit, parseLastExit, type RollbackCause } from './trial-file.ts';

/** `data/last-rollback.json`: what every caller sees, and which trial it was. */
export interface RollbackRecord extends RollbackView {
  trialId: string;
  epoch: number;
}

const tailBytes = 64 * 1024;
const tailLines = 30;
const lineChars = 500;

/** The line that the supervisor puts into the daemon's log at each start: evidence begins at the right one. */
export function startLine(release: string, atIso: string): string {
  return `== start of releases/${release} at ${atIso} ==`;
}

const startOf = /^== start of releases\/([0-9a-f]{64}) at /;

/**
 * The last lines (at most 30, of at most 500 characters) of a log, from at most its last 64 KiB; with `release` only
 * those since the last start of another release. [] when it cannot be read.
 */
function readLogTail(file: string, release: string | null): string[] {
  let text: string;
  try {
    text = readTail(file);
  } catch {
    return [];
  }
  const lines = text.split('\n').filter((line) => line !== '');
  return ownLines(lines, release)
    .slice(-tailLines)
    .map((line) => line.slice(0, lineChars));
}

/** From the first start of this release that no start of another one follows; all of it where no other one is seen. */
function ownLines(lines: string[], release: string | null): string[] {
  const starts = lines.map((line) => startOf.exec(line)?.[1]);
  const foreign = starts.findLastIndex((hash) => release !== null && hash !== undefined && hash !== release);
  if (foreign < 0) return lines;
  const own = starts.indexOf(release ?? undefined, foreign);
  return own < 0 ? [] : lines.slice(own);
}

function readTail(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const size = fstatSync(fd).size;
    const length = Math.min(size, tailBytes);
    const buffer = Buffer.alloc(length);
    const read = readSync(fd, buffer, 0, length, size - length);
    const text = buffer.toString('utf8', 0, read);
    return size > length ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(fd);
  }
}

/** The record of a rollback. Never throws: what cannot be read is left empty. */
export function rollbackRecord(
  base: string,
  ended: { trial: Ended | null; cause: RollbackCause; why: string; to: string | null; atIso: string },
): RollbackRecord {
  const paths = nodePaths(base);
  const { trial, cause, why, to, atIso } = ended;
  const exit = lastExitOf(paths.lastExit, trial?.release ?? null);
  return {
    updateId: trial?.updateId ?? '',
    release: trial?.release ?? '',
    knownGood: to ?? trial?.knownGood ?? '',
    cause,
    why,
    exitCode: exit?.exitCode ?? null,
    signal: exit?.signal ?? null,
    logTail: readLogTail(join(paths.log, 'daemon.log'), trial?.release ?? null),
    at: atIso,
    trialId: trial?.id ?? '',
    epoch: trial?.epoch ?? 0,
  };
}

function lastExitOf(file: string, release: string | null): LastExit | null {
  try {
    const text = readTextOrNull(file);
    const exit = text === null ? null : parseLastExit(text);
    return exit !== null && (release === null || exit.release === release) ? exit : null;
  } catch {
    return null;
  }
}
