/**
 * A sharing counter: how many weights a layer has when its units see everything, see a region, and share.
 * The functions mirror `cnncourse.layers.connectivity`; tests/vectors/connectivity.json checks both.
 */
import { cellGrid, h, panel, placeName, put, refill, svg, update } from "./kit.mjs";

/** @typedef {{ image_size: number, channels: number, filters: number, kernel_size: number, bias?: boolean }} Layer
 *   one unit for each pixel of a square image and each filter (stride 1, padding "same") */

export const REGIMES = ["full", "local", "shared"];

/** Units of the layer: one for each filter at each pixel. @param {Layer} layer @returns {bigint} */
export function countUnits({ image_size, filters }) {
  return BigInt(image_size) ** 2n * BigInt(filters);
}

/** Values that one unit sees. @param {string} regime @param {Layer} layer @returns {bigint} */
export function countSeen(regime, { image_size, channels, kernel_size }) {
  return BigInt(channels) * BigInt(regime === "full" ? image_size : kernel_size) ** 2n;
}

/** Number of different weights: owners times what each sees. @param {string} regime @param {Layer} layer @returns {bigint} */
export function countWeights(regime, layer) {
  if (!REGIMES.includes(regime)) throw new RangeError(`there is no regime '${regime}'; choose one of ${REGIMES.join(", ")}`);
  const owners = regime === "shared" ? BigInt(layer.filters) : countUnits(layer);
  return owners * (countSeen(regime, layer) + (layer.bias ? 1n : 0n));
}

/** Bytes of one image's responses in float32, whatever the regime. @param {Layer} layer @returns {bigint} */
export function responseBytes(layer) {
  return 4n * countUnits(layer);
}

/** Which weight connects a pixel to a unit, counted from 1, or 0 if none does; for the small layer that is drawn. */
export function weightBetween(regime, unit, pixel, size = 5, kernel = 3) {
  const side = size - kernel + 1;
  if (regime === "full") return unit * size * size + pixel + 1;
  const row = Math.floor(pixel / size) - Math.floor(unit / side);
  const column = (pixel % size) - (unit % side);
  if (row < 0 || column < 0 || row >= kernel || column >= kernel) return 0;
  return (regime === "local" ? unit * kernel * kernel : 0) + row * kernel + column + 1;
}

const SCALES = [[10n ** 15n, "quadrillion"], [10n ** 12n, "trillion"], [10n ** 9n, "billion"], [10n ** 6n, "million"]];

/** A number as one reads it aloud: "100 trillion", "105.7 million", "34,944". @param {bigint} number */
export function inWords(number) {
  for (const [scale, name] of SCALES) {
    if (number < 1_000_000n || number * 20_000n < scale * 19_999n) continue; // 999.95 million is 1 billion
    const tenths = (number * 10n + scale / 2n) / scale;
    return `${withCommas(tenths / 10n)}${tenths % 10n ? `.${tenths % 10n}` : ""} ${name}`;
  }
  return withCommas(number);
}

