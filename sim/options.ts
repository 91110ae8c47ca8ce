/** The options of the simulation's commands: help, and a clear word for what is not one of them. */
import { parseArgs } from 'node:util';

/** `numbers` are whole numbers above 0, with their defaults. Ends the process for --help (0) and for wrong usage (2). */
export function readOptions<N extends string, T extends string, F extends string>(
  help: string,
  wanted: { numbers: Record<N, number>; texts?: Record<T, string>; flags?: F[] },
): Record<N, number> & Record<T, string> & Record<F, boolean> {
  const { numbers, texts, flags = [] } = wanted;
  const usage = (problem: string): never => {
    process.stderr.write(`${problem}\n\n${help}`);
    process.exit(2);
  };
  const named = [...Object.keys(numbers), ...Object.keys(texts ?? {})];
  const options = Object.fromEntries([
    ...named.map((name) => [name, { type: 'string' as const }]),
    ...[...flags, 'help'].map((name) => [name, { type: 'boolean' as const }]),
  ]);
  let values: Record<string, unknown> = {};
  try {
    values = parseArgs({ options }).values;
  } catch (thrown) {
    usage(thrown instanceof Error ? thrown.message : String(thrown));
  }
  if (values.help === true) {
    process.stdout.write(help);
    process.exit(0);
  }
  const numberOf = ([name, otherwise]: [string, unknown]): [string, number] => {
    const given = values[name];
    const value = given === undefined ? Number(otherwise) : Number(given);
    if (!Number.isSafeInteger(value) || value < 1) usage(`--${name} ${given}: a whole number above 0 is wanted`);
    return [name, value];
  };
  return Object.fromEntries([
    ...Object.entries(numbers).map(numberOf),
    ...Object.entries(texts ?? {}).map(([name, otherwise]) => [name, values[name] ?? otherwise]),
    ...flags.map((name) => [name, values[name] === true]),
  ]);
}
