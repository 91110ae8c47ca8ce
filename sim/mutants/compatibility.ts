/**
 * What would break P11: this version writes, or leaves out, what those of before cannot do without, and understands itself
 * perfectly. They run in a mixed world, for in one of a single version nothing of it shows.
 */
import type { Mutant } from './list.ts';

const journal = 'src/cluster/journal/journal.ts';
const journalWrite = 'src/cluster/journal/journal-write.ts';

/** The record goes to the store in another form and comes back from it; both are expressions of `value`. */
function recordForm(name: string, promise: string, toStore: string, fromStore: string): Mutant {
  const written = (record: string): string => `JSON.stringify(((value) => ${toStore})(${record}))`;
  const write = (file: string, before: string, record: string, after: string): Mutant['changes'][number] => ({
    file,
    old: `${before}JSON.stringify(${record})${after}`,
    new: `${before}${written(record)}${after}`,
  });
  const read = `parse<UpdateRecord>(record, text, "the update's record")`;
  return {
    name,
    promise,
    mixed: true,
    changes: [
      write(journalWrite, '{ put: keys.updateRecord(record.id), value: ', 'record', ' },'),
      write(journalWrite, ': [{ put: keys.update, value: ', 'record', ' }];'),
      write(journal, '{ put: keys.update, value: ', 'started.record', ' };'),
      {
        file: 'src/cluster/journal/record-schema.ts',
        old: read,
        new: read
          .replace('text', 'JSON.stringify(((value) => (FROM))(JSON.parse(text)))')
          .replace('FROM', () => fromStore),
      },
    ],
  };
}

const tasks = (change: string): string => `({ ...value, tasks: value.tasks.map((task) => (${change})) })`;

export const compatibility: Mutant[] = [
  recordForm(
    'a new phase is written while a version of before may have to lead',
    'liveness',
    tasks("task.phase === 'trial' ? { ...task, phase: 'proving' } : task"),
    tasks("task.phase === 'proving' ? { ...task, phase: 'trial' } : task"),
  ),
  recordForm(
    'a field of the record has another name',
    'liveness',
    tasks('{ ...task, durations: undefined, took: task.durations }'),
    tasks('{ ...task, durations: task.durations ?? task.took }'),
  ),
  recordForm(
    'an option that is not in the record has a default, where versions of before take it for nothing',
    'P4',
    '({ ...value, options: { ...value.options, heartbeats: undefined } })',
    '({ ...value, options: { ...value.options, heartbeats: value.options.heartbeats ?? 3 } })',
  ),
  {
    name: 'a verb is called with a flag that a node of before does not know',
    promise: 'liveness',
    mixed: true,
    changes: [
      {
        file: 'src/cluster/execute.ts',
        old: "if (judged !== '') argv.push('--incarnation', judged);",
        new: "if (judged !== '') argv.push('--incarnation', judged, '--calm', '3s');",
      },
      {
        file: 'src/cli/commands/node.ts',
        old: "    .option('--incarnation <id>',",
        new: "    .option('--calm <duration>', 'waits so long first')\n    .option('--incarnation <id>',",
      },
    ],
  },
  {
    name: 'a field of trial.json has another name',
    promise: 'P3',
    mixed: true,
    changes: [
      {
        file: 'src/trial/arm.ts',
        old: 'writeJsonAtomic(paths.trial, trial, disk);',
        new: 'writeJsonAtomic(paths.trial, { ...trial, bootsMax: undefined, starts: trial.bootsMax }, disk);',
      },
      {
        file: 'src/trial/trial-file.ts',
        old: 'const { epoch, startedAtMs, healthTimeoutMs, trialMs, bootsMax } = f;',
        new: 'const { epoch, startedAtMs, healthTimeoutMs, trialMs } = f;\n  const bootsMax = f.bootsMax ?? f.starts;',
      },
    ],
  },
];
