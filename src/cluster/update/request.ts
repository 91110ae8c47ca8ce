/** What is asked of the updater, and what it answers. */
import type { UpdateOptions } from './options.ts';
import type { UpdateRecord } from './record.ts';
import type { UpdatePlan } from './update-plan.ts';

export interface UpdateRequest {
  /** Only phase 0: no effect on any node. */
  dryRun?: boolean;
  /** Release in the leader's store; default: what the leader's `dist` points to. */
  buildHash?: string;
  /** Go only if the plan has this hash. */
  planHash?: string;
  options?: Partial<UpdateOptions>;
  /** Who asks, for the record. */
  by?: string;
  kind?: UpdateRecord['kind'];
}

export interface UpdateResult {
  plan: UpdatePlan;
  /** null for a dry run, and when preflight refused. */
  record: UpdateRecord | null;
}
