/**
 * YOLO's grid over drawn scenes: what each cell says, and the detections that follow above a threshold.
 * The functions mirror `cnncourse.applications.yolo`; tests/vectors/yolo.json checks both.
 */
import { paintScene, scenery, suppress } from "./detections.mjs";
import { bytesOf, cellGrid, h, panel, placeName, put, refill, svg, update } from "./kit.mjs";

/**
 * What one cell says: its boxes in pixels, cut at the border, their confidences, and the class probabilities.
 * @param {number[]} numbers B times (x, y, w, h, confidence), then the classes
 */
export function cellOf(numbers, row, column, { grid, count, side }) {
  const inside = (value) => Math.max(0, Math.min(side, value));
  const boxes = Array.from({ length: count }, (_, index) => {
    const [x, y, width, height] = numbers.slice(5 * index, 5 * index + 4);
    const [middleX, middleY] = [(column + x) / grid, (row + y) / grid];
    return [middleX - width / 2, middleY - height / 2, middleX + width / 2, middleY + height / 2].map((part) => inside(part * side));
  });
  return {
    boxes,
    confidences: boxes.map((_, index) => numbers[5 * index + 4]),
    classes: numbers.slice(5 * count),
  };
}

/** All boxes with all classes whose score is above the threshold, in the order of the grid. */
export function candidates(cells, threshold, shape) {
  const found = [];
  cells.forEach((numbers, index) => {
    const cell = cellOf(numbers, Math.floor(index / shape.grid), index % shape.grid, shape);
    cell.boxes.forEach((box, which) => cell.classes.forEach((probability, label) => {
      const score = cell.confidences[which] * probability;
      if (score > threshold) found.push({ box, label, score, cell: index });
    }));
  });
  return found;
}

/** What is handed in, best first: the candidates, after suppression in each class if it is wanted. */
export function detections(cells, threshold, suppressed, shape) {
  const all = candidates(cells, threshold, shape);
  const labels = [...new Set(all.map(({ label }) => label))];
  const kept = labels.flatMap((label) => {
    const mine = all.filter((one) => one.label === label);
    return suppressed ? suppress(mine.map(({ box }) => box), mine.map(({ score }) => score), 0.5).map((index) => mine[index]) : mine;
  });
  return kept.sort((a, b) => b.score - a.score || all.indexOf(a) - all.indexOf(b));
}

/** Index of the largest number. */
export const largest = (numbers) => numbers.indexOf(Math.max(...numbers));

