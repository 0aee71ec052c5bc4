/**
 * What a trained proposal network says about every anchor of a scene, and which proposals a threshold leaves.
 * The functions mirror `cnncourse.applications`; tests/vectors/faster_rcnn.json checks both.
 */
import { paintScene } from "./detections.mjs";
import { bytesOf, cellGrid, h, panel, placeName, put, refill, svg, update } from "./kit.mjs";

/** @typedef {[number, number, number, number]} Box x1, y1, x2, y2 in pixels */

const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);

/** Intersection over union; a box without area overlaps nothing. @param {Box} a @param {Box} b */
export function iou(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const shared = width * height;
  return shared > 0 ? shared / (area(a) + area(b) - shared) : 0;
}

/** The anchors of one position, ratios fastest. @returns {Box[]} */
export function anchorsAt(row, column, { sizes, ratios, stride }) {
  const [x, y] = [(column + 0.5) * stride, (row + 0.5) * stride];
  return sizes.flatMap((size) => ratios.map((ratio) => {
    const [width, height] = [size / Math.sqrt(ratio), size * Math.sqrt(ratio)];
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
  }));
}

/** Indices whose score reaches the threshold, best first; of equals the earlier one. @param {ArrayLike<number>} scores */
export function above(scores, threshold) {
  const found = [];
  for (let index = 0; index < scores.length; index += 1) if (scores[index] >= threshold) found.push(index);
  return found.sort((a, b) => scores[b] - scores[a] || a - b);
}

/** Greedy suppression among indices that are sorted, best first. @param {(index: number) => Box} boxOf */
export function suppress(order, boxOf, threshold) {
  const kept = [];
  for (const index of order) {
    if (kept.every((better) => iou(boxOf(better), boxOf(index)) <= threshold)) kept.push(index);
  }
  return kept;
}

/** The best score of each position. @param {ArrayLike<number>} scores @param {number} shapes anchors at a position */
export function bestOf(scores, shapes) {
  return Array.from({ length: scores.length / shapes }, (_, place) => {
    let best = 0;
    for (let shape = 1; shape < shapes; shape += 1) {
      if (scores[place * shapes + shape] > scores[place * shapes + best]) best = shape;
    }
    return { shape: best, score: scores[place * shapes + best] };
  });
}

/** The shape of an anchor in words. */
export function shapeName(size, ratio) {
  return `${size} px, ${ratio === 1 ? "square" : ratio > 1 ? "upright" : "lying"}`;
}

