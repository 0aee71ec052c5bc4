/**
 * A photograph to drag under an eye detector: its response map before and after pooling.
 * The functions mirror `cnncourse.layers.pooling` and `robustness`; tests/vectors/pooling.json checks both.
 */
import { bytesOf, h, panel, paint, put, refill, short, svg, update } from "./kit.mjs";

/** @typedef {{ values: ArrayLike<number>, height: number, width: number }} Plane a map of numbers, row by row */

export const KINDS = ["maximum", "average", "every", "low-pass"];

/** A part of a plane. @param {Plane} plane @returns {Plane} */
export function crop({ values, width: columns }, top, left, height, width) {
  const part = new Float64Array(height * width);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) part[row * width + column] = values[(top + row) * columns + left + column];
  }
  return { values: part, height, width };
}

/**
 * Correlation coefficient of template and patch at every place, below zero cut off.
 * @param {Plane} image @param {Plane} template @returns {Plane}
 */
export function detect(image, template) {
  const count = template.values.length;
  const mean = template.values.reduce((sum, value) => sum + value, 0) / count;
  const pattern = Float64Array.from(template.values, (value) => value - mean);
  const norm = Math.hypot(...pattern);
  return everywhere(image, template.height, template.width, 1, (patch) => {
    let [sum, squares, product] = [0, 0, 0];
    for (let index = 0; index < count; index += 1) {
      sum += patch[index];
      squares += patch[index] ** 2;
      product += patch[index] * pattern[index];
    }
    const spread = Math.sqrt(Math.max(0, squares - sum ** 2 / count));
    return spread > 1e-4 ? Math.max(0, product / (norm * spread)) : 0;
  });
}

/** A number for each window; the windows fit in as often as they do. */
function everywhere({ values, height, width }, high, wide, stride, summarise) {
  const [rows, columns] = [Math.floor((height - high) / stride) + 1, Math.floor((width - wide) / stride) + 1];
  const result = new Float64Array(rows * columns);
  const patch = new Float64Array(high * wide);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      for (let y = 0; y < high; y += 1) {
        for (let x = 0; x < wide; x += 1) patch[y * wide + x] = values[(row * stride + y) * width + column * stride + x];
      }
      result[row * columns + column] = summarise(patch);
    }
  }
  return { values: result, height: rows, width: columns };
}

/**
 * Pool with windows of size × size that touch: the maximum, the average, every size-th value, or the maximum at every
 * place, low-pass filtered and then every size-th value. @param {string} kind @param {Plane} map @returns {Plane}
 */
export function pool(kind, map, size) {
  const largest = (patch) => patch.reduce((most, value) => Math.max(most, value), -Infinity);
  if (kind === "maximum") return everywhere(map, size, size, size, largest);
  if (kind === "average") return everywhere(map, size, size, size, (patch) => patch.reduce((sum, value) => sum + value, 0) / patch.length);
  if (kind === "every") return everywhere(map, 1, 1, size, (patch) => patch[0]);
  if (kind === "low-pass") return blur(everywhere(map, size, size, 1, largest), size, 2 * size - 1);
  throw new RangeError(`there is no kind '${kind}'; choose one of ${KINDS.join(", ")}`);
}

/** The row of Pascal's triangle with `size` numbers, divided by its sum. */
export function binomial(size) {
  let row = [1];
  while (row.length < size) row = [...row, 0].map((value, index) => (value + (row[index - 1] ?? 0)) / 2);
  return row;
}

