/** Text that somebody else wrote, as a value of a schema: for the edges (store, files). */
import type { z } from 'zod';

/** The value, or why it is none: which field, and what is wrong with it. Never throws: one bad text must not hide others. */
export function parseAs<T>(text: string, schema: z.ZodType<T>): { value: T } | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'not JSON' };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const issue = parsed.error.issues[0];
  return { problem: `${issue?.path.join('.') || '(top)'}: ${issue?.message ?? 'not as expected'}` };
}
