/** Results as text for a terminal, and as docs/figures.md. */
import type { FigureResult, Result } from './harness.ts';

const number = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);

function target({ target }: FigureResult): string {
  if (target === undefined) return 'none, for comparison';
  return 'atMost' in target ? `at most ${target.atMost}` : `at least ${target.atLeast}`;
}

function verdict({ met }: FigureResult): string {
  if (met === null) return '';
  return met ? ': met' : ': MISSED';
}

export function asText(result: Result): string {
  return result.figures
    .map(
      (figure) =>
        `  ${figure.what}: median ${number(figure.median)} ${figure.unit} ` +
        `(${number(figure.min)} to ${number(figure.max)}), target ${target(figure)}${verdict(figure)}`,
    )
    .join('\n');
}

export function asMarkdown(machine: string[], results: Result[]): string {
  const rows = results.flatMap(({ name, figures }) =>
    figures.map((figure) =>
      [
        `${figure.what} (${figure.unit})`,
        target(figure),
        number(figure.median),
        number(figure.min),
        number(figure.max),
        String(figure.values.length),
        figure.met === null ? '' : figure.met ? 'yes' : '**no**',
        `\`bench/${name}.ts\``,
      ].join(' | '),
    ),
  );
  return `# Figures

Made by \`npm run bench -- --write\`; do not edit by hand. Measured on:

${machine.map((line) => `- ${line}`).join('\n')}

| figure | target | median | min | max | runs | met | measured by |
|---|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join('\n')}
`;
}
