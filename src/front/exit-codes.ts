/** Exit codes (docs/architecture.md), and which error means which. */

import type { UpdateRecord } from '../cluster/update/record.ts';
import type { UpdatePlan } from '../cluster/update/update-plan.ts';
import type { ErrorCode } from '../errors.ts';

export const exit = {
  done: 0,
  unexpected: 1,
  usage: 2,
  refused: 3,
  failed: 4,
  operator: 5,
  lostSight: 6,
} as const;
export type ExitCode = number;

/** Complete by type: a new error code without an exit code does not compile. */
const byError: Record<ErrorCode, ExitCode> = {
  usage: exit.usage,
  config: exit.usage,
  'not-found': exit.usage,
  'not-leader': exit.refused,
  'no-leader': exit.unexpected,
  unavailable: exit.unexpected,
  denied: exit.unexpected,
  internal: exit.unexpected,
  'stale-epoch': exit.refused,
  conflict: exit.refused,
  'update-running': exit.refused,
  refused: exit.refused,
  'quorum-unsafe': exit.refused,
  draining: exit.refused,
  'release-invalid': exit.refused,
  quarantined: exit.refused,
  'trial-busy': exit.refused,
  'verify-failed': exit.failed,
  'self-test-failed': exit.failed,
  'transfer-failed': exit.failed,
  disk: exit.failed,
  'service-manager': exit.failed,
  'operator-needed': exit.operator,
};

export function exitOfError(code: ErrorCode): ExitCode {
  return byError[code];
}

/** How an ended update reads as an exit code. An update that has no outcome yet was lost sight of. */
export function exitOfRecord(record: Pick<UpdateRecord, 'outcome' | 'operatorMust'>): ExitCode {
  if (record.operatorMust !== null) return exit.operator;
  switch (record.outcome) {
    case 'committed':
      return exit.done;
    case 'refused':
      return exit.refused;
    case 'rolled-back':
    case 'reverted':
    case 'failed':
      return exit.failed;
    case null:
      return exit.lostSight;
    default:
      return exit.unexpected; // an outcome of a newer build
  }
}

export function exitOfPlan(plan: Pick<UpdatePlan, 'refusals'>): ExitCode {
  return plan.refusals.length === 0 ? exit.done : exit.refused;
}

/** Text for `--help`. */
export const exitCodesHelp = `
Exit codes: 0 done · 1 unexpected · 2 usage · 3 refused by preflight · 4 failed, the cluster is on known releases
            5 needs an operator · 6 lost sight of it (the update goes on)`;
