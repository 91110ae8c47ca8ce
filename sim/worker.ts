/** One process that runs a bundle, line by line. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { simulationNode } from '../scripts/lib/setup.js';

/** A run throws away most of what it makes within milliseconds: with a young generation this large little is moved twice. */
const nodeOptions = ['--min-semi-space-size=64', '--max-semi-space-size=64'];

/** What a seed that broke a promise is printed as. */
export interface Found {
  seed: number;
  promise: string;
  text: string;
}

/** Throws when it ends before its last line, the sum. */
export async function runWorker(file: string, args: string[], onLine: (line: string) => void): Promise<void> {
  const child = spawn(simulationNode(), [...nodeOptions, file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    onLine(line);
  }
  const code = await ended;
  if (!last.startsWith('{"sum"')) throw new Error(`a worker ended with ${code} before it was done`);
}
