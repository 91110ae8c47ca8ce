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

const command = (name: string): string => `\`npm run bench -- --only ${name}\``;

/**
 * docs/figures.md. `before` is the page as it is: the rows of benchmarks that were not measured this time are kept from it,
 * if it is of the same machine. Throws when it is not.
 */
export function asMarkdown(machine: string[], results: Result[], all: string[], before: string): string {
  const kept = before.split('\n').filter((line) => line.startsWith('| '));
  const rows = all.flatMap((name) => {
    const result = results.find((one) => one.name === name);
    return result === undefined ? kept.filter((line) => line.includes(command(name))) : rowsOf(result);
  });
  const isOther = machine.slice(0, 2).some((line) => !before.includes(line));
  if (results.length < all.length && isOther) {
    throw new Error('docs/figures.md is of another machine: --write takes a run of everything here');
  }
  return `# Figures

Made by \`npm run bench -- --write\`; do not edit by hand. Measured on:

${machine.map((line) => `- ${line}`).join('\n')}

| figure | target | median | min | max | runs | met | measured by |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function rowsOf({ name, figures }: Result): string[] {
  return figures.map((figure) => {
    const cells = [
      `${figure.what} (${figure.unit})`,
      target(figure),
      number(figure.median),
      number(figure.min),
      number(figure.max),
      String(figure.values.length),
      figure.met === null ? '' : figure.met ? 'yes' : '**no**',
      command(name),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}
