/** What the tools take and give, as schemas that agents see. What is only passed on is described, and left open. */
import { z } from 'zod';
import { isHashBeginning } from '../base/build-hash.ts';
import { defaultWaitSeconds, mostWaitSeconds } from './wait-tool.ts';

const release = z
  .looseObject({ buildHash: z.string(), version: z.string(), gitCommit: z.string() })
  .describe('a build: buildHash is the SHA-256 of its tree');

const refusal = z.looseObject({
  code: z.string(),
  nodeId: z.string().nullable(),
  seen: z.string(),
  wanted: z.string(),
  next: z.string().describe('what to do about it'),
});

const plan = z
  .looseObject({
    planHash: z.string().describe('give it as `plan` to run exactly this plan'),
    target: release,
    order: z.array(z.looseObject({ nodeId: z.string(), role: z.string(), skip: z.boolean() })),
    voters: z.number(),
    healthyVoters: z.number(),
    quorum: z.number(),
    bestMs: z.number(),
    worstMs: z.number(),
    bytesAtMost: z.number(),
    refusals: z.array(refusal).describe('empty: the update can go'),
    notes: z.array(z.string()),
  })
  .describe('what the update does, in which order');

const failure = z.looseObject({
  nodeId: z.string(),
  kind: z.string(),
  seen: z.string(),
  wanted: z.string(),
  next: z.string(),
  evidence: z.array(z.string()),
});

const outcome = z
  .string()
  .describe('committed, refused, rolled-back, reverted or failed; a newer cluster may have others');

const nodeReport = z.looseObject({
  nodeId: z.string(),
  before: release.nullable(),
  after: release.nullable(),
  phase: z.string(),
  durationsMs: z.record(z.string(), z.number()),
});

export const updateInput = z.strictObject({
  dryRun: z
    .boolean()
    .optional()
    .describe('true: preflight only; returns the plan, or the refusals, and changes nothing. Default false'),
  release: z
    .string()
    .optional()
    .describe(
      "a directory with a build on this machine, or the buildHash of a release that the leader has (8 digits of its beginning are enough). Default: the leader's own dist",
    ),
  plan: z
    .string()
    .refine(isHashBeginning, '8 to 64 lower-case hexadecimal digits')
    .optional()
    .describe(
      'planHash of a plan that an earlier call returned: the update begins, if the plan is still the same. ' +
        'Without it the call returns the plan and starts nothing',
    ),
});

export const updateOutput = z.looseObject({
  dryRun: z.boolean().describe('true: only a plan was made, nothing was started'),
  plan: plan.nullable(),
  outcome: outcome.nullable().describe('null: a dry run, or the update still goes on'),
  updateId: z.string().nullable(),
  running: z.boolean().describe('true: the update goes on by itself; follow it with wait_update or get_update'),
  next: z.string().optional().describe('the call that runs this plan'),
  nodes: z.array(nodeReport),
  raftLeaderChanges: z.number(),
  bytesTransferred: z.number(),
  elapsedMs: z.number(),
  failure: failure.nullable(),
  operatorMust: z.string().nullable().describe('what a person has to do, when there is no automatic way on'),
});

export const noInput = z.strictObject({});

export const statusOutput = z.looseObject({
  cluster: z.looseObject({
    leader: z.string().nullable(),
    epoch: z.number(),
    raftLeader: z.string().nullable(),
    term: z.number(),
    voters: z.number(),
    healthyVoters: z.number(),
    quorum: z.number(),
  }),
  nodes: z.array(
    z.looseObject({
      nodeId: z.string(),
      role: z.string(),
      status: z.string(),
      address: z.string(),
      release: release.nullable(),
      healthy: z.boolean(),
      reasons: z.array(z.string()),
    }),
  ),
  update: z.looseObject({ id: z.string(), state: z.string() }).nullable(),
});

export const getUpdateInput = z.strictObject({
  updateId: z.string().optional().describe('default: the update that runs, or the last one'),
});

export const waitInput = z.strictObject({
  updateId: z.string().optional().describe('default: the update that runs, or the last one'),
  atMostSeconds: z
    .int()
    .min(1)
    .max(mostWaitSeconds)
    .optional()
    .describe(`seconds to wait for its end, 1 to ${mostWaitSeconds}. Default ${defaultWaitSeconds}`),
});

export const waitOutput = z.looseObject({
  updateId: z.string(),
  state: z.string(),
  ended: z.boolean().describe('false: it goes on; call wait_update again'),
  outcome: outcome.nullable(),
  waitsFor: z.string().nullable().describe('what the update waits for now'),
  seen: z.string().nullable().describe('how far that is'),
  atMostSecondsMore: z.number().nullable().describe('for how much longer it waits for that, at most'),
  nodes: z.array(z.looseObject({ nodeId: z.string(), phase: z.string() })),
  failure: failure.nullable(),
  operatorMust: z.string().nullable(),
  next: z.string(),
});

export const recordOutput = z.looseObject({
  id: z.string(),
  state: z.string(),
  outcome: outcome.nullable(),
  tasks: z.array(z.looseObject({ nodeId: z.string(), phase: z.string() })),
  operatorMust: z.string().nullable(),
});

export const controlInput = z.strictObject({
  updateId: z.string().optional().describe('default: the update that runs'),
  why: z.string().max(500).optional().describe('for the record'),
});