/** Low-pass filter, then every `stride`-th value; the border is mirrored. @param {Plane} map @returns {Plane} */
export function blur(map, stride, size) {
  const border = (size - 1) / 2;
  const mirror = (index, length) => {
    const turned = Math.abs(index);
    return turned < length ? turned : 2 * (length - 1) - turned;
  };
  const [high, wide] = [map.height + 2 * border, map.width + 2 * border];
  const padded = new Float64Array(high * wide);
  for (let row = 0; row < high; row += 1) {
    for (let column = 0; column < wide; column += 1) {
      padded[row * wide + column] = map.values[mirror(row - border, map.height) * map.width + mirror(column - border, map.width)];
    }
  }
  const weights = binomial(size);
  return everywhere({ values: padded, height: high, width: wide }, size, size, stride, (patch) => {
    let sum = 0;
    for (let y = 0; y < size; y += 1) for (let x = 0; x < size; x += 1) sum += weights[y] * weights[x] * patch[y * size + x];
    return sum;
  });
}

/** Place of the largest value, the first of equals. @param {Plane} plane @returns {[number, number]} */
export function peak({ values, width }) {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) if (values[index] > values[best]) best = index;
  return [Math.floor(best / width), best % width];
}

/** How far the present pooled map is from the old one, moved by the nearest number of whole units: 0 if it only moved. */
export function gapAfterMoving(before, after, right, down, size) {
  const [x, y] = [Math.round(right / size), Math.round(down / size)];
  let [difference, whole] = [0, 0];
  for (let row = Math.max(0, y); row < Math.min(before.height, before.height + y); row += 1) {
    for (let column = Math.max(0, x); column < Math.min(before.width, before.width + x); column += 1) {
      const old = before.values[(row - y) * before.width + column - x];
      difference += (after.values[row * before.width + column] - old) ** 2;
      whole += old ** 2;
    }
  }
  return whole ? Math.sqrt(difference / whole) : 0;
}

// The view --------------------------------------------------------------------------------------------------------

