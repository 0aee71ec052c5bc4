/**
 * A digit to draw, and what a trained LeNet sees in it. The forward pass mirrors `cnncourse.models.lenet.LeNet`;
 * tests/vectors/lenet.json checks both.
 */
import { bytesOf, h, moveInGrid, panel, paint, put, refill, short, svg, update } from "./kit.mjs";

/** @typedef {{ values: Float32Array, channels: number, side: number }} Volume maps, one behind another */

export const SIDE = 28;
const MEAN = 0.1307;
const STD = 0.3081;
const SHAPES = [[6, 1, 5, 5], [6], [16, 6, 5, 5], [16], [120, 400], [120], [84, 120], [84], [10, 84], [10]];

/** Numbers of 16 bits (sign, 5 bits of exponent, 10 of fraction) as float32. @param {Uint8Array} bytes */
export function halves(bytes) {
  return Float32Array.from({ length: bytes.length / 2 }, (_, index) => {
    const bits = bytes[2 * index] | (bytes[2 * index + 1] << 8);
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : (fraction / 1024) * 2 ** -14;
    return bits & 0x8000 ? -size : size;
  });
}

/** The ten tensors of the network, in its own order. @param {Float32Array} numbers */
export function layersOf(numbers) {
  let start = 0;
  return SHAPES.map((shape) => {
    const size = shape.reduce((product, length) => product * length, 1);
    start += size;
    return numbers.subarray(start - size, start);
  });
}

/**
 * Convolution with 5×5 kernels at stride 1, then ReLU.
 * @param {Volume} maps @param {Float32Array} weight @param {Float32Array} bias @param {number} padding
 * @returns {Volume}
 */
export function convolve({ values, channels, side }, weight, bias, padding) {
  const size = side + 2 * padding - 4;
  const result = new Float32Array(bias.length * size * size);
  for (let target = 0; target < bias.length; target += 1) {
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < size; column += 1) {
        let sum = bias[target];
        for (let source = 0; source < channels; source += 1) {
          for (let y = 0; y < 5; y += 1) {
            const line = row + y - padding;
            if (line < 0 || line >= side) continue;
            for (let x = 0; x < 5; x += 1) {
              const place = column + x - padding;
              if (place < 0 || place >= side) continue;
              sum += weight[((target * channels + source) * 5 + y) * 5 + x] * values[(source * side + line) * side + place];
            }
          }
        }
        result[(target * size + row) * size + column] = Math.max(0, sum);
      }
    }
  }
  return { values: result, channels: bias.length, side: size };
}

/** Maximum of windows of 2×2 that touch. @param {Volume} maps @returns {Volume} */
export function halve({ values, channels, side }) {
  const size = side / 2;
  const result = Float32Array.from({ length: channels * size * size }, (_, index) => {
    const [channel, row, column] = [Math.floor(index / (size * size)), Math.floor(index / size) % size, index % size];
    const corner = (channel * side + 2 * row) * side + 2 * column;
    return Math.max(values[corner], values[corner + 1], values[corner + side], values[corner + side + 1]);
  });
  return { values: result, channels, side: size };
}

/** A linear layer. @param {Float32Array} values @param {Float32Array} weight @param {Float32Array} bias */
export function linear(values, weight, bias) {
  return bias.map((start, unit) => {
    let sum = start;
    for (let index = 0; index < values.length; index += 1) sum += weight[unit * values.length + index] * values[index];
    return sum;
  });
}

/** Probabilities from logits. @param {Float32Array} logits */
export function softmax(logits) {
  const top = Math.max(...logits);
  const parts = Array.from(logits, (value) => Math.exp(value - top));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}

/**
 * All that the network computes for a drawing.
 * @param {Float32Array[]} layers @param {Uint8Array} ink
 * @returns {{ c1: Volume, c3: Volume, logits: Float32Array, probabilities: number[] }}
 */
export function read(layers, ink) {
  const relu = (values) => values.map((value) => Math.max(0, value));
  const picture = { values: Float32Array.from(ink, (value) => (value / 255 - MEAN) / STD), channels: 1, side: SIDE };
  const c1 = convolve(picture, layers[0], layers[1], 2);
  const c3 = convolve(halve(c1), layers[2], layers[3], 0);
  const units = relu(linear(relu(linear(halve(c3).values, layers[4], layers[5])), layers[6], layers[7]));
  const logits = linear(units, layers[8], layers[9]);
  return { c1, c3, logits, probabilities: softmax(logits) };
}

