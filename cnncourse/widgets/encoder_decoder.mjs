/**
 * Skips to switch over drawn scenes, answered by trained networks, and the checkerboard of any kernel and stride.
 * The functions mirror `cnncourse.applications`; tests/vectors/encoder_decoder.json checks both.
 */
import { bytesOf, h, paint, panel, refill, svg, update } from "./kit.mjs";

/** The pixels of a class that touch another one by a side; the picture's edge is no boundary. */
export function boundary(labels, label, side) {
  return labels.map((one, index) => {
    if (one !== label) return 0;
    const [row, column] = [Math.floor(index / side), index % side];
    const other = (inside, place) => inside && labels[place] !== label;
    return Number(other(row > 0, index - side) || other(row < side - 1, index + side)
      || other(column > 0, index - 1) || other(column < side - 1, index + 1));
  });
}

/** Share of marked pixels that lie on, or a side away from, a marked pixel of the other map. */
function within(marks, others, side) {
  let [near, all] = [0, 0];
  marks.forEach((mark, index) => {
    if (!mark) return;
    all += 1;
    const column = index % side;
    near += Number(Boolean(others[index] || others[index - side] || others[index + side]
      || (column > 0 && others[index - 1]) || (column < side - 1 && others[index + 1])));
  });
  return all ? near / all : NaN;
}

/** Mean F-score of the outlines of all classes that have one, one pixel forgiven; NaN if none has. */
export function boundaryScore(prediction, truth, side) {
  const labels = [...new Set([...prediction, ...truth])];
  const scores = labels.map((label) => {
    const [mine, real] = [boundary(prediction, label, side), boundary(truth, label, side)];
    const [precision, recall] = [within(mine, real, side), within(real, mine, side)];
    if (Number.isNaN(precision) && Number.isNaN(recall)) return NaN;
    return precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  }).filter((score) => !Number.isNaN(score));
  return scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : NaN;
}

/** For each pixel 1 if another class lies within `reach` pixels of it in the truth (as a square), else 0. */
export function nearOutline(truth, side, reach = 2) {
  return truth.map((label, index) => {
    const [row, column] = [Math.floor(index / side), index % side];
    for (let y = Math.max(0, row - reach); y <= Math.min(side - 1, row + reach); y += 1) {
      for (let x = Math.max(0, column - reach); x <= Math.min(side - 1, column + reach); x += 1) {
        if (truth[y * side + x] !== label) return 1;
      }
    }
    return 0;
  });
}

/** How many pixels are wrong, near a true outline and elsewhere. */
export function mistakes(prediction, truth, side) {
  const near = nearOutline(truth, side);
  const count = (wanted) => truth.filter((label, index) => label !== prediction[index] && near[index] === wanted).length;
  return { near: count(1), far: count(0) };
}

/** Stamps on an inner pixel along one axis, for each place modulo the stride. */
export function phaseCounts(kernelSize, stride) {
  return Array.from({ length: stride }, (_, phase) => Math.max(0, Math.ceil((kernelSize - phase) / stride)));
}

/** Stamps on each output pixel along one axis. */
export function overlapCounts(inputSize, kernelSize, stride) {
  const counts = Array((inputSize - 1) * stride + kernelSize).fill(0);
  for (let index = 0; index < inputSize; index += 1) {
    for (let element = 0; element < kernelSize; element += 1) counts[index * stride + element] += 1;
  }
  return counts;
}

/** The checkerboard in a sentence. */
export function boardSentence(kernelSize, stride) {
  const phases = phaseCounts(kernelSize, stride);
  const listed = [...new Set(phases)];
  if (listed.length === 1) {
    return `Kernel ${kernelSize}, stride ${stride}: every inner pixel gets ${listed[0] ** 2} stamp${listed[0] === 1 ? "" : "s"}. No pattern from counting.`;
  }
  const squares = [...new Set(listed.flatMap((a) => listed.map((b) => a * b)))].sort((a, b) => a - b);
  return `Kernel ${kernelSize}, stride ${stride}: ${phases.join(", ")} stamps in turn along each axis, `
    + `so ${squares.slice(0, -1).join(", ")} or ${squares.at(-1)} in the plane. A checkerboard.`;
}

