/**
 * A segmentation to paint over a drawn scene: the four measures, the IU of each class and the outlines, live.
 * The functions mirror `cnncourse.applications.segmentation_metrics`; tests/vectors/fcn.json checks both.
 */
import { bytesOf, h, moveInGrid, panel, put, refill, svg, update } from "./kit.mjs";

/** The numbers in a string of digits. @param {string} mask */
export const labelsOf = (mask) => Uint8Array.from(mask, Number);

/** Pixels by what they are (rows) and what they are taken for (columns). */
export function confusion(mask, truth, classes) {
  const n = Array.from({ length: classes }, () => Array(classes).fill(0));
  truth.forEach((label, index) => { n[label][mask[index]] += 1; });
  return n;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const defined = (values) => values.filter((value) => !Number.isNaN(value));

/** The paper's four measures and the IU of each class; what is 0/0 is NaN and left out of the means. */
export function measures(n) {
  const classes = n.map((_, index) => index);
  const there = n.map((row) => row.reduce((sum, value) => sum + value, 0));
  const said = classes.map((column) => n.reduce((sum, row) => sum + row[column], 0));
  const all = there.reduce((sum, value) => sum + value, 0);
  const ious = classes.map((index) => n[index][index] / (there[index] + said[index] - n[index][index]));
  return {
    pixelAccuracy: classes.reduce((sum, index) => sum + n[index][index], 0) / all,
    meanAccuracy: mean(defined(classes.map((index) => n[index][index] / there[index]))),
    meanIou: mean(defined(ious)),
    weightedIou: classes.reduce((sum, index) => sum + (ious[index] ? (there[index] / all) * ious[index] : 0), 0),
    ious,
  };
}

/** Indices of the pixels of a class that touch one of another class by a side; the edge of the picture is no border. */
export function outline(mask, label, width) {
  const found = [];
  mask.forEach((value, index) => {
    if (value !== label) return;
    const column = index % width;
    const others = (column > 0 && mask[index - 1] !== label) || (column < width - 1 && mask[index + 1] !== label)
      || (index >= width && mask[index - width] !== label) || (index + width < mask.length && mask[index + width] !== label);
    if (others) found.push(index);
  });
  return found;
}

/** F-score of two outlines; NaN if there is neither. */
export function outlineScore(one, other, width, size, tolerance) {
  if (!one.length && !other.length) return NaN;
  if (!one.length || !other.length) return 0;
  const share = (points, targets) => {
    const near = spread(targets, width, size, tolerance);
    return points.filter((index) => near[index]).length / points.length;
  };
  const [precision, recall] = [share(one, other), share(other, one)];
  return precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
}

/** Marks every pixel within a distance of the given ones. */
function spread(points, width, size, tolerance) {
  const marks = new Uint8Array(size);
  const height = size / width;
  for (const index of points) disc(Math.floor(index / width), index % width, tolerance, height, width, (place) => { marks[place] = 1; });
  return marks;
}

function disc(row, column, radius, height, width, act) {
  for (let y = Math.max(0, row - radius); y <= Math.min(height - 1, row + radius); y += 1) {
    for (let x = Math.max(0, column - radius); x <= Math.min(width - 1, column + radius); x += 1) {
      if ((y - row) ** 2 + (x - column) ** 2 <= radius ** 2) act(y * width + x);
    }
  }
}

/** Everything that follows from a mask, for the view and for the tests. */
export function evaluate({ mask, truth, width, classes, tolerance }) {
  const n = confusion(mask, truth, classes);
  const outlines = n.map((_, label) => outlineScore(outline(mask, label, width), outline(truth, label, width), width, truth.length, tolerance));
  return { ...measures(n), n, outlines, outlineMean: mean(defined(outlines)) };
}

/** The mask after a dab of the brush. @param {string} mask */
export function dab(mask, width, row, column, radius, label) {
  const digits = mask.split("");
  disc(row, column, radius, digits.length / width, width, (place) => { digits[place] = String(label); });
  return digits.join("");
}

/** The mask after a stroke: dabs from one place to the other. */
export function stroke(mask, width, [fromRow, fromColumn], [row, column], radius, label) {
  const steps = Math.max(1, Math.abs(row - fromRow), Math.abs(column - fromColumn));
  let painted = mask;
  for (let step = 0; step <= steps; step += Math.max(1, radius)) {
    const part = step / steps;
    painted = dab(painted, width, Math.round(fromRow + part * (row - fromRow)), Math.round(fromColumn + part * (column - fromColumn)), radius, label);
  }
  return dab(painted, width, row, column, radius, label);
}

const two = (value) => (Number.isNaN(value) ? "–" : value.toFixed(2));

/** What a mask is worth, in a sentence. */
export function sentence(found) {
  const trap = found.pixelAccuracy > 0.8 && found.meanIou < 0.5;
  return `Pixel accuracy ${two(found.pixelAccuracy)}, mean accuracy ${two(found.meanAccuracy)}, mean IU ${two(found.meanIou)}, `
    + `frequency-weighted IU ${two(found.weightedIou)}, outlines ${two(found.outlineMean)}.`
    + `${trap ? " Most pixels are background, so most pixels are right." : ""}`;
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.fcn-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.fcn-pane { position: relative; width: 100%; max-width: 26rem; border-radius: 4px; touch-action: none; user-select: none; cursor: crosshair; }
.fcn-pane canvas { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.fcn-pane svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.fcn-cursor { fill: none; stroke: #fff; stroke-width: 1.6; vector-effect: non-scaling-stroke; paint-order: stroke; filter: drop-shadow(0 0 1px #000); }
.fcn-table { width: 100%; border-collapse: collapse; font-size: 0.88em; margin: 0 0 0.8rem; }
.fcn-table :is(th, td) { padding: 0.12rem 0.4rem; text-align: right; border: 0; background: none; font-weight: 400; }
.fcn-table :is(th, td):first-child { text-align: left; }
.fcn-table thead th { color: var(--cnn-muted); }
.fcn-bar { display: block; width: 100%; min-width: 4rem; height: 0.7rem; }
.fcn-bar .fcn-back { fill: var(--cnn-faint); }
.fcn-bar .fcn-part { fill: var(--cnn-blue); }
.fcn-chip { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.45em; border: 1px solid var(--cnn-line); border-radius: 3px; vertical-align: -0.06em; }
@container (min-width: 34rem) { .fcn-stage { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;

const MEASURES = [
  ["pixel accuracy", "pixelAccuracy"], ["mean accuracy", "meanAccuracy"], ["mean IU", "meanIou"],
  ["frequency-weighted IU", "weightedIou"], ["outlines", "outlineMean"],
];

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A segmentation to paint, and what it is worth", style: STYLE });
  const [side, names, colours, presets] = ["side", "names", "colours", "presets"].map((name) => model.get(name));
  const truth = labelsOf(model.get("truth"));
  const canvas = h("canvas", { width: side, height: side, "aria-hidden": "true" });
  const ring = svg("circle", { class: "fcn-cursor" });
  const pane = h("div", {}, canvas, svg("svg", { viewBox: `0 0 ${side} ${side}`, "aria-hidden": "true" }, ring));
  const [whole, each] = [h("div"), h("div")];
  const say = h("p", { class: "cnn-say" });
  const cursor = makePaintable(pane, model, side, () => showRing());
  const showRing = () => update(ring, { cx: cursor.column + 0.5, cy: cursor.row + 0.5, r: model.get("brush") + 0.5 });

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.choice("label", { label: "Paint", options: names.map((name, index) => [index, name]), menu: true }),
      ui.slider("brush", { label: "Brush", min: 0, max: 12, format: (value) => `${2 * value + 1} px` }),
      ui.slider("tolerance", { label: "Outlines within", min: 0, max: 5, format: (value) => `${value} px` }),
      ui.toggle("outlined", { label: "Show the true outlines" })),
    h("div", { class: "cnn-row" },
      Object.entries(presets).map(([name, mask]) => ui.button(name, () => put(model, { mask })))),
    h("div", { class: "fcn-stage" },
      h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, "Scene"), ": paint on it"), pane),
      h("div", { class: "cnn-part" }, whole, each)),
    say);

  ui.watch(["mask", "tolerance", "outlined", "brush", "label"], () => {
    const mask = labelsOf(model.get("mask"));
    const found = evaluate({ mask, truth, width: side, classes: names.length, tolerance: model.get("tolerance") });
    paintScene(canvas, model, mask, truth, colours.map(rgbOf), side);
    refill(whole, table(["measure", "", ""], MEASURES.map(([name, key]) => [name, bar(found[key]), two(found[key])])));
    refill(each, table(["class", "IU", "outline"], names.flatMap((name, index) => {
      if (Number.isNaN(found.ious[index])) return [];
      const chip = h("span", { class: "fcn-chip", "aria-hidden": "true" });
      chip.style.background = colours[index];
      return [[[chip, name], two(found.ious[index]), two(found.outlines[index])]];
    })));
    showRing();
    say.textContent = sentence(found);
    ui.announce(say.textContent);
    cursor.name();
  });
  return ui.dispose;
}

