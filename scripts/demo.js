#!/usr/bin/env node
// `npm run demo`: a cluster on this machine that updates itself, and one that goes back by itself. This file only
// prepares the clone, for it runs before node_modules exists; the story is lib/demo.ts.
import { SetupProblem, setup } from './lib/setup.js';

try {
  await setup('demo');
} catch (problem) {
  if (!(problem instanceof SetupProblem)) throw problem;
  console.error(`demo: ${problem.message}`);
  process.exit(problem.exitCode);
}
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('./lib/demo.ts');
process.exit(await main());
