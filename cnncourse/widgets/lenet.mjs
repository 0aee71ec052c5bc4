/** A digit to draw, and what a trained LeNet sees in it: its maps and the answer. */
import { bytesOf, h, panel, paint, put, refill, short, update } from "./kit.mjs";
import { forward, newTape, prepare, readNetwork, softmax } from "./network.mjs";
import { drawingSheet, stroked } from "./sheet.mjs";

export const SIDE = 28;

/**
 * All that the network computes for a drawing.
 * @param {import("./network.mjs").Network} network @param {import("./network.mjs").Tape} tape @param {Uint8Array} ink
 * @returns {{ c1: Float32Array, c3: Float32Array, probabilities: number[] }} maps after the rectifier
 */
export function read(network, tape, ink) {
  const after = (name) => tape.maps[network.layers.findIndex((layer) => layer.name === name) + 1];
  prepare(network, Float32Array.from(ink, (value) => value / 255), tape.maps[0]);
  return { probabilities: softmax(forward(network, tape)), c1: after("a1"), c3: after("a3") };
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
  const network = readNetwork(bytesOf(model.get("weights")));
  const tape = newTape(network);
  const c1 = Array.from({ length: 6 }, () => h("canvas", { class: "cnn-map" }));
  const c3 = Array.from({ length: 16 }, () => h("canvas", { class: "cnn-map" }));
  const bars = h("div", { class: "le-bars", role: "img" });
  const say = h("p", { class: "cnn-say" });
  const drawing = () => Uint8Array.from(model.get("ink"));
  const keep = (ink) => put(model, { ink: Array.from(ink) });
  const begin = (ink) => put(model, { ink: Array.from(ink), right: 0, down: 0 });
  const stencil = (digit) => bytesOf(model.get("stencils")).slice(digit * SIDE * SIDE, (digit + 1) * SIDE * SIDE);
  const sheet = drawingSheet(SIDE, (from, to) => {
    const back = ([x, y]) => [x - model.get("right"), y - model.get("down")];
    keep(stroked(drawing(), SIDE, back(from), back(to)));
  });

  ui.add(
    h("div", { class: "cnn-row" },
      ui.button("Clean sheet", () => begin(new Uint8Array(SIDE * SIDE)), { class: "cnn-button cnn-main" }),
      h("span", { class: "cnn-title" }, "or begin with"),
      h("div", { class: "cnn-row", role: "group", "aria-label": "Begin with a digit" },
        Array.from({ length: 10 }, (_, digit) => ui.button(String(digit), () => begin(stencil(digit)), { "aria-label": `Begin with a ${digit}` })))),
    h("div", { class: "le-stage" },
      h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, "Sheet"), ": draw on it"), sheet.element),
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
    const seen = read(network, tape, ink);
    paint(sheet.canvas, Float32Array.from(ink, (value) => 255 - value), SIDE, SIDE, { limit: 255 });
    paintMaps(c1, seen.c1, SIDE);
    paintMaps(c3, seen.c3, 10);
    const best = seen.probabilities.indexOf(Math.max(...seen.probabilities));
    refill(bars, seen.probabilities.map((value, digit) => bar(digit, value, digit === best)));
    say.textContent = sentence(seen.probabilities, ink);
    update(bars, { "aria-label": say.textContent });
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

function paintMaps(canvases, values, side) {
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

export default { render };
