/** What both builds' CLIs and MCP servers say about one cluster must be the same, and readable to people too. */
import { expect } from 'vitest';
import type { UpdateEvent } from '../../../src/cluster/update/event.ts';
import type { UpdateRecord } from '../../../src/cluster/update/record.ts';
import type { DevCluster } from '../../support/dev-cluster.ts';
import type { VersionCase, Whose } from './room.ts';

const sides: readonly Whose[] = ['old', 'new'];

/** Runs a command on both CLIs; both must end with 0. Returns the JSON lines of each. */
async function ask(c: VersionCase, args: string[]): Promise<unknown[][]> {
  const answers: unknown[][] = [];
  for (const whose of sides) {
    const result = await c.cluster[whose].cli(args);
    expect(result.code, `the ${whose} CLI: ${args.join(' ')}\n${result.stdout}${result.stderr}`).toBe(0);
    answers.push(result.json);
  }
  return answers;
}

/** An ended update: listed and shown with every event by either CLI and either MCP server, and the same by all of them. */
export async function expectShownByBoth(c: VersionCase, updateId: string): Promise<void> {
  for (const [rows] of (await ask(c, ['updates', 'list', '--json'])) as { id: string }[][][]) {
    expect(rows?.map(({ id }) => id)).toContain(updateId);
  }
  const shown = (await ask(c, ['updates', 'show', updateId, '--json'])).map((lines) => lines.at(-1) as UpdateRecord);
  expect(shown[0]).toEqual(shown[1]);
  const heard = await Promise.all(sides.map((whose) => eventsOf(c.cluster[whose], updateId)));
  expect(heard[0]).toEqual(heard[1]);
  expect(heard[0]?.map(({ number }) => number)).toEqual(
    Array.from({ length: shown[0]?.lastEvent ?? 0 }, (_, index) => index + 1),
  );
  for (const whose of sides) {
    const agent = await c.agent(whose);
    expect(await agent.record(updateId)).toEqual(shown[0]);
  }
  for (const args of [
    ['updates', 'list'],
    ['updates', 'show', updateId],
  ])
    await ask(c, args);
}

async function eventsOf(cluster: DevCluster, updateId: string): Promise<UpdateEvent[]> {
  const { json, stderr } = await cluster.cli(['updates', 'watch', updateId, '--json']);
  const events = json.flatMap((line) => (line as { event?: UpdateEvent }).event ?? []);
  expect(events.at(-1)?.kind, stderr).toBe('ended');
  return events;
}

/** The cluster as it is at this moment, whatever runs in it: either CLI and either MCP server see it. */
export async function expectSeenByBoth(c: VersionCase): Promise<void> {
  const nodes = Object.keys(await c.runs()).toSorted();
  for (const whose of sides) {
    expect((await c.cluster[whose].status()).nodes.map(({ nodeId }) => nodeId).toSorted()).toEqual(nodes);
    const agent = await c.agent(whose);
    expect((await agent.status()).nodes.map(({ nodeId }) => nodeId).toSorted()).toEqual(nodes);
  }
  for (const args of [['status'], ['status', '--json'], ['releases', 'list'], ['releases', 'list', '--json']]) {
    await ask(c, args);
  }
}