/** The state in a sentence. */
export function sentence({ row, column, name, score, before, after, threshold, suppressed }) {
  const left = suppressed ? `; suppression leaves ${after}` : "";
  return `${placeName(row, column)[0].toUpperCase()}${placeName(row, column).slice(1)}: the best of nine anchors is ${name}, objectness ${score.toFixed(2)}. `
    + `${before} of all anchors reach ${threshold.toFixed(2)}${left}.`;
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.fr-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.fr-pane { position: relative; width: 100%; max-width: 24rem; user-select: none; }
.fr-pane canvas { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.fr-grey canvas { filter: grayscale(1); }
.fr-pane > svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; pointer-events: none; }
.fr-pane .cnn-grid { position: absolute; inset: 0; max-width: none; height: 100%; gap: 0; display: grid; grid-template-rows: repeat(12, minmax(0, 1fr)); }
.fr-pane .cnn-grid > div { gap: 0; }
.fr-pane .cnn-cell { min-width: 0; min-height: 0; width: 100%; height: 100%; aspect-ratio: auto; padding: 0; border: 0; border-radius: 0; background: rgb(217 115 13 / calc(var(--fr-heat, 0) * 75%)); }
.fr-pane .cnn-cell[aria-selected="true"] { outline: 2px solid #fff; outline-offset: -2px; box-shadow: inset 0 0 0 3px #000; }
.fr-pane rect, .fr-legend rect { fill: none; vector-effect: non-scaling-stroke; stroke-width: 1.6; }
.fr-anchor { stroke: var(--cnn-blue); stroke-dasharray: 4 3; }
.fr-moved { stroke: var(--cnn-green); }
.fr-moved.fr-best, .fr-anchor.fr-best { stroke-width: 3.5; }
.fr-proposal { stroke: var(--cnn-orange); }
.fr-table { width: 100%; max-width: 24rem; border-collapse: collapse; font-size: 0.88em; margin: 0; }
.fr-table :is(th, td) { padding: 0.1rem 0.4rem; text-align: right; border: 0; background: none; white-space: nowrap; }
.fr-table :is(th, td):first-child { text-align: left; }
.fr-table th { font-weight: 400; color: var(--cnn-muted); }
.fr-table tbody th { color: inherit; }
.fr-table .fr-winner :is(th, td) { font-weight: 700; }
.fr-bar { display: block; width: 4.5rem; height: 0.6rem; background: var(--cnn-track); border-radius: 2px; }
.fr-bar i { display: block; height: 100%; background: var(--cnn-orange); border-radius: 2px; width: calc(var(--fr-part) * 100%); }
@container (min-width: 40rem) { .fr-stage { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A proposal network's objectness over its anchors", style: STYLE });
  const [side, stride, sizes, ratios] = ["side", "stride", "sizes", "ratios"].map((name) => model.get(name));
  const [cells, shapes] = [side / stride, sizes.length * ratios.length];
  const count = cells * cells * shapes;
  const [pictures, scores, boxes] = ["pictures", "objectness", "boxes"].map((name) => bytesOf(model.get(name)));
  const names = sizes.flatMap((size) => ratios.map((ratio) => shapeName(size, ratio)));
  const [left, right] = [h("canvas", { width: side, height: side }), h("canvas", { width: side, height: side })];
  const drawing = () => svg("svg", { viewBox: `0 0 ${side} ${side}`, "aria-hidden": "true" });
  const [nine, all] = [drawing(), drawing()];
  const [table, leftTitle, rightTitle] = [h("div"), h("div", { class: "cnn-title" }), h("div", { class: "cnn-title" })];
  const say = h("p", { class: "cnn-say" });
  const select = (row, column) => put(model, { row, column });
  const grid = cellGrid(cells, cells, { label: "Positions of the map; arrow keys move", select });
  grid.cells.forEach((cell, index) => update(cell, {
    onpointerenter: (event) => event.pointerType === "mouse" && select(Math.floor(index / cells), index % cells),
  }));

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.choice("scene", { label: "Scene", options: model.get("names").map((name, index) => [index, name]) }),
      ui.slider("threshold", { label: "Objectness from", min: 0.05, max: 1, step: 0.05, format: (value) => value.toFixed(2) }),
      h("div", { class: "cnn-row" }, ui.toggle("suppressed", { label: "Suppress" })),
      ui.slider("suppression", { label: "Suppress above IoU", min: 0, max: 1, step: 0.05, format: (value) => value.toFixed(2) })),
    h("div", { class: "fr-stage" },
      h("div", { class: "cnn-part" }, leftTitle, h("div", { class: "fr-pane fr-grey" }, left, grid.element, nine),
        h("div", { class: "cnn-legend fr-legend" }, key("fr-anchor", "anchor"), key("fr-moved", "after its move"))),
      h("div", { class: "cnn-part" }, rightTitle, h("div", { class: "fr-pane" }, right, all), table)),
    say);

  ui.watch(["scene"], () => {
    const first = model.get("scene") * side * side * 3;
    for (const canvas of [left, right]) paintScene(canvas, pictures.subarray(first, first + side * side * 3), side);
  });
  ui.watch(["scene", "row", "column", "threshold", "suppressed", "suppression"], () => {
    const [scene, row, column, threshold, suppressed, suppression] = ["scene", "row", "column", "threshold", "suppressed", "suppression"]
      .map((name) => model.get(name));
    const mine = Array.from(scores.subarray(scene * count, (scene + 1) * count), (value) => value / 255);
    const boxOf = (index) => Array.from(boxes.subarray(4 * (scene * count + index), 4 * (scene * count + index + 1)), (value) => value / 2);
    const frame = (kind, [x1, y1, x2, y2]) => svg("rect", { class: kind, x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
    const best = bestOf(mine, shapes);
    best.forEach(({ score }, place) => grid.cells[place].style.setProperty("--fr-heat", score.toFixed(2)));
    best.forEach(({ score }, place) => update(grid.cells[place], {
      "aria-label": `${placeName(Math.floor(place / cells), place % cells)}, objectness ${score.toFixed(2)}`,
    }));
    grid.mark(row, column);

    const here = row * cells + column;
    const winner = best[here].shape;
    const anchors = anchorsAt(row, column, { sizes, ratios, stride });
    const own = anchors.map((_, shape) => here * shapes + shape);
    refill(nine, anchors.map((box, shape) => frame(`fr-anchor${shape === winner ? " fr-best" : ""}`, box)),
      own.map((index, shape) => (shape === winner || mine[index] >= threshold) && frame(`fr-moved${shape === winner ? " fr-best" : ""}`, boxOf(index))));
    refill(leftTitle, h("b", {}, "Objectness"), ": the darker the orange, the surer");
    refill(table, rows(names, own.map((index) => mine[index]), winner));

    const before = above(mine, threshold);
    const after = suppressed ? suppress(before, boxOf, suppression) : before;
    refill(all, [...after].reverse().map((index) => frame("fr-proposal", boxOf(index))));
    refill(rightTitle, h("b", {}, `${after.length} proposals`), suppressed ? " after suppression" : " before suppression");
    say.textContent = sentence({
      row, column, name: names[winner], score: best[here].score, before: before.length, after: after.length, threshold, suppressed,
    });
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

function key(kind, text) {
  return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { class: kind, x: 2, y: 2, width: 12, height: 12 })), text);
}

function rows(names, scores, winner) {
  const line = (name, index) => {
    const bar = h("i");
    bar.style.setProperty("--fr-part", String(scores[index]));
    return h("tr", { class: index === winner && "fr-winner" },
      h("th", { scope: "row" }, name), h("td", {}, scores[index].toFixed(2)), h("td", { "aria-hidden": "true" }, h("span", { class: "fr-bar" }, bar)));
  };
  return h("table", { class: "fr-table" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "anchor"), h("th", { scope: "col" }, "objectness"), h("td"))),
    h("tbody", {}, names.map(line)));
}

export default { render };
