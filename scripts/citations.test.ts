import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const repo = fileURLToPath(new URL('..', import.meta.url));
const kinds = ['.ts', '.js', '.md', '.txt', '.proto'];

/** Every file that a newcomer reads, relative to the clone. */
function texts(): string[] {
  const below = (dir: string): string[] =>
    readdirSync(join(repo, dir), { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name));
  const inside = ['src', 'test', 'sim', 'scripts', 'bench', 'docs', 'proto'].flatMap(below);
  return [...inside, 'README.md', 'CONTRIBUTING.md', 'SECURITY.md'].filter((file) => kinds.includes(extname(file)));
}

it('a page that the code or the docs cite is there, by its name or an ADR by its number', () => {
  const pages = readdirSync(join(repo, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`);
  const missing = texts().flatMap((file) => {
    const cited = readFileSync(join(repo, file), 'utf8').match(/\bdocs\/[\w/.-]*\w/g) ?? [];
    return cited.filter((page) => !pages.some((each) => each.startsWith(page))).map((page) => `${file}: ${page}`);
  });
  expect(missing).toEqual([]);
});

it('nothing cites a document that is not in the clone', () => {
  const elsewhere = /\b(DESIGN|FIELD)(\.md|:| \u00a7)/;
  const citing = texts().filter((file) => elsewhere.test(readFileSync(join(repo, file), 'utf8')));
  expect(citing.filter((file) => file !== 'scripts/citations.test.ts')).toEqual([]);
});
