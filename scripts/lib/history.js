// What is taken out of this repository's history: versions of before.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Throws an Error that says what to fetch where the history of the clone at `root` does not have the commit.
 * @param {string} root
 * @param {string} name what the commit is called in reports
 * @param {string} commit all 40 digits
 */
export async function requireCommit(root, name, commit) {
  const there = await run('git', ['-C', root, 'cat-file', '-e', `${commit}^{commit}`]).then(
    () => true,
    () => false,
  );
  if (there) return;
  const shallow = await run('git', ['-C', root, 'rev-parse', '--is-shallow-repository']).catch(() => null);
  const what = shallow === null ? 'this is no git clone' : 'this clone does not have it';
  const next = shallow?.stdout.trim() === 'true' ? 'git fetch --unshallow' : 'git fetch --all';
  throw new Error(`${name} is made from commit ${commit}, and ${what}. Run \`${next}\` in ${root}, then try again`);
}
