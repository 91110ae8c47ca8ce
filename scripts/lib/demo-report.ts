/** What the demo says in its own name. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { UpdateRecord } from '../../src/cluster/update/record.ts';
import { repoRoot } from '../../test/support/cli.ts';

export const say = (text: string): void => console.log(text);

export const heading = (text: string): void => console.log(`\n== ${text}\n`);

/** The record outlives the demo's cluster in a file of the clone. Returns its path, relative to where we are. */
export async function keepRecord(record: UpdateRecord): Promise<string> {
  const dir = join(repoRoot, '.cache', 'demo');
  await mkdir(dir, { recursive: true });
  const file = join(dir, `update-${record.id}.json`);
  await writeFile(file, `${JSON.stringify(record, null, 2)}\n`);
  return relative(process.cwd(), file);
}

/** The closing report of one update. `gapMs`: longest time between two acknowledged writes of the client meanwhile. */
export function updateReport(record: UpdateRecord, gapMs: number, file: string): string {
  const bytes = record.tasks.reduce((sum, task) => sum + task.bytesTransferred, 0);
  const rows: [string, string][] = [
    ['outcome', record.outcome ?? record.state],
    ...record.tasks.map((task): [string, string] => [task.nodeId, `${task.phase}, ${timeOf(task.durations)}`]),
    ['longest write gap', `${gapMs.toFixed(1)} ms between two acknowledged writes`],
    ['bytes moved', bytes.toLocaleString('en')],
    ['Raft leader changes', String(record.raftLeaderChanges)],
    ['record', `${file} (in a running cluster: claudecluster updates show ${record.id})`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return `\n${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')}\n`;
}

/** "5.2 s (stage 0.4, health 1.1, …)" */
function timeOf(durations: Record<string, number>): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  const parts = Object.entries(durations).filter(([, ms]) => ms >= 50);
  const total = Object.values(durations).reduce((sum, ms) => sum + ms, 0);
  if (parts.length === 0) return `${seconds(total)} s`;
  return `${seconds(total)} s (${parts.map(([name, ms]) => `${name} ${seconds(ms)}`).join(', ')})`;
}
