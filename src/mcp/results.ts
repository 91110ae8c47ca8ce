/** Tool results: text for the reader beside structured content, and errors that say what to do next (P8). */
import type { CallToolResult } from '@modelcontextprotocol/server';
import { asClusterError, type ClusterError } from '../errors.ts';
import { errorLines } from '../front/render/error.ts';
import { type Line, paintAll } from '../front/render/text.ts';

function textOf(rows: Line[]): string {
  return paintAll(rows, false).trimEnd();
}

/** @param structured plain JSON that fits the tool's output schema */
export function toolResult(rows: Line[], structured: object, isError = false): CallToolResult {
  return {
    content: [{ type: 'text', text: textOf(rows) }],
    structuredContent: plain(structured),
    ...(isError ? { isError } : {}),
  };
}

/** An error as a result: the agent reads what was seen, what was wanted, and what to do next. */
export function toolError(thrown: unknown): CallToolResult {
  const error: ClusterError = asClusterError(thrown);
  return {
    isError: true,
    content: [
      { type: 'text', text: textOf(errorLines(error)) },
      { type: 'text', text: JSON.stringify({ error }) },
    ],
  };
}

/** What would cross the wire: no undefined, no class. */
function plain(value: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
}
