#!/usr/bin/env node
// `npm run bench`: where the figures in the README and in docs/figures.md come from. This file only prepares the clone,
// for it runs before node_modules exists; main.ts does the rest.
import { SetupProblem, setup } from '../scripts/lib/setup.js';

try {
  await setup('bench');
} catch (problem) {
  if (!(problem instanceof SetupProblem)) throw problem;
  console.error(`bench: ${problem.message}`);
  process.exit(problem.exitCode);
}
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('./main.ts');
process.exit(await main(process.argv.slice(2)));
