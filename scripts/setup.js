#!/usr/bin/env node
// Makes a fresh clone usable: `node scripts/setup.js --for test|versions|demo|bench|sim|ci`. It imports nothing but Node's own
// modules, for it runs before node_modules exists. Quiet when there is nothing to do; exit 1 says what to do by hand.
import { SetupProblem, setup } from './lib/setup.js';

const purposes = ['test', 'versions', 'demo', 'bench', 'sim', 'ci'];

function purposeOf(args) {
  const at = args.indexOf('--for');
  const purpose = at === -1 ? 'test' : args[at + 1];
  if (!purposes.includes(purpose) || args.length > (at === -1 ? 0 : 2)) {
    throw new SetupProblem(`usage: node scripts/setup.js --for ${purposes.join('|')}`, 2);
  }
  return purpose;
}

try {
  await setup(purposeOf(process.argv.slice(2)));
} catch (problem) {
  if (!(problem instanceof SetupProblem)) throw problem;
  console.error(`setup: ${problem.message}`);
  process.exitCode = problem.exitCode;
}