/** Which skips are on, in words. */
export function skipWords(on) {
  const names = ["fine", "middle", "coarse"].filter((_, index) => on[index]);
  if (names.length === 0) return "No skip is on";
  if (names.length === 3) return "All skips are on";
  return `On: ${names.join(" and ")}`;
}

// The view --------------------------------------------------------------------------------------------------------

const CLASS_COLOURS = [
  [40, 44, 52], [59, 130, 214], [217, 115, 13], [46, 158, 91], [155, 109, 214], [26, 154, 168], [230, 190, 60],
];
const [NEAR, FAR] = [[255, 40, 40], [255, 160, 170]];

const STYLE = `
.ed-stage { display: grid; gap: 0.8rem 1rem; grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; }
.ed-pane { display: block; width: 100%; max-width: 16rem; image-rendering: pixelated; border-radius: 4px; }
.ed-shape { display: block; width: 100%; max-width: 16rem; height: auto; }
.ed-shape rect { fill: color-mix(in srgb, var(--cnn-blue) 30%, transparent); stroke: var(--cnn-blue); }
.ed-shape path { fill: none; stroke: var(--cnn-line); stroke-width: 2; stroke-dasharray: 3 4; }
.ed-shape .ed-way { stroke: var(--cnn-muted); stroke-dasharray: none; stroke-width: 1.5; }
.ed-shape .ed-on { stroke: var(--cnn-orange); stroke-dasharray: none; stroke-width: 3; }
.ed-shape text { font-size: 9px; fill: var(--cnn-muted); text-anchor: middle; }
.ed-board { display: grid; gap: 0.8rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: center;
  border-top: 1px solid var(--cnn-line); padding-top: 0.9rem; }
.ed-sliders { display: grid; gap: 0.9rem; }
.ed-board canvas { width: 100%; max-width: 15rem; image-rendering: pixelated; border-radius: 4px; }
@container (min-width: 34rem) {
  .ed-stage { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .ed-board { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
}
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "Skips to switch, and stamps to count", style: STYLE });
  const side = model.get("side");
  const [pictures, truths, predictions] = ["pictures", "truths", "predictions"].map((name) => bytesOf(model.get(name)));
  const scenes = truths.length / side ** 2;
  const pane = (label) => h("canvas", { class: "ed-pane", width: side, height: side, role: "img", "aria-label": label });
  const [scene, truth, answer] = [pane("The scene"), pane("True classes"), pane("The answer")];
  const board = h("canvas", { role: "img" });
  const shape = h("div", { class: "cnn-part" });
  const [say, stamps] = [h("p", { class: "cnn-say" }), h("p", { class: "cnn-say" })];
  const part = (title, child) => h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, title)), child);
  const swatch = (colour) => svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { x: 1, y: 1, width: 14, height: 14, fill: `rgb(${colour.join()})` }));

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.choice("scene", { label: "Scene", options: Array.from({ length: scenes }, (_, index) => [index, String(index + 1)]) }),
      ui.choice("network", { label: "Trained with", options: [["any", "any skips"], ["skips", "all skips"]] })),
    h("div", { class: "cnn-row" },
      ui.toggle("fine", { label: `Fine skip, ${side}×${side}` }),
      ui.toggle("middle", { label: `Middle, ${side / 2}×${side / 2}` }),
      ui.toggle("coarse", { label: `Coarse, ${side / 4}×${side / 4}` })),
    h("div", { class: "ed-stage" }, part("Network", shape), part("Scene", scene), part("Truth", truth), part("Answer", answer)),
    h("div", { class: "cnn-legend" },
      h("span", {}, swatch(NEAR), "wrong, at most two pixels from an outline"), h("span", {}, swatch(FAR), "wrong, elsewhere"),
      model.get("classes").map((name, index) => h("span", {}, swatch(CLASS_COLOURS[index]), name))),
    say,
    h("div", { class: "ed-board" },
      h("div", { class: "ed-sliders" },
        ui.slider("kernel_size", { label: "Kernel size", mark: "k", min: 1, max: 7 }),
        ui.slider("stride", { label: "Stride", mark: "s", min: 1, max: 4 })),
      part("Stamps on each output pixel", board)),
    stamps);

  ui.watch(["scene", "network", "fine", "middle", "coarse"], () => {
    const on = ["fine", "middle", "coarse"].map((name) => model.get(name));
    const index = model.get("scene");
    const subset = 4 * Number(on[0]) + 2 * Number(on[1]) + Number(on[2]);
    const block = (["any", "skips"].indexOf(model.get("network")) * 8 + subset) * scenes + index;
    const pixels = side ** 2;
    const real = [...truths.subarray(index * pixels, (index + 1) * pixels)];
    const found = [...predictions.subarray(block * pixels, (block + 1) * pixels)];
    const near = nearOutline(real, side);
    const rgb = pictures.subarray(3 * index * pixels, 3 * (index + 1) * pixels);
    draw(scene, side, (place) => rgb.subarray(3 * place, 3 * place + 3));
    draw(truth, side, (place) => CLASS_COLOURS[real[place]]);
    draw(answer, side, (place) => (found[place] === real[place] ? CLASS_COLOURS[found[place]] : near[place] ? NEAR : FAR));
    refill(shape, drawShape(side, on));
    const wrong = mistakes(found, real, side);
    say.textContent = `${skipWords(on)}: ${wrong.near + wrong.far} of ${pixels} pixels are wrong, ${wrong.near} of them at an outline. `
      + `Boundary F-score ${boundaryScore(found, real, side).toFixed(2)}.`;
    ui.announce(say.textContent);
  });

  ui.watch(["kernel_size", "stride"], () => {
    const [kernelSize, stride] = [model.get("kernel_size"), model.get("stride")];
    const counts = overlapCounts(7, kernelSize, stride);
    paint(board, counts.flatMap((row) => counts.map((column) => row * column)), counts.length, counts.length);
    stamps.textContent = boardSentence(kernelSize, stride);
    update(board, { "aria-label": `Map of stamps. ${stamps.textContent}` });
    ui.announce(stamps.textContent);
  });
  return ui.dispose;
}

function draw(canvas, side, colourOf) {
  const bytes = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let place = 0; place < side * side; place += 1) bytes.set(colourOf(place), 4 * place);
  canvas.getContext("2d").putImageData(new ImageData(bytes, side, side), 0, 0);
}

/** The levels as boxes, from the encoder on the left to the decoder on the right; a skip that is off is dashed. */
function drawShape(side, on) {
  const widths = [34, 24, 16, 10];
  const [left, right, y] = [(level) => 28 + 12 * level, (level) => 152 - 12 * level, (level) => 22 + 38 * level];
  const box = (x, level) => svg("rect", { x: x - widths[level] / 2, y: y(level) - 6, width: widths[level], height: 12, rx: 2 });
  const line = (kind, d) => svg("path", { class: kind, d });
  const levels = [0, 1, 2];
  return svg("svg", { class: "ed-shape", viewBox: "0 0 180 160", role: "img", "aria-label": `The network. ${skipWords(on)}` },
    levels.map((level) => [
      line("ed-way", `M${left(level)} ${y(level) + 6}L${level === 2 ? 82 : left(level + 1)} ${y(level + 1) - 6}`),
      line("ed-way", `M${level === 2 ? 98 : right(level + 1)} ${y(level + 1) - 6}L${right(level)} ${y(level) + 6}`),
      line(on[level] ? "ed-on" : "ed-off", `M${left(level) + widths[level] / 2 + 2} ${y(level)}H${right(level) - widths[level] / 2 - 2}`),
      svg("text", { x: 90, y: y(level) - 5 }, `${side / 2 ** level}×${side / 2 ** level}`),
      box(left(level), level), box(right(level), level)]),
    svg("rect", { x: 75, y: y(3) - 6, width: 30, height: 12, rx: 2 }),
    svg("text", { x: 90, y: y(3) + 19 }, `${side / 8}×${side / 8}`));
}

export default { render };