const rgbOf = (colour) => [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16));

function table(head, lines) {
  return h("table", { class: "fcn-table" },
    h("thead", {}, h("tr", {}, head.map((name) => (name ? h("th", { scope: "col" }, name) : h("td"))))),
    h("tbody", {}, lines.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, name), cells.map((cell) => h("td", {}, cell))))));
}

function bar(value) {
  return svg("svg", { class: "fcn-bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "fcn-back", width: 100, height: 10 }),
    svg("rect", { class: "fcn-part", width: 100 * (value || 0), height: 10 }));
}

/** The picture, the painted classes over it, and the true outlines in white. */
function paintScene(canvas, model, mask, truth, colours, side) {
  const rgb = bytesOf(model.get("picture"));
  const bytes = new Uint8ClampedArray(side * side * 4).fill(255);
  mask.forEach((label, index) => {
    const below = rgb.subarray(3 * index, 3 * index + 3);
    const part = label ? 0.65 : 0;
    bytes.set(colours[label].map((value, channel) => (1 - part) * below[channel] + part * value), 4 * index);
  });
  if (model.get("outlined")) {
    for (let label = 1; label < colours.length; label += 1) {
      for (const index of outline(truth, label, side)) bytes.set([255, 255, 255], 4 * index);
    }
  }
  canvas.getContext("2d").putImageData(new ImageData(bytes, side, side), 0, 0);
}

/** Painting by mouse, finger or pen; arrow keys move the brush, space or enter paints. */
function makePaintable(pane, model, side, moved) {
  const cursor = { row: Math.floor(side / 2), column: Math.floor(side / 2), name };
  let from = null;
  const clamp = (value) => Math.max(0, Math.min(side - 1, Math.floor(value)));
  const paint = (start) => put(model, {
    mask: stroke(model.get("mask"), side, start, [cursor.row, cursor.column], model.get("brush"), model.get("label")),
  });
  const follow = (event) => {
    const frame = pane.getBoundingClientRect();
    cursor.row = clamp(((event.clientY - frame.top) / frame.height) * side);
    cursor.column = clamp(((event.clientX - frame.left) / frame.width) * side);
    moved();
  };
  function name() {
    const label = model.get("names")[model.get("label")];
    update(pane, {
      "aria-label": `Scene. Brush at row ${cursor.row + 1}, column ${cursor.column + 1}, paints ${label}; `
        + "arrow keys move it, with shift by five; space paints",
    });
  }
  const stop = () => { from = null; };
  update(pane, {
    class: "fcn-pane", tabindex: 0, role: "application", "aria-roledescription": "picture to paint on",
    onpointerdown: (event) => {
      pane.setPointerCapture(event.pointerId);
      follow(event);
      from = [cursor.row, cursor.column];
      paint(from);
      name();
    },
    onpointermove: (event) => {
      follow(event);
      if (!from) return;
      paint(from);
      from = [cursor.row, cursor.column];
    },
    onpointerup: stop,
    onpointercancel: stop,
    onkeydown: (event) => {
      const place = moveInGrid(event, cursor.row, cursor.column, side, side);
      if (place) {
        [cursor.row, cursor.column] = place;
        moved();
        name();
      } else if (event.key === " " || event.key === "Enter") paint([cursor.row, cursor.column]);
      else return;
      event.preventDefault();
    },
  });
  return cursor;
}

export default { render };
