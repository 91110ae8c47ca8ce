/** Text as lines of styled spans: pure, measured before it is painted, so that colours never disturb a width. */

export type Style = 'plain' | 'bold' | 'dim' | 'good' | 'bad' | 'warn';
export interface Span {
  text: string;
  style: Style;
}
export type Line = Span[];

export function span(text: string, style: Style = 'plain'): Span {
  return { text: clean(text), style };
}

/** Shorthand for a line of one span. */
export function line(text: string, style: Style = 'plain'): Line {
  return [span(text, style)];
}

/**
 * Control characters out: what a node or a failed build says (log tails, error texts) must not move the cursor or
 * retitle the terminal of the one who reads it.
 */
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ');
}

export function short(hash: string): string {
  return hash.slice(0, 10);
}

/** "0.2.0 1f3c5e7a90" */
export function releaseText(release: { buildHash: string; version: string } | null): string {
  return release === null ? '-' : `${release.version} ${short(release.buildHash)}`.trim();
}

function widthOf(row: Line): number {
  return row.reduce((sum, part) => sum + [...part.text].length, 0);
}

/** Cuts a line to `columns`, the last place taken by an ellipsis. */
export function fit(row: Line, columns: number): Line {
  if (columns <= 0 || widthOf(row) <= columns) return row;
  const result: Line = [];
  let left = columns - 1;
  for (const part of row) {
    const letters = [...part.text];
    if (letters.length > left) {
      result.push({ text: `${letters.slice(0, left).join('')}…`, style: part.style });
      break;
    }
    result.push(part);
    left -= letters.length;
  }
  return result;
}

const codes: Record<Style, string> = { plain: '', bold: '1', dim: '2', good: '32', bad: '31', warn: '33' };

/** The line as a string, with ANSI colours if wanted. */
export function paint(row: Line, color: boolean): string {
  return row
    .map(({ text, style }) => (color && style !== 'plain' ? `\u001b[${codes[style]}m${text}\u001b[0m` : text))
    .join('')
    .replace(/ +$/, '');
}

export function paintAll(rows: Line[], color: boolean): string {
  return rows.map((row) => `${paint(row, color)}\n`).join('');
}

/** Columns as wide as their widest cell, two spaces between them. */
export function table(head: string[], rows: Line[][], indent = ''): Line[] {
  const cells = [head.map((text) => line(text, 'dim')), ...rows];
  const widths = head.map((_, index) => Math.max(...cells.map((row) => widthOf(row[index] ?? []))));
  return cells.map((row) => {
    const parts: Line = indent === '' ? [] : [span(indent)];
    row.forEach((cell, index) => {
      parts.push(...cell);
      const gap = (widths[index] ?? 0) - widthOf(cell) + 2;
      if (index < row.length - 1) parts.push(span(' '.repeat(gap)));
    });
    return parts;
  });
}