/** The drawing moved to the right and down; what leaves the paper is lost. @param {Uint8Array} ink */
export function moved(ink, right, down) {
  const result = new Uint8Array(ink.length);
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      const [from, place] = [row - down, column - right];
      if (from >= 0 && from < SIDE && place >= 0 && place < SIDE) result[row * SIDE + column] = ink[from * SIDE + place];
    }
  }
  return result;
}

/** A drawing with one more dot of a soft pen, whose middle is at (x, y) in pixels. @param {Uint8Array} ink */
export function dotted(ink, x, y) {
  return ink.map((old, index) => {
    const distance = Math.hypot((index % SIDE) + 0.5 - x, Math.floor(index / SIDE) + 0.5 - y);
    return Math.max(old, Math.round(255 * Math.min(1, Math.max(0, 1.9 - distance))));
  });
}

/** A drawing with dots all along a line, half a pixel apart. */
export function stroked(ink, from, to) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  let result = ink;
  for (let step = 0; step <= steps; step += 1) {
    const part = step / steps;
    result = dotted(result, from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1]));
  }
  return result;
}

/** The answer in a sentence. @param {number[]} probabilities @param {Uint8Array} ink */
export function sentence(probabilities, ink) {
  if (ink.every((value) => value === 0)) return "The paper is empty. Draw a digit.";
  const order = probabilities.map((value, digit) => [value, digit]).sort((one, other) => other[0] - one[0]);
  const percent = (value) => `${Math.round(100 * value)} %`;
  const [[first, digit], [second, next]] = order;
  return first > 0.9
    ? `LeNet reads a ${digit}, with ${percent(first)}.`
    : `LeNet is not sure: a ${digit} with ${percent(first)}, or a ${next} with ${percent(second)}.`;
}

// The view --------------------------------------------------------------------------------------------------------

