/** The real binary, dist/index.js, as a person would run it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone's top directory, and its build. */
export const repoRoot = fileURLToPath(new URL('../..', import.meta.url));
export const dist = join(repoRoot, 'dist');

export interface CliOptions {
  /** Value of CLAUDECLUSTER_CONFIG. */
  config?: string;
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
  /** After this many ms the process is killed (code null). Default 120,000. */
  timeoutMs?: number;
  /** Another build than the clone's own: its index.js. */
  bundle?: string;
  /** Ends the process (SIGTERM). */
  signal?: AbortSignal;
  /** 'inherit': the caller's own terminal, so that people see the live view; stdout and stderr are '' then. */
  stdio?: 'pipe' | 'inherit';
}

export interface CliResult {
  /** null when a signal ended it. */
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** Each line of stdout that is JSON, parsed. */
  json: unknown[];
}

/** Starts the CLI with pipes, and returns the process: for what has to be watched or killed while it runs. */
export function spawnCli(args: string[], options: CliOptions = {}): ChildProcess {
  return spawn(process.execPath, [options.bundle ?? join(dist, 'index.js'), ...args], {
    cwd: options.cwd ?? repoRoot,
    env: { ...process.env, ...(options.config ? { CLAUDECLUSTER_CONFIG: options.config } : {}), ...options.env },
    stdio: options.stdio ?? 'pipe',
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/** Runs the CLI to its end. Never throws for an exit code: look at `code`. */
export async function cli(args: string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawnCli(args, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  child.stdin?.on('error', () => undefined); // it may end before it read everything
  child.stdin?.end(options.stdin ?? '');
  const [stdout, stderr, ended] = await Promise.all([text(child.stdout), text(child.stderr), exitOf(child)]);
  clearTimeout(timer);
  return { ...ended, stdout, stderr, json: jsonLines(stdout) };
}

/** As `cli`, for calls that must succeed: throws with all of the output when the exit code is not 0. */
export async function cliOk(args: string[], options: CliOptions = {}): Promise<CliResult> {
  const result = await cli(args, options);
  if (result.code === 0) return result;
  const how = result.signal ?? `exit code ${result.code}`;
  throw new Error(`claudecluster ${args.join(' ')}: ${how}\n${result.stdout}${result.stderr}`);
}

/** Every line that is a JSON document; other lines are left out. A pretty-printed document counts as one. */
export function jsonLines(output: string): unknown[] {
  const whole = parseJson(output);
  if (whole !== undefined) return [whole];
  return output
    .split('\n')
    .map(parseJson)
    .filter((value) => value !== undefined);
}

function parseJson(candidate: string): unknown {
  try {
    return candidate.trim() === '' ? undefined : JSON.parse(candidate);
  } catch {
    return undefined;
  }
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}
