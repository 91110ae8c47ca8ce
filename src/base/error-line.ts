/** How an error goes from one process to another through a stream that people read, too: a line of JSON. Pure. */
import { ClusterError, type ErrorDetail, errorCodes } from '../errors.ts';

/** One line for stderr: how one end hands over its own error, code and all. `errorIn` finds it again. */
export function errorLine(error: ClusterError): string {
  return `${JSON.stringify(error)}\n`;
}

const textFields = ['nodeId', 'seen', 'wanted', 'next'] as const;

function parseError(line: string): ClusterError | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null; // Some other line with a brace, or one cut off in the middle: the rest of stderr still tells something.
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Record<string, unknown>;
  const code = errorCodes.find((known) => known === fields.code);
  if (code === undefined || typeof fields.message !== 'string') return null;
  const detail: ErrorDetail = {};
  for (const field of textFields) {
    const text = fields[field];
    if (typeof text === 'string') detail[field] = text;
  }
  return new ClusterError(code, fields.message, detail);
}

/** The error that the other end handed over, if there is one in this stderr. */
export function errorIn(stderr: string): ClusterError | null {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  return (
    lines
      .reverse()
      .map(parseError)
      .find((error) => error !== null) ?? null
  );
}
