#!/usr/bin/env node
// The walls of the house (docs/architecture.md): who may import from whom. Every import of src/ and sim/ is looked at,
// types too, as the parser reads it; what breaks a rule is named with file, line and rule, and the exit code is 1.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

const usage = `Usage: node scripts/check-layers.js [ROOT]

Checks the imports of ROOT/src and ROOT/sim (default ROOT: this repository) against the rules of docs/architecture.md.
Exit code 0: all hold. 1: some do not; each is printed as FILE:LINE, the import and the rule.`;

/** From the top down: a wing may import from itself and from those further down. A line is one floor: sideways is no way. */
const floors = [
  ['cli', 'mcp', 'http'],
  ['front'],
  ['daemon'],
  ['grpc'],
  ['cluster'],
  ['members'],
  ['host'],
  ['service'],
  ['trial'],
  ['release'],
  ['base'],
  ['ports'],
  ['errors.ts'],
];

/** What an adapter may know of the house: what it implements, and what the lowest floors offer to everybody. */
const belowAdapters = ['adapters', 'base', 'ports', 'errors.ts'];
/** The composition roots: only they name adapters, and the faces that they put together. */
const roots = [/^src\/daemon\/compose\//, /^src\/cli\/compose\//];
/** Programs that the guard is made of: everything they reach is Node's own. */
const guardEntry = 'src/trial/guard-main.ts';
/** Where a clock, a timer or randomness of one's own has no place. */
const timeless = [/^src\/cluster\/update\//, /^src\/trial\//];
const timeNames =
  /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|process\.hrtime|randomUUID|randomBytes|randomInt)\b/;
/** Leaves a reference on its sources that Node 20 never drops (nodejs/node#55351); src/base/signals.ts does not. */
const leaks = /\bAbortSignal\.any\b/;
const timeModules = /^(node:)?(timers|timers\/promises|perf_hooks)$/;

/** Every module below `dir`, relative to `root`, tests left out. */
function modules(root, dir) {
  const at = join(root, dir);
  if (!existsSync(at)) return [];
  return readdirSync(at, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|js)$/.test(name) && !/(\.test|\.d)\.ts$/.test(name))
    .map((name) => join(dir, name))
    .sort();
}

/** The imports of one file: `{ specifier, line }`, static, dynamic and re-exports, types too. */
function importsOf(file, text) {
  const { module, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const found = [];
  const add = (specifier, start) => found.push({ specifier, line: text.slice(0, start).split('\n').length });
  for (const one of module.staticImports) add(one.moduleRequest.value, one.start);
  for (const one of module.staticExports)
    for (const entry of one.entries) if (entry.moduleRequest) add(entry.moduleRequest.value, one.start);
  for (const one of module.dynamicImports) {
    const literal = /^['"](.*)['"]$/s.exec(text.slice(one.moduleRequest.start, one.moduleRequest.end));
    if (literal) add(literal[1], one.start);
  }
  return found;
}

const wingOf = (file) => file.split('/')[1];
const floorOf = (wing) => floors.findIndex((floor) => floor.includes(wing));

/** The broken rule of one import between two files of src/, or null. */
function wallBetween(from, to) {
  const [wing, other] = [wingOf(from), wingOf(to)];
  const composes = roots.some((root) => root.test(from));
  if (other === 'adapters' && wing !== 'adapters') {
    return composes ? null : 'only daemon/compose and cli/compose name an adapter';
  }
  if (wing === 'adapters')
    return belowAdapters.includes(other) ? null : `an adapter knows only ${belowAdapters.join(', ')}`;
  if (floorOf(wing) < 0) return `${wing}/ has no floor in scripts/check-layers.js`;
  if (floorOf(other) < 0) return `${other}/ has no floor in scripts/check-layers.js`;
  if (wing === other) return null;
  if (floorOf(other) < floorOf(wing)) return `${wing} may not import upwards`;
  return floorOf(other) === floorOf(wing) && !composes ? `${wing} and ${other} do not know each other` : null;
}

/** Circles: each as the list of its files, found once. */
function circles(graph) {
  const found = [];
  const done = new Set();
  const path = [];
  const visit = (file) => {
    const at = path.indexOf(file);
    if (at >= 0) return void found.push([...path.slice(at), file]);
    if (done.has(file)) return;
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

/**
 * Everything that breaks a rule below `root`, as lines of text.
 * @param {string} root directory with src/ and sim/
 * @returns {string[]}
 */
export function check(root) {
  const files = [...modules(root, 'src'), ...modules(root, 'sim')];
  const known = new Set(files);
  const graph = new Map();
  const outside = new Map();
  const broken = [];
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    const own = [];
    for (const { specifier, line } of importsOf(file, text)) {
      const say = (rule) => broken.push(`${file}:${line}: imports '${specifier}': ${rule}`);
      if (!specifier.startsWith('.')) {
        outside.set(file, [...(outside.get(file) ?? []), { specifier, say }]);
        if (timeModules.test(specifier) && timeless.some((place) => place.test(file))) say('no clock here');
        continue;
      }
      const to = relative(root, resolve(root, dirname(file), specifier));
      if (known.has(to)) own.push(to);
      if (file.startsWith('src/') && to.startsWith('src/')) {
        const rule = wallBetween(file, to);
        if (rule !== null) say(rule);
      } else if (file.startsWith('src/') && !specifier.endsWith('.json')) say('src/ imports from src/ only');
    }
    graph.set(file, own);
    if (file.startsWith('src/')) {
      codeLines(text, leaks, (line) => {
        broken.push(`${file}:${line}: AbortSignal.any: Node 20 never drops what it leaves; src/base/signals.ts does`);
      });
    }
    if (timeless.some((place) => place.test(file))) {
      codeLines(text, timeNames, (line, name) => {
        broken.push(`${file}:${line}: ${name}: time and randomness come in through a port here`);
      });
    }
  }
  for (const file of reach(graph, guardEntry)) {
    for (const { specifier, say } of outside.get(file) ?? []) {
      if (!specifier.startsWith('node:')) say("the guard is made of Node's builtins and our own files");
    }
  }
  for (const circle of circles(graph)) broken.push(`${circle[0]}: a circle: ${circle.join(' -> ')}`);
  return broken;
}

/** Tells each line, comments left out, in which `names` finds something. */
function codeLines(text, names, tell) {
  text.split('\n').forEach((one, at) => {
    const name = /^\s*(\*|\/\/|\/\*)/.test(one) ? null : names.exec(one);
    if (name) tell(at + 1, name[1]);
  });
}

/** All that one file leads to, itself too. */
function reach(graph, entry) {
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file) || !graph.has(file)) return;
    seen.add(file);
    for (const next of graph.get(file)) visit(next);
  };
  visit(entry);
  return seen;
}

function main(args) {
  if (args.includes('--help')) return void console.log(usage);
  const root = resolve(args[0] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
  const broken = check(root);
  for (const line of broken) console.error(line);
  if (broken.length > 0) {
    console.error(`${broken.length} broken: docs/architecture.md says who may import from whom`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
