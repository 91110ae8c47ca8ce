import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { runSelfTest } from '../release/self-test.ts';
import { lookInProcess } from './look-process.ts';

// As Node does it on a host where this process may open no more files: neither a pid nor streams, and the error later.
vi.mock('node:child_process', async (original) => ({
  ...(await original<typeof import('node:child_process')>()),
  spawn: () => {
    const child = Object.assign(new EventEmitter(), { pid: undefined, kill: () => false });
    process.nextTick(() => child.emit('error', Object.assign(new Error('spawn EMFILE'), { code: 'EMFILE' })));
    return child;
  },
}));

it('a look for which there is no descriptor left is one without an answer', async () => {
  await expect(lookInProcess(['/bin/true'], 1_000, new AbortController().signal)).resolves.toBeNull();
});

it('a self-test for which there is no descriptor left says so', async () => {
  const failed = runSelfTest('/nowhere', 1_000);
  await expect(failed).rejects.toMatchObject({ code: 'self-test-failed', detail: { seen: 'spawn EMFILE' } });
});
