/** The src/ of a version of before, from the history, kept in `.cache/sim`. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requireCommit } from '../../scripts/lib/history.js';
import type { Source } from '../bundle.ts';
import type { Replacement } from '../replacement.ts';
import type { Release } from './releases.ts';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Takes it out of the history unless it is there already. Throws an Error that says what to fetch where it is not. */
export async function sourceAt(release: Release): Promise<Source> {
  const dir = join(root, '.cache', 'sim', release.commit);
  if (!existsSync(dir)) await extract(release, dir);
  return { ...release, protocol: protocolOf(dir), verbs: verbsOf(dir), root: dir };
}

/** The tree as it is now; `changes` are those to its commands. */
export function sourceHere(changes: Replacement[]): Source {
  return { name: 'HEAD', protocol: protocolOf(root), verbs: verbsOf(root, changes), root, moved: [], standIns: {} };
}

async function extract({ name, commit }: Release, dir: string): Promise<void> {
  await requireCommit(root, name, commit);
  const made = `${dir}.${process.pid}`;
  mkdirSync(made, { recursive: true });
  try {
    const archive = join(made, 'src.tar');
    await run('git', ['-C', root, 'archive', '--format=tar', '-o', archive, commit, 'src', 'package.json']);
    await run('tar', ['-xf', archive, '-C', made]);
    rmSync(archive);
    // Another run may have been faster: what it made is the same.
    if (!existsSync(dir)) renameSync(made, dir);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function protocolOf(dir: string): Source['protocol'] {
  const { claudecluster } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as {
    claudecluster: { protocol: Source['protocol'] };
  };
  return claudecluster.protocol;
}

/** Where every version has them, as the command registers them. */
export const commands = 'src/cli/commands/node.ts';

/** By the text: the command itself would bring the whole CLI into the world. */
function verbsOf(dir: string, changes: Replacement[] = []): Source['verbs'] {
  const verbs: Source['verbs'] = {};
  const written = readFileSync(join(dir, commands), 'utf8');
  const text = changes.reduce((before, one) => before.replace(one.old, () => one.new), written);
  let flags: string[] = [];
  for (const [, verb, flag] of text.matchAll(
    /(?:node\.command\(|^ +name: )'([a-z-]+)'|^ *(?:\.\w+\()?'(--[a-z-]+)/gm,
  )) {
    if (verb !== undefined) {
      flags = ['--json', '--config'];
      verbs[verb] = flags;
    } else if (flag !== undefined) flags.push(flag);
  }
  if (verbs.activate?.includes('--epoch') !== true) throw new Error(`${join(dir, commands)}: no verbs found in it`);
  return verbs;
}
