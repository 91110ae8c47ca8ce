import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { serveLines } from '../base/line-socket.ts';
import { nodePaths } from '../base/paths.ts';
import { ClusterError } from '../errors.ts';
import { askOwnDaemon, type OwnQuestions, serveOwnQuestions } from './own-questions.ts';

let base = '';
let closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'own-questions-'));
  closing = [];
});
afterEach(async () => {
  for (const close of closing) await close();
  rmSync(base, { recursive: true, force: true });
});

const asked = { updateId: 'u-1', acceptDowntime: false, epoch: 7 };

/** Whoever is asked says so. */
function one(name: string, heard: string[], epoch = 7): OwnQuestions {
  return {
    quorumCheck: async (question) => void heard.push(`${name}: ${JSON.stringify(question)}`),
    storeEpoch: async () => {
      heard.push(`${name}: epoch`);
      return epoch;
    },
  };
}

async function daemon(questions: OwnQuestions): Promise<void> {
  const { close } = await serveOwnQuestions(base, questions);
  closing.push(close);
}

it('a verb asks through its own daemon, whose connections are warm', async () => {
  const heard: string[] = [];
  await daemon(one('daemon', heard));
  const verb = askOwnDaemon(base, () => one('verb', heard));
  await verb.quorumCheck(asked);
  expect(await verb.storeEpoch()).toBe(7);
  expect(heard).toEqual([`daemon: ${JSON.stringify(asked)}`, 'daemon: epoch']);
  expect(statSync(nodePaths(base).nodeSocket).mode & 0o777).toBe(0o600);
});

it.each(['quorum-unsafe', 'unavailable', 'stale-epoch'] as const)(
  'what the daemon was told is passed on: %s',
  async (code) => {
    const detail = { nodeId: 'n1', seen: '1 of 2', wanted: '2', next: 'bring them back' };
    const no = async (): Promise<never> => {
      throw new ClusterError(code, 'as it was', detail);
    };
    await daemon({ quorumCheck: no, storeEpoch: no });
    const verb = askOwnDaemon(base, () => one('verb', []));
    await expect(verb.quorumCheck(asked)).rejects.toMatchObject({ code, message: 'as it was', detail });
    await expect(verb.storeEpoch()).rejects.toMatchObject({ code });
  },
);

it('without a daemon it asks by itself', async () => {
  const heard: string[] = [];
  const verb = askOwnDaemon(base, () => one('verb', heard));
  await verb.quorumCheck(asked);
  expect(await verb.storeEpoch()).toBe(7);
  expect(heard).toEqual([`verb: ${JSON.stringify(asked)}`, 'verb: epoch']);
});

it.each([
  ['hangs', () => new Promise<string>(() => undefined)],
  ['does not know the question', () => '{"ok":false,"error":{"code":"usage","message":"not a question"}}'],
  ['speaks in another way', () => 'what?'],
  ['has a code of its own', () => '{"ok":false,"error":{"code":"of-tomorrow","message":"?"}}'],
])('a daemon that %s is no answer: the verb asks by itself', async (_, handle) => {
  const heard: string[] = [];
  const { close } = await serveLines(nodePaths(base).nodeSocket, handle, 300);
  closing.push(close);
  const verb = askOwnDaemon(base, () => one('verb', heard), 200);
  await verb.quorumCheck(asked);
  expect(heard).toEqual([`verb: ${JSON.stringify(asked)}`]);
});

it('what is no question of this build is refused as such', async () => {
  const heard: string[] = [];
  await daemon(one('daemon', heard));
  const { exchangeLine } = await import('../base/line-socket.ts');
  for (const line of ['', 'x', '{}', '{"ask":"may-stop"}', '{"ask":"something-new"}']) {
    const answer = JSON.parse(await exchangeLine(nodePaths(base).nodeSocket, line, 1_000));
    expect(answer, line).toMatchObject({ ok: false, error: { code: 'usage' } });
  }
  expect(heard).toEqual([]);
});
