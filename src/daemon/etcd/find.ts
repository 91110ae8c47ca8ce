/**
 * Is there on this host what a node needs and no release brings: etcd (a voter's Raft member) and rsync (transfers)?
 * Asked before anything is started, so that what is missing is said at once, with how to install it (P8).
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { ClusterError } from '../../errors.ts';

export interface WantedProgram {
  name: 'etcd' | 'rsync';
  /** Name or path; `etcd.binary` of the configuration. Default: the name. */
  binary?: string;
}

export interface FoundProgram {
  name: WantedProgram['name'];
  /** Absolute. */
  path: string;
  /** As `--version` says it ('3.4.23'); null: it did not say, which is no reason against it. */
  version: string | null;
}

export interface ProgramPlaces {
  /** PATH, as in the environment. */
  path: string | undefined;
  /** What a path in `binary` is relative to. */
  cwd: string;
}

interface Traits {
  /** What it says of itself to `--version`. */
  version: RegExp;
  /** The lowest `major.minor` that will do; null: any. */
  atLeast: readonly [major: number, minor: number] | null;
  install: string;
}

const traits: Record<WantedProgram['name'], Traits> = {
  etcd: {
    version: /^etcd Version: (\d+\.\d+\.\d+\S*)/m,
    // Learners come with 3.4, which is Debian 12's; older ones are tried nowhere.
    atLeast: [3, 4],
    install:
      'install it: apt-get install etcd-server (Debian 12, Ubuntu 24.04; its own service is not needed: systemctl disable --now etcd), ' +
      'dnf install etcd (Fedora), or a release of https://github.com/etcd-io/etcd; one that is elsewhere is named by etcd.binary in config.yaml',
  },
  rsync: {
    version: /^rsync\s+version v?(\d+\.\d+\.\d+\S*)/m,
    atLeast: null,
    install: 'install it: apt-get install rsync, or dnf install rsync',
  },
};

/** An answer to `--version` takes a hundredth of a second; on a host that is that slow it is done without, ms. */
const versionMs = 5_000;

/**
 * What is there, in the order of `wanted`. Throws one ClusterError 'operator-needed' (exit code 5) for everything that is
 * not there, cannot be run, or is too old: what, where it was looked for, and how to install it.
 */
export async function findPrograms(wanted: WantedProgram[], places: ProgramPlaces): Promise<FoundProgram[]> {
  const looked = await Promise.all(wanted.map((one) => findProgram(one, places)));
  const problems = looked.flatMap((one) => (one instanceof ClusterError ? [one] : []));
  const [first, ...others] = problems;
  if (first === undefined) return looked.flatMap((one) => (one instanceof ClusterError ? [] : [one]));
  if (others.length === 0) throw first;
  const joined = (pick: (error: ClusterError) => string | undefined): string =>
    problems.map((one) => pick(one) ?? '').join('; ');
  throw new ClusterError(
    'operator-needed',
    problems.map((one) => one.message).join('; '),
    {
      seen: joined((one) => one.detail.seen),
      wanted: joined((one) => one.detail.wanted),
      next: joined((one) => one.detail.next),
    },
    first,
  );
}

/** One program; what keeps it from being used is returned, not thrown. */
export async function findProgram(
  wanted: WantedProgram,
  { path, cwd }: ProgramPlaces,
): Promise<FoundProgram | ClusterError> {
  const { name, binary = name } = wanted;
  const file = lookUp(binary, path, cwd);
  const needed = wantedText(name);
  if (file === null) {
    const where = isPath(binary)
      ? `no program at ${resolve(cwd, binary)}`
      : `no ${binary} in PATH (${path ?? 'unset'})`;
    return unusable(name, `${name} is not installed on this host`, where, needed);
  }
  const asked = await askVersion(file);
  if ('problem' in asked) return unusable(name, `${name} cannot be run`, `${file}: ${asked.problem}`, needed);
  const version = traits[name].version.exec(asked.text)?.[1] ?? null;
  if (isTooOld(name, version)) return unusable(name, `${name} is too old`, `${file} is ${version}`, needed);
  return { name, path: file, version };
}

function wantedText(name: WantedProgram['name']): string {
  const { atLeast } = traits[name];
  return atLeast === null ? name : `${name} ${atLeast.join('.')} or newer`;
}

function unusable(name: WantedProgram['name'], message: string, seen: string, wanted: string): ClusterError {
  return new ClusterError('operator-needed', message, { seen, wanted, next: traits[name].install });
}

function isTooOld(name: WantedProgram['name'], version: string | null): boolean {
  const { atLeast } = traits[name];
  if (atLeast === null || version === null) return false;
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < atLeast[0] || (major === atLeast[0] && minor < atLeast[1]);
}

const isPath = (binary: string): boolean => binary.includes('/');

/** Absolute path of the program as spawn(3) would find it; null: there is none that we may run. */
function lookUp(binary: string, path: string | undefined, cwd: string): string | null {
  const candidates = isPath(binary)
    ? [resolve(cwd, binary)]
    : (path ?? '').split(delimiter).map((dir) => join(isAbsolute(dir) ? dir : resolve(cwd, dir), binary));
  return candidates.find(isRunnable) ?? null;
}

function isRunnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** What it says; one that takes too long has said nothing, and one that cannot be run has a problem. */
function askVersion(file: string): Promise<{ text: string } | { problem: string }> {
  return new Promise((done) => {
    execFile(file, ['--version'], { timeout: versionMs, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error === null || error.killed) return done({ text: stdout });
      const said = `${stderr}${stdout}`.trim().split('\n')[0] ?? '';
      done({ problem: said === '' ? error.message : said });
    });
  });
}
