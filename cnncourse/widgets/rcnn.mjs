/**
 * Selective search unfolding: merges of a scene's segments, one by one, the boxes that appear, and the recall so far.
 * The functions mirror `cnncourse.applications.rcnn.grouping`; tests/vectors/rcnn.json checks both.
 */
import { bytesOf, h, panel, put, refill, svg } from "./kit.mjs";

/** @typedef {[number, number, number, number]} Box x1, y1, x2, y2; x2 and y2 lie one past the last pixel */
/** @typedef {{ size: number, box: Box, colour: number[], texture: number[] }} Region histograms of sum 1 */

export const KINDS = ["colour", "texture", "size", "fill"];
const [COLOUR, TEXTURE] = [75, 240]; // bins of all channels together

const sum = (values) => values.reduce((total, value) => total + value, 0);
const shared = (a, b) => a.reduce((total, value, index) => total + Math.min(value, b[index]), 0);
const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
const around = (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];

const SIMILARITIES = {
  colour: (a, b) => shared(a.colour, b.colour),
  texture: (a, b) => shared(a.texture, b.texture),
  size: (a, b, whole) => 1 - (a.size + b.size) / whole,
  fill: (a, b, whole) => 1 - (area(around(a.box, b.box)) - a.size - b.size) / whole,
};

/** All four similarities of two regions. @param {Region} a @param {Region} b @param {number} whole pixels of the image */
export function similarities(a, b, whole) {
  return Object.fromEntries(KINDS.map((kind) => [kind, SIMILARITIES[kind](a, b, whole)]));
}

/** Two regions as one, without a look at the pixels. @param {Region} a @param {Region} b @returns {Region} */
export function joined(a, b) {
  const size = a.size + b.size;
  const mean = (first, second) => first.map((value, index) => (a.size * value + b.size * second[index]) / size);
  return { size, box: around(a.box, b.box), colour: mean(a.colour, b.colour), texture: mean(a.texture, b.texture) };
}

/** The segments as regions, from their map and their histograms. */
export function describe(segments, counts, side) {
  const number = counts.length / (COLOUR + TEXTURE);
  const regions = Array.from({ length: number }, (_, index) => {
    const row = Array.from(counts.slice(index * (COLOUR + TEXTURE), (index + 1) * (COLOUR + TEXTURE)));
    const parts = [row.slice(0, COLOUR), row.slice(COLOUR)];
    const [colour, texture] = parts.map((part) => { const total = sum(part); return part.map((value) => value / total); });
    return { size: 0, box: [side, side, 0, 0], colour, texture };
  });
  segments.forEach((segment, place) => {
    const [x, y] = [place % side, Math.floor(place / side)];
    const region = regions[segment];
    region.size += 1;
    region.box = around(region.box, [x, y, x + 1, y + 1]);
  });
  return regions;
}

/** For each segment the set of those that touch it along the side of a pixel. */
export function neighboursOf(segments, side, number) {
  const touching = Array.from({ length: number }, () => new Set());
  const touch = (a, b) => { if (a !== b) { touching[a].add(b); touching[b].add(a); } };
  segments.forEach((segment, place) => {
    if ((place + 1) % side) touch(segment, segments[place + 1]);
    if (place + side < segments.length) touch(segment, segments[place + side]);
  });
  return touching;
}

/** Merge the most similar neighbours until one region is left. @param {Region[]} segments @param {Set<number>[]} touching */
export function group(segments, touching, kinds, whole) {
  const regions = [...segments];
  const neighbours = touching.map((others) => new Set(others));
  // rounded, so that no last bit decides between equals
  const worth = (a, b) => Math.round(1e9 * sum(kinds.map((kind) => SIMILARITIES[kind](regions[a], regions[b], whole)))) / 1e9;
  let pairs = neighbours.flatMap((others, a) => [...others].filter((b) => a < b).map((b) => ({ a, b, s: worth(a, b) })));
  const merges = [];
  while (pairs.length) {
    const { a, b, s } = pairs.reduce((best, pair) => (pair.s > best.s || (pair.s === best.s
      && (pair.a < best.a || (pair.a === best.a && pair.b < best.b))) ? pair : best));
    const made = regions.length;
    merges.push({ a, b, similarity: s });
    regions.push(joined(regions[a], regions[b]));
    neighbours.push(new Set([...neighbours[a], ...neighbours[b]].filter((other) => other !== a && other !== b)));
    pairs = pairs.filter((pair) => ![pair.a, pair.b].some((one) => one === a || one === b));
    for (const other of neighbours[made]) {
      neighbours[other].delete(a);
      neighbours[other].delete(b);
      neighbours[other].add(made);
      pairs.push({ a: other, b: made, s: worth(other, made) });
    }
  }
  return { regions, merges, first: segments.length };
}

