/** Every argument that rsync is started with, on either end. Values only: nothing is run, nothing is interpolated. */

import { isBuildHash } from '../../base/build-hash.ts';
import { ClusterError } from '../../errors.ts';
import type { Direction } from '../../ports/transfer.ts';

/** rsync takes at most 20 of them. */
const copyDestsAtMost = 20;

/**
 * What a client announces after `-e.`: letters, after a protocol version where it is a pre-release. The only part of a
 * client's argv that reaches the server's.
 */
const capabilityPattern = /^(\d{1,3}(\.\d{1,3})?)?[A-Za-z]{0,32}$/;

/**
 * Both ends: trees with links and permissions, compared by content; no owner, no times. `--delete` on both, for the two
 * must agree on what they tell each other.
 */
const common = ['--recursive', '--links', '--perms', '--checksum', '--delete'];

/**
 * `--partial` keeps what arrived of a large file, so that the next attempt goes on from there. Directories stay writable
 * until the release is installed, or an interrupted one could neither be resumed nor removed.
 */
const receiving = ['--partial', '--chmod=Du+rwx'];

/**
 * What these have is copied on this disk and not moved. Not --link-dest: a build that writes into a file of its own would
 * write into every release that shares it (P7).
 */
const copyDests = (dirs: string[]): string[] => dirs.slice(0, copyDestsAtMost).map((dir) => `--copy-dest=${dir}`);

/** With a slash: the content of a directory, not the directory. It is always absolute, so never an option. */
const content = (dir: string): string => (dir.endsWith('/') ? dir : `${dir}/`);

/** The host that rsync believes it talks to; the path is the hash. */
const remote = (hash: string): string => `release:${hash}/`;

/**
 * rsync splits its `-e` at spaces, and knows quotes: a doubled quote inside quotes is the quote itself.
 * Throws ClusterError 'usage' for an empty command.
 */
export function rshOption(command: string[]): string {
  if (command.length === 0) throw new ClusterError('usage', 'the remote shell of rsync is empty');
  return `--rsh=${command.map((word) => `'${word.replaceAll("'", "''")}'`).join(' ')}`;
}

const client = (rshCommand: string[]): string[] => [
  ...common,
  '--stats',
  '--no-human-readable',
  // Otherwise some builds of rsync send the arguments through the pipe, where nobody would read them.
  '--no-s',
  rshOption(rshCommand),
];

export interface PullArguments {
  rshCommand: string[];
  hash: string;
  into: string;
  have: string[];
  /** Print what was not as the source has it. */
  itemize?: boolean;
}

/** Receives the release `hash` into `into`; equal files are copied from those in `have`. Paths are absolute. */
export function pullArgv(options: PullArguments): string[] {
  const { rshCommand, hash, into, have, itemize } = options;
  const report = itemize ? ['--itemize-changes'] : [];
  return ['rsync', ...client(rshCommand), ...report, ...receiving, ...copyDests(have), remote(hash), content(into)];
}

/** Sends the tree in `dir`. */
export function pushArgv(options: { rshCommand: string[]; hash: string; dir: string }): string[] {
  return ['rsync', ...client(options.rshCommand), content(options.dir), remote(options.hash)];
}

/** From directory to directory on this host. */
export function copyArgv(options: { from: string; into: string; have: string[] }): string[] {
  const { from, into, have } = options;
  const local = [...common, '--stats', '--no-human-readable'];
  return ['rsync', ...local, ...receiving, ...copyDests(have), content(from), content(into)];
}

/**
 * The serving end. It runs with the one directory as its working directory, and knows it as `.`.
 * Throws ClusterError 'usage' for capabilities that are none.
 */
export function serverArgv(options: { direction: Direction; capabilities: string; have: string[] }): string[] {
  const { direction, capabilities, have } = options;
  if (!capabilityPattern.test(capabilities)) {
    throw new ClusterError('usage', 'these are no capabilities of rsync', {
      seen: JSON.stringify(capabilities.slice(0, 80)),
      wanted: 'the letters after -e. of its server arguments',
    });
  }
  // The short letters of `common`, in the form in which rsync itself passes them on.
  const letters = `-lprce.${capabilities}`;
  if (direction === 'pull') return ['rsync', '--server', '--sender', letters, '.', './'];
  return ['rsync', '--server', letters, '--delete', '--stats', ...receiving, ...copyDests(have), '.', './'];
}

/** What our front needs to know of the arguments that rsync gave it. */
export interface RshRequest {
  direction: Direction;
  hash: string;
  capabilities: string;
}

/**
 * Reads what rsync appends to its `-e` command: `HOST rsync --server [--sender] -lprce.LETTERS … . HASH/`.
 * Throws ClusterError 'usage' when it is anything else.
 */
export function parseRshArgv(argv: string[]): RshRequest {
  const words = argv[0] === '--' ? argv.slice(1) : argv;
  const hash = words.at(-1)?.replace(/\/$/, '');
  const letters = words.find((word) => /^-[A-Za-z]*e\./.test(word));
  const capabilities = letters?.slice(letters.indexOf('e.') + 2);
  const fits = words[1] === 'rsync' && words[2] === '--server' && words.at(-2) === '.';
  if (!fits || !isBuildHash(hash) || capabilities === undefined || !capabilityPattern.test(capabilities)) {
    throw new ClusterError('usage', 'rsh is started by rsync, for one release', {
      seen: JSON.stringify(words).slice(0, 200),
      wanted: 'release rsync --server [--sender] -lprce.LETTERS … . HASH/',
      next: 'use claudecluster update or node stage',
    });
  }
  return { direction: words.includes('--sender') ? 'pull' : 'push', hash, capabilities };
}
