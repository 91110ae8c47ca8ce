/** What went wrong, for people: which node, what was seen and wanted, what to do next (P8). */
import type { ClusterError } from '../../errors.ts';
import { type Line, line, span } from './text.ts';

export function errorLines(error: ClusterError): Line[] {
  const { nodeId, seen, wanted, next } = error.detail;
  const [message = '', ...rest] = error.message.split('\n');
  const rows: Line[] = [[span('error: ', 'bad'), span(message)], ...rest.map((text) => line(`  ${text}`))];
  const add = (name: string, value: string | undefined): void => {
    if (!value) return;
    const [first = '', ...more] = value.split('\n');
    rows.push([span(`  ${`${name}:`.padEnd(8)}`, 'dim'), span(first)]);
    for (const text of more) rows.push(line(`          ${text}`));
  };
  add('node', nodeId);
  add('seen', seen);
  add('wanted', wanted);
  add('next', next);
  return rows;
}
