/** The table of docs/safeguards.md: rows collected while the cases run, one section per test file. */
import { appendFileSync, readFileSync } from 'node:fs';

export interface Row {
  fault: string;
  happened: string;
  /** From the fault to the moment when no update runs and every node is healthy, ms. */
  healthyMs: number;
  /** Between two acknowledged writes, ms. */
  gapMs: number;
  writes: number;
  promises: string;
}

interface SectionRow extends Row {
  section: string;
}

/** Where rows of this run are collected; the run's set-up names it. */
export const rowsFileVariable = 'CLAUDECLUSTER_FAULT_ROWS';

export function noteRow(section: string, row: Row): void {
  const file = process.env[rowsFileVariable];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ section, ...row } satisfies SectionRow)}\n`);
}

export function readRows(file: string): Map<string, Row[]> {
  const sections = new Map<string, Row[]>();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { section, ...row } = JSON.parse(line) as SectionRow;
    sections.set(section, [...(sections.get(section) ?? []), row]);
  }
  return sections;
}

const begin = '<!-- faults: written by FAULTS_WRITE=1 npm run test:faults -->';
const end = '<!-- end of faults -->';

export function sectionText(section: string, rows: Row[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const lines = rows.map(
    (row) =>
      `| ${cell(row.fault)} | ${cell(row.happened)} | ${(row.healthyMs / 1000).toFixed(1)} s | ${gapText(row.gapMs)} | 0 of ${row.writes} | ${row.promises} |`,
  );
  return [
    `### ${section}`,
    '',
    '| fault | what happened | until all is well | longest write gap | acknowledged writes lost | promise |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

const gapText = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** Puts the sections of this run in the place of the old ones; those that did not run stay as they are. */
export function withSections(page: string, sections: Map<string, Row[]>): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/safeguards.md lacks the markers ${begin} and ${end}`);
  const old = page
    .slice(from + begin.length, to)
    .split(/^(?=### )/m)
    .map((text) => text.trim())
    .filter(Boolean);
  const texts = new Map(old.map((text) => [/^### (.*)$/m.exec(text)?.[1] ?? '', text]));
  for (const [section, rows] of sections) texts.set(section, sectionText(section, rows).trim());
  const all = [...texts.keys()].sort().map((name) => texts.get(name));
  return `${page.slice(0, from)}${begin}\n\n${all.join('\n\n')}\n\n${page.slice(to)}`;
}