const REACH = 10; // pixels that the drawing can be moved, as in the Python class
const STYLE = `
.le-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.le-pad { position: relative; width: 100%; max-width: 280px; touch-action: none; cursor: crosshair; border: 1px solid var(--cnn-line); border-radius: 4px; }
.le-pad svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.le-pen { fill: none; stroke: var(--cnn-orange); stroke-width: 0.25; visibility: hidden; }
.le-pad:focus-visible .le-pen { visibility: visible; }
.le-maps { display: grid; gap: 3px; width: 100%; }
.le-c1 { grid-template-columns: repeat(6, minmax(0, 1fr)); }
.le-c3 { grid-template-columns: repeat(8, minmax(0, 1fr)); }
.le-bars { display: grid; gap: 0.2rem 0.5rem; grid-template-columns: auto 1fr auto; width: 100%; align-items: center; font-size: 0.9em; font-variant-numeric: tabular-nums; }
.le-track { height: 0.7em; border-radius: 3px; background: var(--cnn-track); overflow: hidden; }
.le-track > span { display: block; height: 100%; background: var(--cnn-blue); }
.le-best { font-weight: 700; }
@container (min-width: 34rem) {
  .le-stage { grid-template-columns: minmax(0, 15rem) minmax(0, 1fr) minmax(0, 11rem); }
  .le-c1 { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .le-c3 { grid-template-columns: repeat(4, minmax(0, 1fr)); }
}
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A digit to draw, read by LeNet", style: STYLE });
  const layers = layersOf(halves(bytesOf(model.get("weights"))));
  const pad = h("canvas", { class: "cnn-map" });
  const pen = svg("circle", { class: "le-pen", r: 1.4 });
  const sheet = h("div", {
    class: "le-pad", tabindex: 0, role: "application", "aria-roledescription": "sheet to draw on",
    "aria-label": "Sheet of 28 by 28 pixels: arrow keys move the pen, with shift they draw, space makes a dot",
  }, pad, svg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" }, pen));
  const c1 = Array.from({ length: 6 }, () => h("canvas", { class: "cnn-map" }));
  const c3 = Array.from({ length: 16 }, () => h("canvas", { class: "cnn-map" }));
  const bars = h("div", { class: "le-bars", role: "img" });
  const say = h("p", { class: "cnn-say" });
  const drawing = () => Uint8Array.from(model.get("ink"));
  const keep = (ink) => put(model, { ink: Array.from(ink) });
  const begin = (ink) => put(model, { ink: Array.from(ink), right: 0, down: 0 });
  const stencil = (digit) => bytesOf(model.get("stencils")).slice(digit * SIDE * SIDE, (digit + 1) * SIDE * SIDE);
  makeDrawable(sheet, pen, (from, to) => {
    const back = ([x, y]) => [x - model.get("right"), y - model.get("down")];
    keep(stroked(drawing(), back(from), back(to)));
  });

  ui.add(
    h("div", { class: "cnn-row" },
      ui.button("Clean sheet", () => begin(new Uint8Array(SIDE * SIDE)), { class: "cnn-button cnn-main" }),
      h("span", { class: "cnn-title" }, "or begin with"),
      h("div", { class: "cnn-row", role: "group", "aria-label": "Begin with a digit" },
        Array.from({ length: 10 }, (_, digit) => ui.button(String(digit), () => begin(stencil(digit)), { "aria-label": `Begin with a ${digit}` })))),
    h("div", { class: "le-stage" },
      h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, "Sheet"), ": draw on it"), sheet),
      h("div", { class: "cnn-part" },
        h("div", { class: "cnn-title" }, h("b", {}, "First maps"), ", 6 of 28×28"), h("div", { class: "le-maps le-c1", role: "img", "aria-label": "Six maps of the first convolution" }, c1),
        h("div", { class: "cnn-title" }, h("b", {}, "Second maps"), ", 16 of 10×10"), h("div", { class: "le-maps le-c3", role: "img", "aria-label": "Sixteen maps of the second convolution" }, c3)),
      h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, "Probabilities")), bars)),
    h("div", { class: "cnn-controls" },
      ui.slider("right", { label: "Move right", min: -REACH, max: REACH, format: (value) => short(value) }),
      ui.slider("down", { label: "Move down", min: -REACH, max: REACH, format: (value) => short(value) })),
    say);

  ui.watch(["ink", "right", "down"], () => {
    const ink = moved(drawing(), model.get("right"), model.get("down"));
    const seen = read(layers, ink);
    paint(pad, Float32Array.from(ink, (value) => 255 - value), SIDE, SIDE, { limit: 255 });
    paintMaps(c1, seen.c1);
    paintMaps(c3, seen.c3);
    const best = seen.probabilities.indexOf(Math.max(...seen.probabilities));
    refill(bars, seen.probabilities.map((value, digit) => bar(digit, value, digit === best)));
    say.textContent = sentence(seen.probabilities, ink);
    update(bars, { "aria-label": say.textContent });
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

function paintMaps(canvases, { values, side }) {
  const top = values.reduce((most, value) => Math.max(most, value), 0) || 1;
  canvases.forEach((canvas, index) =>
    paint(canvas, values.subarray(index * side * side, (index + 1) * side * side), side, side, { limit: top }));
}

function bar(digit, value, best) {
  const kind = best ? "le-best" : "";
  return [
    h("span", { class: kind }, digit),
    h("span", { class: "le-track" }, h("span", { style: `width:${(100 * value).toFixed(1)}%` })),
    h("span", { class: kind }, `${Math.round(100 * value)} %`),
  ];
}

/** Drawing by mouse, pen or finger, and by keys. @param {(from: number[], to: number[]) => void} line */
function makeDrawable(sheet, pen, line) {
  let last = null;
  let [row, column] = [14, 14];
  const at = (event) => {
    const box = sheet.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  const place = () => update(pen, { cx: column + 0.5, cy: row + 0.5 });
  place();
  update(sheet, {
    onpointerdown: (event) => {
      sheet.setPointerCapture(event.pointerId);
      last = at(event);
      line(last, last);
    },
    onpointermove: (event) => {
      if (!last) return;
      const now = at(event);
      line(last, now);
      last = now;
    },
    onpointerup: () => { last = null; },
    onpointercancel: () => { last = null; },
    onkeydown: (event) => {
      if (event.key === " ") line([column + 0.5, row + 0.5], [column + 0.5, row + 0.5]);
      const next = moveInGrid({ key: event.key }, row, column, SIDE, SIDE);
      if (event.key !== " " && !next) return;
      event.preventDefault();
      if (!next) return;
      if (event.shiftKey) line([column + 0.5, row + 0.5], [next[1] + 0.5, next[0] + 0.5]);
      [row, column] = next;
      place();
    },
  });
}

export default { render };
