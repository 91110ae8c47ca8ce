/**
 * `claudecluster node …`: the verbs that a leader has a node do, and that an operator on the host can do by hand
 * (docs/architecture.md, node verbs). Their words and options; what each does is in ../verbs.ts.
 */
import type { Command } from 'commander';
import { examples, optionsOf, type Register, type Registration, withGlobals } from '../register.ts';
import { answer } from '../verb-answer.ts';
import { activate, commit, rehearse, releaseHold, rollback, stage, status, type Verb, verify } from '../verbs.ts';

const exitHelp = `
One JSON line on stdout: {"ok":true,…} or {"ok":false,"error":{code,message,nodeId?,seen?,wanted?,next?}}.
Exit codes: 0 done, or nothing to do · 2 usage · 3 refused (stale epoch, quorum, trial, quarantine)
            4 failed (transfer, verification, self-test, disk) · 1 nobody answered (unavailable: call again), or unexpected`;

export const register: Register = (registration) => {
  const node = registration.program
    .command('node')
    .description("this host's node: stage, rehearse, activate, commit, rollback, release-hold, status");
  const add = (words: Words): Command => addVerb(node, registration, words);
  registerForward(add);
  registerEnds(add);
};

interface Words {
  name: string;
  description: string;
  /** Its one argument, as in the usage, and what it is; absent: it takes none. */
  argument?: [name: string, description: string];
  example: string;
  work: Verb;
}

function addVerb(node: Command, { ctx, run }: Registration, words: Words): Command {
  const command = withGlobals(node.command(words.name)).description(words.description);
  if (words.argument) command.argument(...words.argument);
  return command
    .addHelpText('after', examples(words.example))
    .addHelpText('after', exitHelp)
    .action((...given: unknown[]) => {
      const self = given.at(-1) as Command;
      const argument = words.argument ? String(given[0]) : '';
      return run(answer(ctx, optionsOf(self), (options) => words.work(ctx, options, argument)));
    });
}

/** What brings a release onto the node, up to its trial. */
function registerForward(add: (words: Words) => Command): void {
  add({
    name: 'stage',
    description: 'bring a release onto this disk: transfer, verification of the whole tree, its own self-test',
    argument: ['<HASH>', 'buildHash, or 8 digits and more of one that the other node has'],
    example: 'claudecluster node stage HASH --from n1',
    work: stage,
  })
    .requiredOption('--from <node>', 'nodeId or host:port of a node that has it (required)')
    .option('--timeout <duration>', 'for all of it (default 10m)');
  add({
    name: 'rehearse',
    description: 'check that the way back works: known-good release, guard, disk, service manager; changes nothing',
    argument: ['<HASH>', 'buildHash of the release that is to come, or 8 digits and more of one on this disk'],
    example: 'claudecluster node rehearse HASH --json',
    work: rehearse,
  });
  add({
    name: 'verify',
    description:
      'hash the known-good release, and every one that is marked damaged; marks them, or takes the mark back',
    example: 'claudecluster node verify --json',
    work: verify,
  });
  add({
    name: 'activate',
    description: 'put a staged release on trial: last quorum check, switch, restart',
    argument: ['<HASH>', 'buildHash of a staged release, or 8 digits and more of it'],
    example: 'claudecluster node activate HASH --update u-3f9c0a51 --epoch 7 --trial 120s',
    work: activate,
  })
    .requiredOption('--update <id>', 'the update that this belongs to (required)')
    .requiredOption(
      '--epoch <number>',
      'epoch of the leader that says so; an older one than this node has seen is refused (required)',
    )
    .option('--trial <duration>', 'not committed by then: the node goes back by itself (default 120s)')
    .option('--health-timeout <duration>', 'not healthy by then: the node goes back by itself (default 60s)')
    .option('--boots <count>', 'starts of the release before the node goes back (default 3)')
    .option('--accept-downtime', 'without the quorum check: for clusters of one or two voters (default: refuse)');
}

/** What ends a trial, or says how the node stands. */
function registerEnds(add: (words: Words) => Command): void {
  add({
    name: 'commit',
    description: 'end the trial in favour of the new release',
    example: 'claudecluster node commit --update u-3f9c0a51 --epoch 7',
    work: commit,
  })
    .requiredOption('--update <id>', 'the update that the trial belongs to (required)')
    .requiredOption('--epoch <number>', 'epoch of the leader that says so (required)')
    .option('--incarnation <id>', 'only if this start of the daemon is the one that is healthy now (default: any)');
  add({
    name: 'rollback',
    description: 'end the trial in favour of the known-good release; needs nothing of the new one',
    example: "claudecluster node rollback --why 'it eats the memory'",
    work: rollback,
  })
    .option('--update <id>', 'only if the trial belongs to this update (default: any)')
    .option('--epoch <number>', "a leader's epoch (default: none, the command is an operator's)")
    .option('--why <text>', 'kept with the evidence (default: none)');
  add({
    name: 'release-hold',
    description: 'give up the place of a voter that was taken out of service by hand and does not come back by itself',
    argument: ['<NODE>', 'nodeId, as `claudecluster status` shows it'],
    example: 'claudecluster node release-hold n2',
    work: releaseHold,
  });
  add({
    name: 'status',
    description: "what is on this node's disk; works while the daemon is down",
    example: 'claudecluster node status --json',
    work: status,
  });
}
