import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { errorIn } from '../../base/error-line.ts';
import { type BytePipe, runRsh } from './rsh.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const argv = ['release', 'rsync', '--server', '-lprce.iLsfxCIvu', '--delete', '.', `${'a'.repeat(64)}/`];

/** A front in the middle of a push; `end` is for the test to settle. */
function midway() {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const said = text(streams.stderr);
  let end: (how: { exitCode: number; stderr: string }) => void = () => {};
  const pipe: BytePipe = {
    input: new PassThrough(),
    output: new PassThrough(),
    end: new Promise((done) => {
      end = done;
    }),
  };
  const done = runRsh({ argv, openPipe: () => pipe, ...streams }).finally(() => streams.stderr.end());
  return { pipe, done, said, end: (how: { exitCode: number; stderr: string }) => end(how) };
}

describe('a push that rsync gives up', () => {
  it('ends with what the serving end says of it, which comes a moment later', async () => {
    const { pipe, done, said, end } = midway();
    await vi.waitUntil(() => process.listenerCount('SIGUSR1') > 0);
    process.emit('SIGUSR1', 'SIGUSR1');
    await vi.advanceTimersByTimeAsync(1_000);
    pipe.output.push(null);
    end({ exitCode: 1, stderr: '{"code":"refused","message":"larger than this node takes"}' });
    expect(await done).toBe(1);
    expect(errorIn(await said)).toMatchObject({ code: 'refused' });
  });

  it('ends by itself where the serving end says nothing', async () => {
    const { done, said } = midway();
    await vi.waitUntil(() => process.listenerCount('SIGUSR1') > 0);
    process.emit('SIGUSR1', 'SIGUSR1');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await done).toBe(4);
    expect(errorIn(await said)).toMatchObject({ code: 'transfer-failed', message: 'rsync went away' });
  });
});