const LABELS = { maximum: "maximum", average: "average", every: "every K-th", "low-pass": "max, low-pass" };
const REACH = 8; // pixels that the picture can be moved, as in the Python class
const STYLE = `
.po-stage { display: grid; gap: 1rem 1.2rem; grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; }
.po-pane { position: relative; width: 100%; border-radius: 4px; }
.po-pane svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; pointer-events: none; }
.po-drag { cursor: grab; touch-action: none; user-select: none; }
.po-drag:active { cursor: grabbing; }
.po-ring { fill: none; stroke: var(--cnn-orange); }
.po-watched { fill: none; stroke: var(--cnn-blue); stroke-dasharray: 4 3; }
.po-curve { display: block; width: 100%; height: auto; overflow: visible; }
.po-curve text { font-size: 10px; fill: var(--cnn-muted); text-anchor: middle; }
.po-curve .po-axis { stroke: var(--cnn-line); }
.po-before, .po-after { fill: none; stroke-width: 2; stroke-linejoin: round; }
.po-before { stroke: var(--cnn-grey); stroke-dasharray: 4 3; }
.po-after { stroke: var(--cnn-blue); }
.po-nowline { stroke: var(--cnn-orange); }
@container (min-width: 34rem) { .po-stage { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "An eye detector and its pooled response", style: STYLE });
  const scene = sceneOf(model);
  const [picture, response, pooled] = ["Picture", "Response", "Pooled"].map((name) => pane(name));
  const [say, gapSay] = [h("p", { class: "cnn-say" }), h("p", { class: "cnn-say" })];
  const curve = h("div", { class: "cnn-part" });
  const move = (right, down) => put(model, { right: within(right), down: within(down) });
  const shift = () => [model.get("right"), model.get("down")];
  makeDraggable(picture.box, shift, move, scene.side);

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("right", { label: "Move right", min: -REACH, max: REACH, format: (value) => short(value) }),
      ui.slider("down", { label: "Move down", min: -REACH, max: REACH, format: (value) => short(value) }),
      ui.slider("window", { label: "Window", mark: "K", min: 1, max: 8, format: (value) => `${value}×${value}` })),
    h("div", { class: "cnn-row" },
      ui.choice("kind", { label: "Pooling", options: KINDS.map((kind) => [kind, LABELS[kind]]) }),
      ui.button("Back to the start", () => move(0, 0))),
    h("div", { class: "po-stage" },
      part(h("span", {}, h("b", {}, "Picture"), ": drag it"), picture.box),
      part(h("b", {}, "Detector's response"), response.box),
      part(pooled.title, pooled.box),
      part("unit in the dashed frame", curve)),
    say, gapSay,
    h("div", { class: "cnn-legend" },
      legend("po-ring", "strongest answer"), legend("po-watched", "where the eye was at the start"),
      legend("po-before", "response"), legend("po-after", "pooled")));

  ui.watch(["right", "down", "kind", "window"], () => {
    const [right, down] = shift();
    const [kind, size] = [model.get("kind"), model.get("window")];
    const [raw, start] = [scene.response(right, down), scene.response(0, 0)];
    const after = pool(kind, raw, size);
    const home = peak(start);
    const unit = home.map((place, axis) => Math.min(Math.floor(place / size), [after.height, after.width][axis] - 1));
    const view = scene.view(right, down);
    paint(picture.canvas, view.values, view.height, view.width, { limit: 1 });
    paint(response.canvas, raw.values, raw.height, raw.width, { limit: 1 });
    paint(pooled.canvas, after.values, after.height, after.width, { limit: 1 });
    refill(pooled.title, h("b", {}, `Pooled to ${after.height}×${after.width}`));
    const [eye, best, top] = [peak(raw).map((place) => place + scene.template / 2), peak(raw), peak(after)];
    picture.draw(view, frame("po-ring", eye[0] - scene.template / 2, eye[1] - scene.template / 2, scene.template, 0.6));
    response.draw(raw, ring(best, raw.height / 16, 0.6), frame("po-watched", home[0] - 1, home[1] - 1, 3, 0.5));
    pooled.draw(after, ring(top, 0.34, 0.09 * Math.max(1, after.height / 8)), frame("po-watched", unit[0], unit[1], 1, 0.07 * Math.max(1, after.height / 8)));

    const read = (plane, [row, column]) => plane.values[row * plane.width + column];
    const [before, now] = [read(raw, home), read(after, unit)];
    const path = (value) => Array.from({ length: 2 * REACH + 1 }, (_, step) => value(step - REACH));
    refill(curve, drawCurve(
      path((step) => read(scene.response(step, down), home)),
      path((step) => read(pool(kind, scene.response(step, down), size), unit)), right));
    say.textContent = sentence(right, down, before, now);
    const gap = gapAfterMoving(pool(kind, start, size), after, right, down, size);
    gapSay.textContent = judge(right, down, size, gap);
    update(picture.box, { "aria-label": `The picture, moved ${moved(right, down)}; arrow keys move it` });
    ui.announce(`${say.textContent} ${gapSay.textContent}`);
  });
  return ui.dispose;
}

/** What the unit at the eye's old place answers, in a sentence. */
export function sentence(right, down, before, after) {
  return `Moved ${moved(right, down)}. Where the eye was at the start, the detector answers ${short(before)}, `
    + `and the pooled unit ${short(after)}.`;
}

/** Whether pooling moved along with the picture, in a sentence. */
export function judge(right, down, size, gap) {
  if (!right && !down) return "Move the picture and watch which of the two maps stays as it is.";
  const whole = right % size === 0 && down % size === 0;
  const percent = `${Math.round(100 * gap)} %`;
  if (whole) return `The move is a multiple of ${size}: the pooled map has moved by whole units, and differs by ${percent} from the old one.`;
  return `The move is no multiple of ${size}: even moved along by the nearest number of whole units, the old pooled map differs by ${percent} from the new one.`;
}

function moved(right, down) {
  const parts = [right && `${Math.abs(right)} to the ${right > 0 ? "right" : "left"}`, down && `${Math.abs(down)} ${down > 0 ? "down" : "up"}`].filter(Boolean);
  return parts.length ? parts.join(" and ") : "by nothing";
}

const within = (value) => Math.max(-REACH, Math.min(REACH, Math.round(value)));

/** The photograph, its crops and the detector's responses; the response of a crop is a crop of the response. */
function sceneOf(model) {
  const bytes = bytesOf(model.get("photo"));
  const width = model.get("photo_width");
  const photo = { values: Float64Array.from(bytes, (byte) => byte / 255), height: bytes.length / width, width };
  const [eyeTop, eyeLeft, template] = model.get("eye");
  const [top, left, side] = model.get("view");
  const whole = detect(photo, crop(photo, eyeTop, eyeLeft, template, template));
  const size = side - template + 1;
  return {
    template, side,
    view: (right, down) => crop(photo, top - down, left - right, side, side),
    response: (right, down) => crop(whole, top - down, left - right, size, size),
  };
}

function pane(name) {
  const canvas = h("canvas", { class: "cnn-map" });
  const marks = svg("svg", { "aria-hidden": "true" });
  const box = h("div", { class: "po-pane", role: "img", "aria-label": name }, canvas, marks);
  const draw = ({ height, width }, ...elements) => {
    update(marks, { viewBox: `0 0 ${width} ${height}` });
    refill(marks, elements);
  };
  return { canvas, box, draw, title: h("span") };
}

function part(title, ...children) {
  return h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, title), children);
}

function ring([row, column], radius, stroke) {
  return svg("circle", { class: "po-ring", cx: column + 0.5, cy: row + 0.5, r: radius, "stroke-width": stroke });
}

function frame(kind, row, column, size, stroke) {
  return svg("rect", { class: kind, x: column, y: row, width: size, height: size, "stroke-width": stroke,
    "stroke-dasharray": kind === "po-watched" ? `${4 * stroke} ${2 * stroke}` : null });
}

function legend(kind, text) {
  const mark = kind === "po-ring" || kind === "po-watched"
    ? svg("rect", { class: kind, x: 2, y: 2, width: 12, height: 12, "stroke-width": 2 })
    : svg("path", { class: kind, d: "M0 8H16" });
  return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, mark), text);
}

function drawCurve(before, after, now) {
  const [x, y] = [(index) => 8 + index * 10, (value) => 104 - 96 * value];
  const line = (kind, values) => svg("path", { class: kind, d: values.map((value, index) => `${index ? "L" : "M"}${x(index)} ${y(value)}`).join("") });
  const label = `Answer against the move to the right: response ${short(before[now + REACH])}, pooled ${short(after[now + REACH])} now`;
  return svg("svg", { class: "po-curve", viewBox: "0 0 176 134", role: "img", "aria-label": label },
    svg("path", { class: "po-axis", d: `M8 ${y(0)}H168M8 ${y(1)}H168` }),
    svg("path", { class: "po-nowline", d: `M${x(now + REACH)} ${y(0)}V${y(1)}` }),
    line("po-before", before), line("po-after", after),
    [-8, -4, 0, 4, 8].map((step) => svg("text", { x: x(step + REACH), y: 117 }, short(step))),
    svg("text", { x: 88, y: 131 }, "move to the right"));
}

/** Dragging by mouse or finger, and arrow keys. */
function makeDraggable(box, shift, move, side) {
  let from = null;
  update(box, {
    class: "po-pane po-drag", tabindex: 0, role: "application", "aria-roledescription": "movable picture",
    onpointerdown: (event) => {
      box.setPointerCapture(event.pointerId);
      from = { x: event.clientX, y: event.clientY, shift: shift() };
    },
    onpointermove: (event) => {
      if (!from) return;
      const pixel = box.getBoundingClientRect().width / side;
      move(from.shift[0] + (event.clientX - from.x) / pixel, from.shift[1] + (event.clientY - from.y) / pixel);
    },
    onpointerup: () => { from = null; },
    onpointercancel: () => { from = null; },
    onkeydown: (event) => {
      const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const [right, down] = shift();
      move(right + step[0], down + step[1]);
    },
  });
}

export default { render };
