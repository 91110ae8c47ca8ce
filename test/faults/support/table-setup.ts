/** Before and after a whole run: where the rows go, and what becomes of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repoRoot } from '../../support/cli.ts';
import { removeDir, tempDir } from '../../support/temp.ts';
import { readRows, rowsFileVariable, sectionText, withSections } from './table.ts';

const page = join(repoRoot, 'docs/safeguards.md');

export default function setUp(): () => void {
  const dir = tempDir('fault-rows');
  const file = join(dir, 'rows.jsonl');
  writeFileSync(file, '');
  process.env[rowsFileVariable] = file;
  return () => {
    const sections = readRows(file);
    removeDir(dir);
    process.stdout.write(`\n${[...sections].map(([name, rows]) => sectionText(name, rows)).join('\n')}\n`);
    const whole = process.env.FAULTS_SHORT !== '1';
    if (process.env.FAULTS_WRITE === '1' && whole)
      writeFileSync(page, withSections(readFileSync(page, 'utf8'), sections));
  };
}
