/**
 * What a node's own verbs ask of the cluster, answered by its daemon over run/node.sock: a verb is a process of its own, and
 * on a busy host a process that has to dial every voter first hears nothing in time. Both ends; a verb that finds no
 * daemon there asks by itself.
 */
import { z } from 'zod';
import { exchangeLine, serveLines } from '../base/line-socket.ts';
import { nodePaths } from '../base/paths.ts';
import { asClusterError, ClusterError, errorCodes } from '../errors.ts';

/** What is answered. Both throw ClusterError 'unavailable' when nobody answers them. */
export interface OwnQuestions {
  /** May this node stop? (P1) Throws ClusterError 'quorum-unsafe' | 'stale-epoch' too: an answer, and it is no. */
  quorumCheck(asked: { updateId: string; acceptDowntime: boolean; epoch: number }): Promise<void>;
  /** The epoch that the cluster is at, read linearizably (P6). */
  storeEpoch(): Promise<number>;
}

/** Longer than a daemon goes on asking, ms: after that it hangs, and the verb asks by itself. */
const answerTimeoutMs = 15_000;

const question = z.discriminatedUnion('ask', [
  z.looseObject({ ask: z.literal('may-stop'), updateId: z.string(), acceptDowntime: z.boolean(), epoch: z.number() }),
  z.looseObject({ ask: z.literal('epoch') }),
]);
type Question = z.infer<typeof question>;

const text = z.string().optional();
const reply = z.discriminatedUnion('ok', [
  z.looseObject({ ok: z.literal(true), epoch: z.number().optional() }),
  z.looseObject({
    ok: z.literal(false),
    error: z.looseObject({ code: z.enum(errorCodes), message: z.string(), seen: text, wanted: text, next: text }),
  }),
]);

/** Begins to answer; throws errno errors when the socket cannot be made. */
export function serveOwnQuestions(base: string, questions: OwnQuestions): Promise<{ close(): Promise<void> }> {
  return serveLines(
    nodePaths(base).nodeSocket,
    async (line) => {
      try {
        return JSON.stringify({ ok: true, ...(await answer(parse(line), questions)) });
      } catch (thrown) {
        return JSON.stringify({ ok: false, error: asClusterError(thrown) });
      }
    },
    2 * answerTimeoutMs,
  );
}

function parse(line: string): Question {
  try {
    return question.parse(JSON.parse(line));
  } catch (cause) {
    throw new ClusterError('usage', 'not a question that this daemon answers', { seen: line.slice(0, 80) }, cause);
  }
}

async function answer(asked: Question, questions: OwnQuestions): Promise<{ epoch?: number }> {
  if (asked.ask === 'epoch') return { epoch: await questions.storeEpoch() };
  const { updateId, acceptDowntime, epoch } = asked;
  await questions.quorumCheck({ updateId, acceptDowntime, epoch });
  return {};
}

/** The daemon of this base, where one answers; `otherwise` where none does, or one of a build that does not know how. */
export function askOwnDaemon(base: string, otherwise: () => OwnQuestions, timeoutMs = answerTimeoutMs): OwnQuestions {
  const ask = async <T>(
    asked: Question,
    alone: () => Promise<T>,
    read: (epoch: number | undefined) => T,
  ): Promise<T> => {
    const said = await exchange(base, asked, timeoutMs);
    if (said === null) return alone();
    if (said.ok) return read(said.epoch);
    const { code, message, ...detail } = said.error;
    if (code === 'usage') return alone();
    throw new ClusterError(code, message, Object.fromEntries(Object.entries(detail).filter(([, one]) => one)));
  };
  return {
    quorumCheck: (asked) =>
      ask(
        { ask: 'may-stop', ...asked },
        () => otherwise().quorumCheck(asked),
        () => undefined,
      ),
    storeEpoch: async () => {
      const epoch = await ask(
        { ask: 'epoch' },
        () => otherwise().storeEpoch(),
        (read) => read,
      );
      return epoch ?? otherwise().storeEpoch();
    },
  };
}

/** null: there is no daemon, it hangs, or what it says makes no sense. */
async function exchange(base: string, asked: Question, timeoutMs: number): Promise<z.infer<typeof reply> | null> {
  try {
    return reply.parse(JSON.parse(await exchangeLine(nodePaths(base).nodeSocket, JSON.stringify(asked), timeoutMs)));
  } catch {
    return null;
  }
}
