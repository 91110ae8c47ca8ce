/** Safeguards, each taken away by itself: exact text in one file, and what stands there instead. */
import type { Replacement } from '../replacement.ts';

export interface Mutant {
  name: string;
  /** The promise that is expected to break; another one may break first. */
  promise: string;
  changes: Replacement[];
  /** It shows only beside versions of before (sim/mixed/). */
  mixed?: true;
}

const one = (name: string, promise: string, file: string, old: string, fresh: string): Mutant => ({
  name,
  promise,
  changes: [{ file, old, new: fresh }],
});

const journal = 'src/cluster/journal/journal.ts';
const journalWrite = 'src/cluster/journal/journal-write.ts';
const act = 'src/cluster/act.ts';
const drive = 'src/cluster/drive.ts';
const runningRecord = 'src/cluster/journal/running-record.ts';
const observe = 'src/cluster/observe.ts';
const stability = 'src/cluster/update/stability.ts';
const planActive = 'src/cluster/update/plan-active.ts';
const planNext = 'src/cluster/update/plan-next.ts';
const activate = 'src/host/verb-activate.ts';
const quorumCheck = 'src/cluster/quorum-check.ts';
const trial = 'src/trial/on-trial.ts';

export const mutants: Mutant[] = [
  one(
    'a node takes commands of any epoch',
    'P6',
    'src/host/epoch.ts',
    'if (epoch === kept) return;',
    'if (epoch >= 0) return;',
  ),
  one(
    'the epoch seen is not kept',
    'P6',
    'src/host/epoch.ts',
    '      writeJsonAtomic(path, { epoch: next }, disk);\n',
    '',
  ),
  one(
    'an epoch that the store does not have is believed',
    'P6',
    'src/host/epoch.ts',
    '    if (epoch > present) throw neverLed(deps.nodeId, present, epoch);\n',
    '',
  ),
  {
    name: 'the journal is not fenced by the epoch',
    promise: 'P6',
    changes: [
      { file: 'src/cluster/journal/fence.ts', old: 'if (kv === null || seen !== epoch) {', new: 'if (kv === null) {' },
      { file: journalWrite, old: 'const compares = [...fences, {', new: 'const compares = [{' },
    ],
  },
  one(
    'the record is written without compare-and-swap',
    'P5',
    journalWrite,
    'const compares = [...fences, { key: keys.update, modRevision: before.kv.modRevision }];',
    'const compares = fences;',
  ),
  one('an update may begin over another one', 'P5', journal, 'store.txn([fenced, ...free], ', 'store.txn([fenced], '),
  one(
    'a hand-over keeps the epoch',
    'P6',
    'src/cluster/leadership/hand-over.ts',
    'const epoch = held.epoch + 1;',
    'const epoch = held.epoch;',
  ),
  one(
    'the step is done before its intent is recorded',
    'P1',
    act,
    'const intended = await journal.change(id, epoch, (now) => recordIntent(now, step, observation));',
    'const intended = recordIntent(before, step, observation).record;',
  ),
  one(
    'the leader does not ask for the quorum at the gate',
    'P1',
    planNext,
    'if (!view.safe && ',
    'if (view.voters < 0 && ',
  ),
  one(
    'the node does not ask for the quorum itself',
    'P1',
    activate,
    'const look = () => deps.quorumCheck({ updateId, acceptDowntime: request.acceptDowntime ?? false, epoch });',
    'const look = async () => undefined;',
  ),
  one(
    'a voter stopped by hand does not hold its place',
    'P1',
    quorumCheck,
    '      await reserveByHand({ store, clock }, nodeId, updateId);\n',
    '',
  ),
  one(
    'silence of the other voters is taken for a yes',
    'P1',
    quorumCheck,
    'if (silent !== null) return { unanswered: silent };',
    'if (silent !== null && silent.code === null) return { unanswered: silent };',
  ),
  one(
    'a node gives its place by hand back while it is on trial',
    'P1',
    'src/cluster/own-upkeep.ts',
    'return healthy() && readInstalled(base) === release && !isThere(trial) && !isThere(trialEnding);',
    'return !isThere(trialEnding);',
  ),
  {
    name: 'an update begins beside a voter that is out by hand',
    promise: 'P1',
    changes: [
      {
        file: journal,
        old: 'store.txn([fenced, ...free], ',
        new: 'store.txn([fenced, { key: keys.update, modRevision: 0 }], ',
      },
      {
        file: 'src/cluster/update/refuse-cluster.ts',
        old: 'if (byHand !== null) {',
        new: "if (byHand?.nodeId === '') {",
      },
    ],
  },
  one(
    'a voter may be far behind while another is stopped',
    'P1',
    planNext,
    'if (behind !== undefined) {',
    'if (behind !== undefined && behind.role === null) {',
  ),
  one(
    'the walk goes on past a node that is ill again',
    'P1',
    planNext,
    'if (sick !== undefined) {',
    'if (sick !== undefined && sick.role === null) {',
  ),
  one(
    'the leader is updated without a hand-over',
    'P5',
    planNext,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: text of the code that is replaced
    'if (heir !== null && triesAgain(observation, `handOver:${heir}`, limit))',
    'if (heir !== null && limit < 0)',
  ),
  one(
    'a node on trial does not keep the next one waiting',
    'P3',
    'src/cluster/update/plan.ts',
    'record.tasks.filter((task) => inFlightPhases.includes(task.phase));',
    "record.tasks.filter((task) => inFlightPhases.includes(task.phase) && task.phase !== 'trial');",
  ),
  {
    name: 'nobody asks which process it was',
    promise: 'P4',
    changes: [
      {
        file: 'src/host/verb-commit.ts',
        old: '(incarnation === undefined || marker.incarnation === incarnation)',
        new: "(incarnation === undefined || marker.incarnation !== '')",
      },
      {
        file: stability,
        old: "if (incarnation !== '' && health.incarnation !== incarnation) {",
        new: "if (incarnation === 'none') {",
      },
      {
        file: planActive,
        old: 'node.health.incarnation !== task.incarnationTrial) {',
        new: "node.health.incarnation === '') {",
      },
    ],
  },
  one(
    'stability does not count heartbeats',
    'P4',
    stability,
    'if (node.heartbeats < options.heartbeats) {',
    'if (node.heartbeats < 0) {',
  ),
  one('heartbeats from before it was healthy count', 'P4', observe, 'Math.max(0, seq - seen.baseSeq)', 'seq'),
  one(
    'stability does not ask how far behind it is',
    'P4',
    stability,
    'if (node.lag > options.maxLagEntries) {',
    'if (node.lag < 0) {',
  ),
  one(
    'the boots of a trial are not limited',
    'P3',
    trial,
    'progress.bootsUsed >= trial.bootsMax',
    'progress.bootsUsed < 0',
  ),
  one('a trial has no deadline for healthy', 'P3', trial, 'if (healthyInMs <= 0 && ', 'if (healthyInMs === null && '),
  one('a trial has no deadline for the commit', 'P3', trial, 'if (commitInMs <= 0) {', 'if (commitInMs === null) {'),
  one(
    "a failed build's trial leaves no quarantine",
    'P10',
    'src/cluster/update/record-failure.ts',
    "return task.direction === 'forward' && buildsFault.includes(failure.kind) ? failure : null;",
    'return task === null ? failure : null;',
  ),
  one(
    'a build on probation is blamed for what rotted on one disk',
    'P10',
    'src/trial/probation.ts',
    "const damage = isComplete(input, release) ? input.looked[release] : '';",
    "const damage = isComplete(input, release) ? '' : input.looked[release];",
  ),
  {
    name: 'neither preflight nor the journal looks for a quarantine',
    promise: 'P10',
    changes: [
      {
        file: 'src/cluster/update/refuse-cluster.ts',
        old: 'if (quarantine !== null) {',
        new: 'if (quarantine !== null && quarantine.why === null) {',
      },
      { file: journal, old: ', keys.quarantined(buildHash)];', new: '];' },
    ],
  },
  one(
    'the tree is not verified before the switch',
    'P7',
    activate,
    '    await deps.verifyRelease(deps.base, release);\n',
    '',
  ),
  one('a late command may start the same trial again', 'P5', activate, '    refuseFailedBefore(deps, request);\n', ''),
  one(
    'a rollback removes the trial in place of claiming it',
    'P3',
    'src/trial/back.ts',
    "      { do: 'write', name: progressFile, value: { ...counted, ending: { cause, why } }, bestEffort: true },\n      { do: 'claim', from: 'trial.json', to: 'trial.ending.json' },",
    "      { do: 'write', name: progressFile, value: { ...counted, ending: { cause, why } }, bestEffort: true },\n      { do: 'remove', name: 'trial.json' },",
  ),
  one(
    'what is written is not synced before it gets its name',
    'P2',
    'src/base/files.ts',
    '    fsyncSync(fd);\n  } finally {',
    '  } finally {',
  ),
  one('the name of a release may be lost behind dist', 'P2', 'src/trial/arm.ts', '    disk.fsyncDir(releases);\n', ''),
  one(
    'dist is switched in two steps',
    'P2',
    'src/base/files.ts',
    '  const tmp = tmpName(linkPath);\n  disk.symlink(target, tmp);\n',
    '  const tmp = tmpName(linkPath);\n  quietly(() => disk.unlink(linkPath));\n  disk.symlink(target, tmp);\n',
  ),
  one(
    'the trial is armed after the switch',
    'P3',
    activate,
    '  armTrial(deps.base, trial, disk);\n  try {\n    await deps.serviceManager.armTrial();\n    switchTo(deps.base, trial.release, disk);\n',
    '  try {\n    switchTo(deps.base, trial.release, disk);\n    armTrial(deps.base, trial, disk);\n    await deps.serviceManager.armTrial();\n',
  ),
  one(
    'the guard believes a name',
    'P7',
    'src/trial/guard.ts',
    'this.looked[decision.look] = whyNotWhole(this.deps.base, decision.look);',
    "this.looked[decision.look] = '';",
  ),
  one(
    'what is started again and again is never hashed',
    'liveness',
    'src/trial/start-count.ts',
    'value.starts % startsBeforeLook === 0',
    'value.starts < 0',
  ),
  one(
    'a commit does not ask whether its release is what it was',
    'P7',
    'src/host/verb-commit.ts',
    '    await requireWhole(deps, trial);\n',
    '',
  ),
  one(
    'a node that knows that it is damaged goes on leading',
    'P7',
    'src/daemon/look-watch.ts',
    "          if (damaged() !== '') await stepDown();\n",
    '',
  ),
  one('a fault of ours is looked at for ever', 'P8', drive, 'const faultsMost = 3;', 'const faultsMost = 3e9;'),
  one(
    'a record that cannot be read is taken for silence',
    'P8',
    runningRecord,
    "    throw new ClusterError(\n      'operator-needed',\n      `an update runs",
    "    throw new ClusterError(\n      'unavailable',\n      `an update runs",
  ),
  one(
    'nobody stages a damaged release again',
    'liveness',
    'src/cluster/aftercare/damaged.ts',
    'damaged === true && ',
    "status === 'pending_approval' && ",
  ),
];
