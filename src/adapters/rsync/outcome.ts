/** What an rsync that ended tells: how much it moved, or why it failed. Pure. */
import { errorIn } from '../../base/error-line.ts';
import { ClusterError, type ErrorCode } from '../../errors.ts';

/** How a process ended. */
export interface Ended {
  /** null when a signal ended it. */
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  /** The last part of it. */
  stderr: string;
}

const noSpace = /No space left on device|Read-only file system|Disk quota exceeded|Input\/output error/;

/** Did the local disk refuse? 11 is rsync's own "error in file I/O". */
export function isDiskFailure(ended: Ended): boolean {
  return ended.exitCode === 11 || (ended.exitCode !== 0 && noSpace.test(ended.stderr));
}

/** The last lines that say something, for people. */
export function tail(stderr: string, lines = 5): string {
  return stderr.trim().split('\n').slice(-lines).join('\n');
}

/** That a peer went away says nothing about the release: to the one who wanted it, the transfer failed. */
const broken: ErrorCode[] = ['unavailable', 'internal', 'transfer-failed'];

function cutOff(theirs: ClusterError): ClusterError {
  const { seen = theirs.message, ...detail } = theirs.detail;
  const next = 'try again: what arrived is kept and the rest follows';
  return new ClusterError('transfer-failed', `the transfer of the release failed: ${theirs.message}`, {
    next,
    ...detail,
    seen,
  });
}

/** Why an rsync that did not end with 0 failed: the other end's own error where it gave one, else 'disk' or 'transfer-failed'. */
export function failureOf(ended: Ended): ClusterError {
  const theirs = errorIn(ended.stderr);
  const disk = isDiskFailure(ended);
  if (theirs !== null && !broken.includes(theirs.code)) return theirs;
  // The front says that rsync went away also when it was rsync that gave up, and rsync knows why.
  if (theirs !== null && !disk) return cutOff(theirs);
  const how = ended.signal === null ? `exit code ${ended.exitCode}` : ended.signal;
  const code = disk ? 'disk' : 'transfer-failed';
  const words = tail(ended.stderr);
  return new ClusterError(
    code,
    code === 'disk' ? 'the disk did not take the release' : 'the transfer of the release failed',
    {
      seen: words === '' ? `rsync: ${how}` : `rsync: ${how}: ${words}`,
      wanted: 'exit code 0',
      next:
        code === 'disk'
          ? 'make room on the disk, then try again'
          : 'try again: what arrived is kept and the rest follows',
    },
  );
}

function figure(stdout: string, label: string): number {
  const match = new RegExp(`^${label}: ([\\d,]+)`, 'm').exec(stdout);
  return match?.[1] === undefined ? 0 : Number(match[1].replaceAll(',', ''));
}

/** Bytes over the wire, both ways, out of `--stats`. */
export function bytesMoved(stdout: string): number {
  return figure(stdout, 'Total bytes sent') + figure(stdout, 'Total bytes received');
}

/** The names that `--itemize-changes` printed, as rsync spells them; directories are left out. */
export function changedNames(stdout: string): string[] {
  return stdout.split('\n').flatMap((line) => /^(?:\*deleting|[<>c.][fLDS]\S{9}) +(.+)$/.exec(line)?.[1] ?? []);
}