/** The region that each segment belongs to after some merges. */
export function ownersAfter({ regions, merges, first }, done) {
  const now = regions.map((_, index) => index);
  for (let step = done - 1; step >= 0; step -= 1) {
    now[merges[step].a] = now[first + step];
    now[merges[step].b] = now[first + step];
  }
  return now.slice(0, first);
}

/** Intersection over union. @param {Box} a @param {Box} b */
export function iou(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const both = width * height;
  return both > 0 ? both / (area(a) + area(b) - both) : 0;
}

/** For each object the best box so far and its IoU. @param {Box[]} truth */
export function bestSoFar({ regions, first }, done, truth) {
  const boxes = regions.slice(0, first + done).map((region) => region.box);
  return truth.map((object) => {
    const overlaps = boxes.map((box) => iou(object, box));
    const value = Math.max(...overlaps);
    return { value, box: boxes[overlaps.indexOf(value)] };
  });
}

/** The state in words. */
export function sentence(tree, done, best) {
  const found = best.filter(({ value }) => value >= 0.5).length;
  const recall = `${found} of ${best.length} objects have a box with IoU of one half or more: recall ${(found / best.length).toFixed(2)}.`;
  const list = `${tree.first - done} regions are left, ${tree.first + done} boxes are proposed. ${recall}`;
  return done ? `After ${done} of ${tree.merges.length} merges ${list}` : `Before the first merge ${list}`;
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.rc-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.rc-pane { position: relative; width: 100%; max-width: 24rem; }
.rc-pane canvas { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.rc-pane svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.rc-pane rect, .rc-key rect { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2.5; }
.rc-true { stroke: var(--cnn-green); }
.rc-best { stroke: var(--cnn-orange); stroke-dasharray: 6 3; }
.rc-new { stroke: var(--cnn-blue); }
.rc-table { width: 100%; border-collapse: collapse; font-size: 0.9em; margin: 0; }
.rc-table :is(th, td) { padding: 0.15rem 0.4rem; text-align: right; border: 0; background: none; font-weight: 400; }
.rc-table :is(th, td):first-child { text-align: left; }
.rc-table thead th { color: var(--cnn-muted); }
.rc-bar { display: inline-block; height: 0.7em; background: var(--cnn-blue); border-radius: 2px; vertical-align: middle; }
.rc-bars td:last-child { width: 55%; text-align: left; }
@container (min-width: 34rem) { .rc-stage { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "The hierarchy of selective search, merge by merge", style: STYLE });
  const side = model.get("side");
  const rgb = bytesOf(model.get("picture"));
  const segments = Array.from(bytesOf(model.get("segments")));
  const counts = new Uint16Array(bytesOf(model.get("counts")).slice().buffer);
  const described = describe(segments, counts, side);
  const touching = neighboursOf(segments, side, described.length);
  const means = meanColours(segments, rgb, described);
  const trees = new Map();
  const treeOf = (without) => {
    if (!trees.has(without)) {
      trees.set(without, group(described, touching, KINDS.filter((kind) => kind !== without), side * side));
    }
    return trees.get(without);
  };
  const last = described.length - 1;
  const canvas = h("canvas", { width: side, height: side });
  const marks = svg("svg", { viewBox: `0 0 ${side} ${side}`, role: "img" });
  const [table, bars, say] = [h("div"), h("div"), h("p", { class: "cnn-say" })];
  const now = () => Math.min(model.get("merges"), last);
  const step = (by) => put(model, { merges: Math.max(0, Math.min(last, now() + by)) });

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("merges", { label: "Merges done", min: 0, max: last, format: (value) => `${Math.min(value, last)} of ${last}` }),
      ui.choice("without", { label: "Leave out", options: [["", "nothing"], ...KINDS.map((kind) => [kind, kind])] }),
      h("div", { class: "cnn-row" }, ui.button("One back", () => step(-1)), ui.button("One merge", () => step(1)))),
    h("div", { class: "rc-stage" },
      h("div", { class: "cnn-part" },
        h("div", { class: "rc-pane" }, canvas, marks),
        h("div", { class: "cnn-legend rc-key" }, key("rc-true", "object"), key("rc-best", "best box so far"), key("rc-new", "merged last"))),
      h("div", { class: "cnn-part" }, table, bars)),
    say);

  ui.watch(["merges", "without"], () => {
    const tree = treeOf(model.get("without"));
    const done = now();
    const best = bestSoFar(tree, done, model.get("truth"));
    paintRegions(canvas, segments, ownersAfter(tree, done), means, described, side);
    const frame = (kind, [x1, y1, x2, y2]) => svg("rect", { class: kind, x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
    const merged = done > 0 && tree.regions[tree.first + done - 1];
    refill(marks, model.get("truth").map((box) => frame("rc-true", box)), best.map(({ box }) => frame("rc-best", box)),
      merged && frame("rc-new", merged.box));
    say.textContent = sentence(tree, done, best);
    marks.setAttribute("aria-label", `The scene in the mean colours of its regions. ${say.textContent}`);
    refill(table, objectsTable(model.get("names"), best));
    refill(bars, mergeTable(tree, done, model.get("without"), side * side));
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

/** Mean colour of each segment, [red, green, blue]. */
function meanColours(segments, rgb, regions) {
  const totals = regions.map(() => [0, 0, 0]);
  segments.forEach((segment, place) => { for (let c = 0; c < 3; c += 1) totals[segment][c] += rgb[3 * place + c]; });
  return totals.map((total, index) => total.map((value) => value / regions[index].size));
}

/** Every region in its mean colour, with darker pixels along its border. */
function paintRegions(canvas, segments, owners, means, regions, side) {
  const [colours, sizes] = [new Map(), new Map()];
  owners.forEach((owner, segment) => {
    const old = colours.get(owner) ?? [0, 0, 0];
    colours.set(owner, old.map((value, c) => value + means[segment][c] * regions[segment].size));
    sizes.set(owner, (sizes.get(owner) ?? 0) + regions[segment].size);
  });
  const bytes = new Uint8ClampedArray(side * side * 4);
  segments.forEach((segment, place) => {
    const owner = owners[segment];
    const right = (place + 1) % side ? owners[segments[place + 1]] : owner;
    const below = place + side < segments.length ? owners[segments[place + side]] : owner;
    const shade = right === owner && below === owner ? 1 : 0.62;
    bytes.set([...colours.get(owner).map((value) => (shade * value) / sizes.get(owner)), 255], 4 * place);
  });
  canvas.getContext("2d").putImageData(new ImageData(bytes, side, side), 0, 0);
}

function objectsTable(names, best) {
  return h("table", { class: "rc-table" },
    h("thead", {}, h("tr", {}, ["object", "best IoU so far", "found"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, names.map((name, index) => h("tr", {}, h("th", { scope: "row" }, name),
      h("td", {}, best[index].value.toFixed(2)), h("td", {}, best[index].value >= 0.5 ? "yes" : "no")))));
}

function mergeTable({ regions, merges }, done, without, whole) {
  if (!done) return h("p", { class: "cnn-title" }, "Nothing is merged yet: each segment is a proposal.");
  const { a, b, similarity } = merges[done - 1];
  const each = similarities(regions[a], regions[b], whole);
  return [
    h("div", { class: "cnn-title" }, h("b", {}, "Last merge"), `: ${regions[a].size} and ${regions[b].size} pixels, similarity ${similarity.toFixed(2)}`),
    h("table", { class: "rc-table rc-bars" }, h("tbody", {}, KINDS.map((kind) => h("tr", {},
      h("th", { scope: "row" }, kind), h("td", {}, kind === without ? "left out" : each[kind].toFixed(2)),
      h("td", {}, bar(kind === without ? 0 : each[kind])))))),
  ];
}

function bar(value) {
  const element = h("span", { class: "rc-bar", "aria-hidden": "true" });
  element.style.width = `${(100 * Math.max(0, Math.min(1, value))).toFixed(1)}%`;
  return element;
}

function key(kind, text) {
  return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { class: kind, x: 2, y: 2, width: 12, height: 12 })), text);
}

export default { render };
