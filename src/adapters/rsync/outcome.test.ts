import { describe, expect, it } from 'vitest';
import { errorIn, errorLine } from '../../base/error-line.ts';
import { ClusterError } from '../../errors.ts';
import { bytesMoved, changedNames, failureOf } from './outcome.ts';

const ended = (exitCode: number | null, stderr = '', signal: string | null = null) => ({
  exitCode,
  signal,
  stdout: '',
  stderr,
});

describe('the end of an rsync', () => {
  it('counts the bytes of both ways, with and without separators', () => {
    expect(bytesMoved('x\nTotal bytes sent: 1,234\nTotal bytes received: 66\n')).toBe(1300);
    expect(bytesMoved('')).toBe(0);
  });

  it('names the files that changed, as rsync spells them', () => {
    const stdout =
      '.d..t...... lib/\n>f.st...... lib/a b\n>f+++++++++ -rf\n.f...p..... tool\n*deleting   old\ncL+++++++++ link -> x\n\nTotal bytes sent: 3\n';
    expect(changedNames(stdout)).toEqual(['lib/a b', '-rf', 'tool', 'old', 'link -> x']);
  });

  it.each([
    [11, 'rsync: write failed: No space left on device (28)'],
    [12, 'mkdir failed: Read-only file system (30)'],
    [11, ''],
  ])('blames the disk when the disk refused (exit code %i, %j)', (code, stderr) => {
    expect(failureOf(ended(code, stderr))).toMatchObject({ code: 'disk' });
  });

  it('is a failed transfer otherwise, with the last words or the signal', () => {
    expect(failureOf(ended(12, 'one\ntwo\n'))).toMatchObject({
      code: 'transfer-failed',
      detail: { seen: 'rsync: exit code 12: one\ntwo' },
    });
    expect(failureOf(ended(null, '', 'SIGKILL'))).toMatchObject({
      code: 'transfer-failed',
      detail: { seen: 'rsync: SIGKILL' },
    });
  });

  it("is the other end's own error where that gave one", () => {
    const theirs = new ClusterError('verify-failed', 'not what its name says', { seen: 'a', wanted: 'b' });
    const stderr = `noise { here\n{"not":"ours"}\n${errorLine(theirs)}rsync error: (code 4) at main.c\n`;
    expect(failureOf(ended(4, stderr))).toMatchObject({ code: 'verify-failed', detail: { seen: 'a', wanted: 'b' } });
    expect(errorIn('{"code":"made-up","message":"x"}\n{"code":"disk"')).toBeNull();
  });

  it('is a failed transfer when a peer went away, unless rsync itself blames the disk', () => {
    const gone = errorLine(new ClusterError('unavailable', 'n1 does not answer'));
    expect(failureOf(ended(4, gone))).toMatchObject({
      code: 'transfer-failed',
      message: expect.stringContaining('n1 does not answer'),
    });
    expect(failureOf(ended(11, gone))).toMatchObject({ code: 'disk' });
  });
});