/** "1,234,567". @param {bigint} number */
export function withCommas(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "400 MB". @param {bigint} bytes */
export function inBytes(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  let value = Number(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit ? Number(value.toPrecision(3)) : value} ${units[unit]}`;
}

/** What the regime means for this layer, in a sentence. @param {string} regime @param {Layer} layer */
export function explain(regime, layer) {
  const [units, seen] = [inWords(countUnits(layer)), inWords(countSeen(regime, layer))];
  if (regime === "full") return `Each of the ${units} units sees all ${seen} values of the input, with weights of its own.`;
  if (regime === "local") return `Each of the ${units} units sees ${seen} values, with weights of its own.`;
  const maps = layer.filters === 1 ? "The units of the one map" : `The units of each of the ${layer.filters} maps`;
  return `${maps} see ${seen} values each, and all use the same ${seen} weights.`;
}

/** What the unit in the small picture is connected to, in a sentence. */
export function explainUnit(regime, unit, size = 5, kernel = 3) {
  const side = size - kernel + 1;
  const name = `The unit at ${placeName(Math.floor(unit / side), unit % side)}`;
  if (regime === "full") return `${name} sees all ${size * size} pixels, through ${size * size} weights that no other unit uses.`;
  const own = regime === "local" ? "that no other unit uses" : `that all ${side * side} units use`;
  return `${name} sees ${kernel * kernel} pixels, through ${kernel * kernel} weights ${own}.`;
}

// The view --------------------------------------------------------------------------------------------------------

const NAMES = ["image_size", "channels", "filters", "kernel_size", "bias"];
const TITLES = { full: "Full", local: "Local", shared: "Shared" };
const [SIZE, KERNEL] = [5, 3]; // of the layer that is drawn
const [SIDE, TOP] = [SIZE - KERNEL + 1, 17]; // units along an axis; the scale ends at 10^17

const STYLE = `
.cy-bars { display: grid; gap: 0.7rem; width: 100%; }
.cy-bar { display: grid; grid-template-columns: 4.2rem 1fr; column-gap: 0.6rem; align-items: center; }
.cy-bar > b { font-weight: 600; }
.cy-bar > span { grid-column: 2; font-size: 0.86em; color: var(--cnn-muted); overflow-wrap: anywhere; }
.cy-bar > span b { color: var(--cnn-ink); font-weight: 600; }
.cy-track { height: 18px; border-radius: 5px; background:
  repeating-linear-gradient(to right, transparent 0 calc(300% / ${TOP} - 1px), var(--cnn-line) 0 calc(300% / ${TOP})), var(--cnn-faint); }
.cy-fill { height: 100%; border-radius: 5px; background: var(--cnn-grey); transition: width var(--cnn-quick); }
.cy-now .cy-fill { background: var(--cnn-orange); }
.cy-scale { grid-column: 2; position: relative; height: 1.3em; font-size: 0.78em; color: var(--cnn-muted); }
.cy-scale span { position: absolute; translate: -50%; white-space: nowrap; }
.cy-layer { display: grid; grid-template-columns: 5fr 3fr; gap: 0.5rem 1.2rem; width: 100%; align-items: end; }
.cy-layer > div { display: flex; flex-direction: column; gap: 0.35rem; align-items: center; }
.cy-pixels, .cy-matrix { display: block; width: 100%; height: auto; }
.cy-pixels rect, .cy-matrix rect { stroke: var(--cnn-line); }
.cy-pixels text { font-size: 10px; text-anchor: middle; dominant-baseline: central; fill: var(--cnn-ink); }
.cy-matrix .cy-row { fill: none; stroke: var(--cnn-orange); stroke-width: 2; }
.cy-units .cnn-cell[aria-selected="true"] { border: 2px solid var(--cnn-orange); background: color-mix(in srgb, var(--cnn-orange) 40%, var(--cnn-ground)); }
.cy-units .cnn-grid { width: 100%; }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A sharing counter", style: STYLE });
  const layer = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const bars = Object.fromEntries(REGIMES.map((regime) => [regime, bar(regime)]));
  const [say, memory, unitSay] = [1, 2, 3].map(() => h("p", { class: "cnn-say" }));
  const [pixels, matrix] = [h("div"), h("div", { class: "cnn-part" })];
  const units = cellGrid(SIDE, SIDE, {
    label: "Nine units", name: (row, column) => `Unit ${placeName(row, column)}`,
    select: (row, column) => put(model, { unit: row * SIDE + column }),
  });

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("image_size", { label: "Image size", min: 32, max: 1024, step: 8 }),
      ui.slider("channels", { label: "Channels", mark: "C", min: 1, max: 64 }),
      ui.slider("filters", { label: "Filters", mark: "F", min: 1, max: 256 }),
      ui.slider("kernel_size", { label: "Kernel size", mark: "K", min: 1, max: 31 }),
      ui.toggle("bias", { label: "Count biases" })),
    h("div", { class: "cy-bars", role: "img", "aria-label": "Number of weights on a logarithmic scale" },
      REGIMES.map((regime) => bars[regime].element), scale()),
    memory,
    ui.choice("regime", { label: "Look closer at", options: REGIMES.map((regime) => [regime, TITLES[regime]]) }),
    say,
    h("div", { class: "cnn-stage" },
      h("div", { class: "cnn-part" },
        h("div", { class: "cy-layer" },
          h("div", {}, h("div", { class: "cnn-title" }, "5×5 pixels, with the number of each weight"), pixels),
          h("div", { class: "cy-units" }, h("div", { class: "cnn-title" }, "3×3 units: choose one"), units.element))),
      h("div", { class: "cnn-part" },
        h("div", { class: "cnn-title" }, "all connections: a row for each unit, a column for each pixel"), matrix)),
    unitSay);

  ui.watch([...NAMES, "regime"], () => {
    const [now, chosen] = [layer(), model.get("regime")];
    for (const regime of REGIMES) bars[regime].show(countWeights(regime, now), regime === chosen);
    const words = REGIMES.map((regime) => `${TITLES[regime]}: ${inWords(countWeights(regime, now))} weights`).join(". ");
    memory.textContent = `The responses to one image are ${inWords(countUnits(now))} values in all three cases: `
      + `${inBytes(responseBytes(now))} of memory, and not one parameter.`;
    say.textContent = explain(chosen, now);
    ui.announce(`${words}. ${say.textContent}`);
  });
  ui.watch(["regime", "unit"], () => {
    const [regime, unit] = [model.get("regime"), Math.max(0, Math.min(SIDE * SIDE - 1, model.get("unit")))];
    units.mark(Math.floor(unit / SIDE), unit % SIDE);
    refill(pixels, drawPixels(regime, unit));
    refill(matrix, drawMatrix(regime, unit));
    unitSay.textContent = explainUnit(regime, unit);
    ui.announce(unitSay.textContent);
  });
  return ui.dispose;
}