/** What a cell says, in words. */
export function sentence(cell, row, column, names, object) {
  const best = largest(cell.confidences);
  const label = largest(cell.classes);
  const holds = object ? `It answers for the ${object}.` : "It answers for nothing.";
  const boxes = cell.confidences.map((value) => value.toFixed(2)).join(" and ");
  return `The cell in ${placeName(row, column)}: confidences ${boxes}, and most probably ${names[label]}, ${cell.classes[label].toFixed(2)}. `
    + `Its best score is ${(cell.confidences[best] * cell.classes[label]).toFixed(2)}. ${holds}`;
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.yo-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.yo-pane { position: relative; width: 100%; max-width: 26rem; aspect-ratio: 1; }
.yo-pane canvas { display: block; width: 100%; height: 100%; image-rendering: pixelated; border-radius: 4px; }
.yo-pane > svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; pointer-events: none; }
.yo-pane rect, .yo-legend rect { fill: none; vector-effect: non-scaling-stroke; }
.yo-pane .cnn-grid { position: absolute; inset: 0; max-width: none; gap: 0; grid-template-rows: repeat(var(--cnn-columns), minmax(0, 1fr)); }
.yo-pane .cnn-grid > div { gap: 0; min-height: 0; }
.yo-pane .cnn-cell { aspect-ratio: auto; border: 1px solid rgb(255 255 255 / 45%); border-radius: 0; background: transparent; cursor: pointer; }
.yo-pane .cnn-cell.yo-object { background: rgb(255 255 255 / 42%); }
.yo-pane .cnn-cell[aria-selected="true"] { outline: 3px solid var(--cnn-blue); outline-offset: -3px; }
.yo-found { stroke: var(--cnn-orange); stroke-width: 2; }
.yo-said { stroke: var(--cnn-blue); stroke-width: 2; stroke-dasharray: 4 3; }
.yo-said.yo-first { stroke-dasharray: none; }
.yo-legend .yo-shade { fill: rgb(255 255 255 / 42%); stroke: var(--cnn-grey); }
.yo-bars { display: grid; grid-template-columns: max-content minmax(0, 1fr) max-content; gap: 0.25rem 0.6rem; align-items: center; width: 100%; font-size: 0.88em; }
.yo-bars i { display: block; height: 0.7em; border-radius: 2px; background: var(--cnn-blue); min-width: 1px; }
.yo-bars b { font-weight: 400; font-variant-numeric: tabular-nums; }
.yo-list { margin: 0; font-size: 0.88em; }
@container (min-width: 34rem) { .yo-stage { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "What each cell of YOLO's grid says", style: STYLE });
  const names = model.get("classes");
  const shape = { grid: model.get("grid"), count: model.get("boxes"), side: model.get("side") };
  const scenes = model.get("scenes");
  const bytes = bytesOf(model.get("pictures"));
  const size = 3 * shape.side * shape.side;
  const canvas = scenery(bytes.subarray(0, size), shape.side);
  const marks = svg("svg", { viewBox: `0 0 ${shape.side} ${shape.side}`, "aria-hidden": "true" });
  const cells = cellGrid(shape.grid, shape.grid, {
    label: "Cells of the grid", name: (row, column) => `Cell in ${placeName(row, column)}`, select: (row, column) => put(model, { row, column }),
  });
  const pane = h("div", { class: "yo-pane" }, canvas, cells.element, marks);
  const [bars, list] = [h("div", { class: "yo-bars" }), h("p", { class: "yo-list" })];
  const say = h("p", { class: "cnn-say" });

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.choice("scene", { label: "Scene", options: scenes.map((_, index) => [index, String(index + 1)]) }),
      ui.slider("threshold", { label: "Show scores above", min: 0.01, max: 0.95, step: 0.01, format: (value) => value.toFixed(2) }),
      ui.toggle("suppressed", { label: "Suppress doubles" })),
    h("div", { class: "yo-stage" },
      h("div", { class: "cnn-part" },
        h("div", { class: "cnn-title" }, h("b", {}, "Scene"), ": choose a cell"), pane,
        h("div", { class: "cnn-legend yo-legend" }, key("yo-shade", "centre of an object"), key("yo-found", "detection"), key("yo-said yo-first", "boxes of the cell"))),
      h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, "The chosen cell says")), bars, say)),
    list);

  ui.watch(["scene"], () => {
    const now = model.get("scene");
    paintScene(canvas, bytes.subarray(now * size, (now + 1) * size), shape.side);
    cells.cells.forEach((button, index) => button.classList.toggle("yo-object", scenes[now].objects[index] !== ""));
  });
  ui.watch(["scene", "row", "column", "threshold", "suppressed"], () => {
    const { numbers, objects } = scenes[model.get("scene")];
    const [row, column] = [model.get("row"), model.get("column")];
    cells.mark(row, column);
    const cell = cellOf(numbers[row * shape.grid + column], row, column, shape);
    const found = detections(numbers, model.get("threshold"), model.get("suppressed"), shape);
    const best = largest(cell.confidences);
    const frame = (kind, [x1, y1, x2, y2]) => svg("rect", { class: kind, x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
    refill(marks, found.map(({ box }) => frame("yo-found", box)),
      cell.boxes.map((box, index) => frame(index === best ? "yo-said yo-first" : "yo-said", box)));
    refill(bars, cell.confidences.map((value, index) => bar(`box ${index + 1}, confidence`, value)), cell.classes.map((value, index) => bar(names[index], value)));
    say.textContent = sentence(cell, row, column, names, objects[row * shape.grid + column]);
    const spoken = found.slice(0, 6).map(({ label, score }) => `${names[label]} ${score.toFixed(2)}`).join(", ");
    list.textContent = found.length
      ? `${found.length} ${found.length === 1 ? "detection" : "detections"}: ${spoken}${found.length > 6 ? ", …" : ""}.`
      : "No detection above the threshold.";
    update(marks, { "data-detections": found.length });
    ui.announce(`${say.textContent} ${list.textContent}`);
  });
  return ui.dispose;
}

function bar(name, value) {
  const fill = h("i", { "aria-hidden": "true" });
  fill.style.width = `${100 * value}%`;
  return [h("span", {}, name), h("span", {}, fill), h("b", {}, value.toFixed(2))];
}

function key(kind, text) {
  return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { class: kind, x: 2, y: 2, width: 12, height: 12 })), text);
}

export default { render };
