#!/usr/bin/env node
// Draws docs/states.svg from the transition tables in src/cluster/update/states.ts: the arrows are the tables, only the
// places of the boxes are chosen here. `--check` writes nothing and fails when the picture is not what the tables say.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';

const picture = fileURLToPath(new URL('../docs/states.svg', import.meta.url));

/** Where each state's box is, as [column, row]. A state without a place is an error, so none can be forgotten. */
const panels = [
  {
    title: 'A node in an update',
    table: 'taskTransitions',
    places: {
      pending: [0, 0],
      staged: [1, 0],
      draining: [2, 0],
      activating: [3, 0],
      trial: [4, 0],
      committed: [5, 0],
      'rolling-back': [5, 1],
      skipped: [0, 2],
      failed: [2, 2],
      'rolled-back': [4, 2],
    },
  },
  {
    title: 'An update',
    table: 'updateTransitions',
    places: {
      refused: [0, 0],
      running: [1, 0],
      done: [2, 0],
      stopping: [1, 1],
      reverting: [2, 1],
      reverted: [3, 1],
      aborted: [0, 2],
    },
  },
];

const goodEnds = ['committed', 'done', 'skipped'];
const goingBack = ['rolling-back', 'stopping', 'reverting'];

const box = { width: 112, height: 34 };
const pitch = { x: 150, y: 84 };
const margin = { x: 92, top: 88 };

const centre = ([column, row]) => ({ x: margin.x + column * pitch.x, y: margin.top + row * pitch.y });
const round = (number) => Math.round(number * 10) / 10;

/** The n-th of `count` points spread over the middle of a box's edge, as an offset from its centre. */
const spread = (n, count) => (n - (count - 1) / 2) * Math.min(24, (box.width * 0.7) / count);

function colour(state, table) {
  if (table[state].length > 0) return goingBack.includes(state) ? 'back' : 'forward';
  return goodEnds.includes(state) ? 'good' : 'end';
}

function drawBox(state, place, kind) {
  const { x, y } = centre(place);
  const corner = `x="${x - box.width / 2}" y="${y - box.height / 2}" width="${box.width}" height="${box.height}"`;
  return `  <rect class="${kind}" ${corner} rx="8"/>\n  <text x="${x}" y="${y + 4}">${state}</text>`;
}

/** Neighbours in a row are joined by a straight line, all others by a curve from the lower edge to the upper edge. */
function drawEdges(table, places) {
  const edges = Object.entries(table).flatMap(([from, targets]) => targets.map((to) => ({ from, to })));
  const sameRow = ({ from, to }) => places[from][1] === places[to][1];
  const curved = edges.filter((edge) => !sameRow(edge));
  const port = (edge, end, other) => {
    const siblings = curved
      .filter((each) => each[end] === edge[end])
      .toSorted((a, b) => places[a[other]][0] - places[b[other]][0] || places[a[other]][1] - places[b[other]][1]);
    return spread(siblings.indexOf(edge), siblings.length);
  };
  return edges.map((edge) => {
    const from = centre(places[edge.from]);
    const to = centre(places[edge.to]);
    if (sameRow(edge)) {
      const side = to.x > from.x ? 1 : -1;
      return line(`M${from.x + (side * box.width) / 2} ${from.y}H${to.x - side * (box.width / 2 + 5)}`, edge);
    }
    const side = to.y > from.y ? 1 : -1;
    const start = { x: round(from.x + port(edge, 'from', 'to')), y: from.y + (side * box.height) / 2 };
    const end = { x: round(to.x + port(edge, 'to', 'from')), y: to.y - side * (box.height / 2 + 5) };
    const bend = round(((end.y - start.y) * 2) / 3);
    return line(
      `M${start.x} ${start.y}C${start.x} ${start.y + bend} ${end.x} ${round(end.y - bend)} ${end.x} ${end.y}`,
      edge,
    );
  });
}

const line = (path, { from, to }) => `  <path d="${path}"><title>${from} to ${to}</title></path>`;

/** A dot with an arrow for every state that nothing leads to: there it begins. */
function drawBeginnings(table, places) {
  const reached = new Set(Object.values(table).flat());
  const first = Object.keys(table).filter((state) => !reached.has(state));
  return first.map((state) => {
    const { x, y } = centre(places[state]);
    const top = y - box.height / 2;
    return `  <circle cx="${x}" cy="${top - 22}" r="4"/>\n  <path d="M${x} ${top - 18}V${top - 5}"/>`;
  });
}

function drawPanel({ title, table: name, places }, tables, offset) {
  const table = tables[name];
  const homeless = Object.keys(table).filter((state) => places[state] === undefined);
  const gone = Object.keys(places).filter((state) => table[state] === undefined);
  if (homeless.length + gone.length > 0) {
    throw new Error(
      `scripts/draw-states.js: ${name} has ${homeless.join(', ') || 'nothing'} without a place, and places for ${gone.join(', ') || 'nothing'} that it has not`,
    );
  }
  const boxes = Object.keys(table).map((state) => drawBox(state, places[state], colour(state, table)));
  const parts = [...drawEdges(table, places), ...drawBeginnings(table, places), ...boxes];
  return `<g transform="translate(0 ${offset})">\n  <text class="title" x="24" y="30">${title}</text>\n${parts.join('\n')}\n</g>`;
}

function legend(y) {
  const kinds = [
    ['forward', 'going forward'],
    ['back', 'going back'],
    ['good', 'ended well'],
    ['end', 'ended otherwise, on a known release'],
  ];
  const entry = ([kind, words], n) =>
    `<rect class="${kind}" x="${24 + n * 150}" y="${y - 11}" width="20" height="13" rx="3"/><text class="legend" x="${50 + n * 150}" y="${y}">${words}</text>`;
  return kinds.map(entry).join('\n');
}

const style = `
  text { font: 13px ui-sans-serif, system-ui, sans-serif; text-anchor: middle; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px; text-anchor: start }
  .legend { font-size: 12px; text-anchor: start; fill: #59636e }
  path { fill: none; stroke: #59636e; stroke-width: 1.3; marker-end: url(#arrow) }
  circle { fill: #59636e }
  .forward { fill: #ddf4ff; stroke: #0969da } .back { fill: #fff8c5; stroke: #9a6700 }
  .good { fill: #dafbe1; stroke: #1a7f37; stroke-width: 2 } .end { fill: #eaeef2; stroke: #59636e; stroke-width: 2 }
`;

function draw(tables) {
  const height = 2 * pitch.y + margin.top + 50;
  const total = { width: 2 * margin.x + 5 * pitch.x, height: panels.length * height + 40 };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" role="img" aria-label="States of a node in an update, and of an update">
<!-- Made by scripts/draw-states.js from src/cluster/update/states.ts: change those. -->
<style>${style}</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#59636e;stroke:none;marker-end:none"/></marker></defs>
<rect width="${total.width}" height="${total.height}" rx="10" fill="#ffffff"/>
${panels.map((panel, n) => drawPanel(panel, tables, n * height)).join('\n')}
${legend(total.height - 22)}
</svg>
`;
}

const wanted = draw(await tsImport('../src/cluster/update/states.ts', import.meta.url));
if (!process.argv.includes('--check')) {
  mkdirSync(dirname(picture), { recursive: true });
  writeFileSync(picture, wanted);
} else if (!existsSync(picture) || readFileSync(picture, 'utf8') !== wanted) {
  console.error(
    'docs/states.svg is not what src/cluster/update/states.ts says: run `npm run states` and commit the result',
  );
  process.exitCode = 1;
}