function bar(regime) {
  const fill = h("div", { class: "cy-fill" });
  const text = h("span");
  const element = h("div", { class: "cy-bar" }, h("b", {}, TITLES[regime]), h("div", { class: "cy-track" }, fill), text);
  const show = (weights, chosen) => {
    fill.style.width = `${(100 * Math.log10(Number(weights))) / TOP}%`;
    element.classList.toggle("cy-now", chosen);
    refill(text, h("b", {}, inWords(weights)), ` weights${weights >= 10n ** 6n ? ` (${withCommas(weights)})` : ""}, ${inBytes(4n * weights)}`);
  };
  return { element, show };
}

function scale() {
  const marks = [0, 3, 6, 9, 12, 15].map((power) => {
    const mark = h("span", {}, power ? ["10", h("sup", {}, power)] : "1");
    mark.style.left = `${(100 * power) / TOP}%`;
    return mark;
  });
  return h("div", { class: "cy-bar", "aria-hidden": "true" }, h("div", { class: "cy-scale" }, marks));
}

function colour(weight) {
  if (!weight) return "var(--cnn-ground)";
  return `color-mix(in srgb, hsl(${Math.round(((weight * 0.618) % 1) * 360)} 70% 55%) 60%, var(--cnn-ground))`;
}

function drawPixels(regime, unit) {
  const cells = Array.from({ length: SIZE * SIZE }, (_, pixel) => {
    const weight = weightBetween(regime, unit, pixel, SIZE, KERNEL);
    const [x, y] = [(pixel % SIZE) * 30, Math.floor(pixel / SIZE) * 30];
    const square = svg("rect", { x: x + 1, y: y + 1, width: 28, height: 28, rx: 3 });
    square.style.fill = colour(weight);
    return [square, weight > 0 && svg("text", { x: x + 15, y: y + 15 }, String(weight))];
  });
  const element = svg("svg", { class: "cy-pixels", viewBox: "0 0 150 150", role: "img", "aria-label": explainUnit(regime, unit) },
    cells.flat().filter(Boolean));
  update(element, { style: "max-width: 190px" });
  return element;
}

function drawMatrix(regime, unit) {
  const cells = [];
  for (let row = 0; row < SIDE * SIDE; row += 1) {
    for (let pixel = 0; pixel < SIZE * SIZE; pixel += 1) {
      const square = svg("rect", { x: pixel * 10, y: row * 10, width: 10, height: 10 });
      square.style.fill = colour(weightBetween(regime, row, pixel, SIZE, KERNEL));
      cells.push(square);
    }
  }
  const different = { full: 225, local: 81, shared: 9 }[regime];
  const label = `${different} different weights; equal colours are the same weight`;
  const frame = svg("rect", { class: "cy-row", x: 0, y: unit * 10, width: 250, height: 10 });
  return [svg("svg", { class: "cy-matrix", viewBox: "-1 -1 252 92", role: "img", "aria-label": label }, cells, frame),
    h("div", { class: "cnn-title" }, label)];
}

export default { render };
