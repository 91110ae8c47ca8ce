/**
 * What one version of src/ brings into the world: everything from the daemon inwards, and the guard. A world of one version
 * has one side; a mixed one loads a bundle of this file for each version (sim/mixed/).
 */
import { defaultOptions } from '../../src/cluster/update/options.ts';
import { checkDueInMs, runsOther } from '../../src/host/managers/supervisor/guard-watch.ts';
import { noteCommitted } from '../../src/release/committed.ts';
import { runGuard } from '../../src/trial/guard.ts';
import { answerDrain, answerHealth, answerTask, reasonsOf, runVerb } from './agent.ts';
import { startDaemon, stopGracefully } from './daemon.ts';
import { guardOf, takesOver } from './guard-of.ts';
import type { Side } from './types.ts';

export const side: Side = {
  ...globalThis.simVersion,
  defaultOptions,
  startDaemon,
  stopGracefully,
  reasonsOf,
  answerHealth,
  answerDrain,
  answerTask,
  runVerb,
  guardOf,
  takesOver,
  runGuard,
  checkDueInMs,
  runsOther,
  noteCommitted,
};
