/**
 * What a supervisor and the one that it started as its successor tell each other, over the channel that Node gives a
 * child. Two builds speak here (P11): what is not known is passed over, and new fields are optional.
 */
import { z } from 'zod';

const exitFields = { exitCode: z.number().nullable(), signal: z.string().nullable() };

/** The daemon that runs, so that another process can find and adopt it. */
const daemonNote = z.looseObject({
  pid: z.int().min(2),
  startTime: z.string(),
  bootId: z.string(),
  release: z.string().nullable(),
  run: z.string(),
  /** CLOCK_MONOTONIC, ms: the same for every process of this boot. */
  startedAtMs: z.number(),
});
export type DaemonNote = Pick<
  z.infer<typeof daemonNote>,
  'pid' | 'startTime' | 'bootId' | 'release' | 'run' | 'startedAtMs'
>;

const toSuccessor = z.discriminatedUnion('t', [
  /** It supervises from now on: this daemon, after so many starts. */
  z.looseObject({ t: z.literal('go'), daemon: daemonNote.nullable(), starts: z.number() }),
  /** The base was taken back: it may end. */
  z.looseObject({ t: z.literal('have') }),
  /** How a daemon ended that the successor adopted: only who started it can know. */
  z.looseObject({ t: z.literal('exit'), pid: z.number(), ...exitFields }),
]);
export type ToSuccessor = z.infer<typeof toSuccessor>;

const fromSuccessor = z.discriminatedUnion('t', [
  /** It has read its configuration, and waits for `go`. */
  z.looseObject({ t: z.literal('ready') }),
  /** A turn of its work is done; the next such word comes within so many ms, or it hangs. */
  z.looseObject({ t: z.literal('beat'), withinMs: z.number(), daemon: daemonNote.nullable(), starts: z.number() }),
  /** Another release is installed than the one that it is from: it gives the base back, and ends at `have`. */
  z.looseObject({ t: z.literal('back'), daemon: daemonNote.nullable(), starts: z.number() }),
  /** It was told to stop, and has: nothing is left to supervise. */
  z.looseObject({ t: z.literal('stopped') }),
]);
export type FromSuccessor = z.infer<typeof fromSuccessor>;

export function parseToSuccessor(message: unknown): ToSuccessor | null {
  return toSuccessor.safeParse(message).data ?? null;
}

export function parseFromSuccessor(message: unknown): FromSuccessor | null {
  return fromSuccessor.safeParse(message).data ?? null;
}
