/**
 * A kernel walks over the padded input, and the output fills: the arithmetic of sizes, with its losses marked.
 * The functions mirror `cnncourse.layers.stride_arithmetic`; tests/vectors/stride_arithmetic.json checks both.
 */
import { cellGrid, h, panel, placeName, put, refill, svg, update } from "./kit.mjs";

/** @typedef {{ input_size: number, kernel_size: number, stride: number, padding: number, dilation: number,
 *   ceil_mode?: boolean }} Geometry */

const REMEDY = {
  input_size: "Pass the number of pixels along the axis.",
  kernel_size: "A kernel covers at least one pixel.",
  stride: "The kernel has to move: use stride=1 to visit every position.",
  padding: "Padding adds pixels; to remove pixels, crop the input instead.",
  dilation: "dilation=1 means that the kernel's elements are neighbours.",
};

function check(geometry) {
  for (const [name, remedy] of Object.entries(REMEDY)) {
    const value = geometry[name];
    const minimum = name === "padding" ? 0 : 1;
    if (!Number.isInteger(value)) throw new RangeError(`${name} is ${value}; it must be a whole number (an int). ${remedy}`);
    if (value < minimum) throw new RangeError(`${name} is ${value}; it must be at least ${minimum}. ${remedy}`);
  }
}

/** Pixels from the first to the last element of a dilated kernel: D(K − 1) + 1. */
export function effectiveKernelSize(kernel_size, dilation = 1) {
  return dilation * (kernel_size - 1) + 1;
}

/** Number of positions of the kernel along one axis. @param {Geometry} geometry @throws {RangeError} with a remedy */
export function outputSize(geometry) {
  check(geometry);
  const { input_size, stride, padding, ceil_mode = false } = geometry;
  const room = roomOf(geometry);
  if (room < 0) throw new RangeError(noFit(geometry));
  if (!ceil_mode) return Math.floor(room / stride) + 1;
  const size = Math.ceil(room / stride) + 1;
  return (size - 1) * stride >= input_size + padding ? size - 1 : size;
}

function roomOf({ input_size, kernel_size, padding, dilation }) {
  return input_size + 2 * padding - effectiveKernelSize(kernel_size, dilation);
}

function noFit({ input_size, kernel_size, padding, dilation }) {
  const reach = effectiveKernelSize(kernel_size, dilation);
  const spread = dilation > 1 ? ` (kernel_size=${kernel_size} spread by dilation=${dilation})` : "";
  return `a kernel that covers ${reach} pixels${spread} does not fit into ${input_size + 2 * padding} pixels `
    + `(input_size=${input_size} plus 2·padding=${2 * padding}). `
    + `Use a smaller kernel, less dilation, or padding of at least ${Math.ceil((reach - input_size) / 2)}.`;
}

/** Input indices that output `position` reads; those outside [0, input_size) lie in the padding or beyond it. */
export function window_(position, { kernel_size, stride, padding, dilation }) {
  return Array.from({ length: kernel_size }, (_, element) => position * stride - padding + element * dilation);
}

/** Indices of input pixels that no window reads. @param {Geometry} geometry */
export function unreadPixels(geometry) {
  const read = new Set();
  for (let position = 0; position < outputSize(geometry); position += 1) {
    for (const index of window_(position, geometry)) read.add(index);
  }
  return Array.from({ length: geometry.input_size }, (_, index) => index).filter((index) => !read.has(index));
}

/** Positions at the end of the padded input that no window reaches; negative if the last one hangs over the end. */
export function lostBorder(geometry) {
  return roomOf(geometry) - (outputSize(geometry) - 1) * geometry.stride;
}

/** How many of the K × K elements of a window lie in the input, in the padding and beyond it. */
export function countReads(row, column, geometry) {
  const { input_size, padding } = geometry;
  const zone = (index) => (index >= 0 && index < input_size ? 0 : index < input_size + padding ? 1 : 2);
  const counts = [0, 0, 0];
  for (const y of window_(row, geometry)) {
    for (const x of window_(column, geometry)) counts[Math.max(zone(y), zone(x))] += 1;
  }
  return { input: counts[0], padding: counts[1], beyond: counts[2] };
}

/** The formula's value in steps, as text: numerator with numbers, its sum, and the stride. */
export function steps({ input_size, kernel_size, stride, padding, dilation }) {
  const numerator = `${input_size} + 2·${padding} − ${dilation}·(${kernel_size} − 1) − 1`;
  const room = input_size + 2 * padding - dilation * (kernel_size - 1) - 1;
  return { numerator, room: String(room).replace("-", "−"), stride: String(stride) };
}

/** What the geometry costs, in a sentence. @param {Geometry} geometry */
export function losses(geometry) {
  const { input_size } = geometry;
  const unread = unreadPixels(geometry).length;
  const pixels = input_size ** 2 - (input_size - unread) ** 2;
  const lost = lostBorder(geometry);
  const parts = [pixels ? `${pixels} of ${input_size ** 2} input pixels are never read.` : "Every input pixel is read."];
  if (lost > 0) parts.push(`${many(lost, "row")} and ${many(lost, "column")} at the end of the padded input are given up.`);
  if (lost < 0) parts.push("The last window hangs over the end.");
  if (geometry.ceil_mode && droppedWindow(geometry)) {
    parts.push("Rounding up would give one more, but that window would start in the padding at the end, so it is dropped.");
  }
  return parts.join(" ");
}

function droppedWindow(geometry) {
  return outputSize(geometry) < Math.ceil(roomOf(geometry) / geometry.stride) + 1;
}

function many(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// The view --------------------------------------------------------------------------------------------------------

const NAMES = ["input_size", "kernel_size", "stride", "padding", "dilation", "ceil_mode"];
const CELL = 32; // one pixel of the drawn input, in units of the drawing

const STYLE = `
.sa-input { display: block; width: 100%; height: auto; overflow: visible; cursor: pointer; touch-action: pan-y; }
.sa-pixel { fill: color-mix(in srgb, var(--cnn-blue) 14%, var(--cnn-ground)); stroke: color-mix(in srgb, var(--cnn-blue) 45%, var(--cnn-ground)); }
.sa-pad { fill: none; stroke: color-mix(in srgb, var(--cnn-ink) 40%, var(--cnn-ground)); stroke-dasharray: 3 3; }
.sa-beyond { fill: none; stroke: color-mix(in srgb, var(--cnn-ink) 50%, var(--cnn-ground)); stroke-dasharray: 1 4; stroke-linecap: round; }
.sa-zero { fill: var(--cnn-muted); font-size: 12px; text-anchor: middle; dominant-baseline: central; }
.sa-lost { stroke: var(--cnn-red); stroke-width: 1.5; fill: none; }
.sa-skipped { fill: var(--cnn-purple); }
.sa-kernel { transition: transform var(--cnn-quick); pointer-events: none; }
.sa-kernel rect { fill: color-mix(in srgb, var(--cnn-orange) 38%, transparent); stroke: var(--cnn-orange); stroke-width: 1.5; }
.sa-kernel .sa-reach { fill: none; stroke-width: 3; }
.sa-trouble .sa-kernel rect { stroke-dasharray: 5 4; }
.sa-output .cnn-cell { transition: background var(--cnn-quick); }
.sa-output .sa-done { background: color-mix(in srgb, var(--cnn-blue) 32%, var(--cnn-ground)); border-color: color-mix(in srgb, var(--cnn-blue) 55%, var(--cnn-ground)); }
.sa-output .sa-now { background: color-mix(in srgb, var(--cnn-orange) 55%, var(--cnn-ground)); border: 2px solid var(--cnn-orange); }
.sa-none { color: var(--cnn-muted); font-size: 0.9em; padding: 1.5rem 0; }
.sa-formula { display: grid; grid-template-columns: auto auto; gap: 0.4rem 0.4em; align-items: center; font-size: 1em; white-space: nowrap; }
.sa-formula > :nth-child(odd) { text-align: right; }
.sa-formula b { font-weight: 600; }
.sa-stage > .cnn-row { justify-self: stretch; }
@container (min-width: 34rem) {
  .sa-stage { grid-template: "input formula" auto "input output" 1fr "walk walk" auto / 1fr 1fr; }
  .sa-stage > :nth-child(1) { grid-area: input; }
  .sa-stage > :nth-child(2) { grid-area: output; }
  .sa-stage > :nth-child(3) { grid-area: walk; }
  .sa-stage > :nth-child(4) { grid-area: formula; }
}
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A kernel walks over an input", style: STYLE });
  const geometry = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const [input, output] = [h("div", { class: "cnn-part" }), h("div", { class: "cnn-part sa-output" })];
  const formula = h("div", { class: "cnn-part" });
  const [say, cost, legend] = [h("p", { class: "cnn-say" }), h("p", { class: "cnn-say" }), h("div", { class: "cnn-legend" })];
  const player = makePlayer(ui, () => go(place().index + 1), () => place().index === last());
  const buttons = [
    ui.button("Back", () => { player.stop(); go(place().index - 1); }, { "aria-label": "One step back" }),
    player.button,
    ui.button("Step", () => { player.stop(); go(place().index + 1); }, { "aria-label": "One step on" }),
  ];
  let size = 0; // of the output along one axis; 0 if the kernel does not fit
  let drawn = null;
  let grid = null;

  const last = () => size * size - 1;
  const place = () => {
    const index = Math.max(0, Math.min(model.get("position"), last()));
    return { index, row: Math.floor(index / size), column: index % size };
  };
  const go = (index) => size && put(model, { position: (index + last() + 1) % (last() + 1) });
  const select = (row, column) => { player.stop(); go(row * size + column); };

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("input_size", { label: "Input size", mark: "I", min: 1, max: 12 }),
      ui.slider("kernel_size", { label: "Kernel size", mark: "K", min: 1, max: 6 }),
      ui.slider("stride", { label: "Stride", mark: "S", min: 1, max: 5 }),
      ui.slider("padding", { label: "Padding", mark: "P", min: 0, max: 3 }),
      ui.slider("dilation", { label: "Dilation", mark: "D", min: 1, max: 3 }),
      ui.toggle("ceil_mode", { label: "Ceil mode (pooling)" })),
    h("div", { class: "cnn-stage sa-stage" }, input, output, h("div", { class: "cnn-row" }, buttons, say), formula),
    cost,
    legend);

  ui.watch(NAMES, () => {
    const now = geometry();
    size = sizeOrZero(now);
    refill(formula, formulaOf(now, size));
    drawn = drawInput(now, size, select);
    refill(input, h("div", { class: "cnn-title" }, `Input ${now.input_size}×${now.input_size}`,
      now.padding ? `, padded to ${now.input_size + 2 * now.padding}×${now.input_size + 2 * now.padding}` : ""), drawn.element);
    grid = size ? cellGrid(size, size, { label: `Output, ${size} by ${size}`, name: (r, c) => `Output ${placeName(r, c)}`, select }) : null;
    grid?.element.style.setProperty("max-width", `${size * 36}px`);
    refill(output, h("div", { class: "cnn-title" }, size ? h("b", {}, `Output ${size}×${size}`) : "No output"),
      grid?.element ?? h("p", { class: "sa-none" }, "The kernel has no position."));
    refill(legend, legendOf(now, size));
    cost.className = size ? "cnn-say" : "cnn-say cnn-trouble";
    cost.textContent = size ? losses(now) : messageOf(now);
    buttons.forEach((button) => { button.disabled = !size; });
    if (!size) player.stop();
    showPosition();
    ui.announce(size ? `Output ${size} by ${size}. ${cost.textContent}` : `No output: ${cost.textContent}`);
  });
  ui.watch(["position"], () => {
    showPosition();
    if (!player.playing()) ui.announce(say.textContent);
  });

  function showPosition() {
    say.textContent = "";
    if (!size) return;
    const { index, row, column } = place();
    drawn.moveTo(row, column);
    grid.mark(row, column);
    grid.cells.forEach((cell, at) => {
      cell.classList.toggle("sa-done", at < index);
      cell.classList.toggle("sa-now", at === index);
    });
    say.textContent = sentence(row, column, geometry());
  }

  return ui.dispose;
}

function sizeOrZero(geometry) {
  try {
    return outputSize(geometry);
  } catch {
    return 0;
  }
}

function messageOf(geometry) {
  try {
    outputSize(geometry);
    return "";
  } catch (error) {
    return error.message[0].toUpperCase() + error.message.slice(1);
  }
}

/** What the present window reads, in words. */
export function sentence(row, column, geometry) {
  const reads = countReads(row, column, geometry);
  const parts = [`${many(reads.input, "input pixel")}`];
  if (reads.padding) parts.push(`${many(reads.padding, "zero")} of padding`);
  if (reads.beyond) parts.push(`${many(reads.beyond, "place")} beyond the end`);
  const list = parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
  return `Output ${placeName(row, column)} reads ${list}.`;
}

function makePlayer(ui, advance, atEnd) {
  let timer = null;
  const button = ui.button("Play", () => (timer ? stop() : start()), { class: "cnn-button cnn-main" });
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  };
  const start = () => {
    button.textContent = "Pause";
    advance();
    timer = setInterval(() => (atEnd() ? stop() : advance()), 420);
  };
  ui.onDispose(stop);
  return { button, stop, playing: () => timer !== null };
}

function formulaOf(geometry, size) {
  const { numerator, room, stride } = steps(geometry);
  const [open, close] = geometry.ceil_mode ? ["⌈", "⌉"] : ["⌊", "⌋"];
  const rounded = (top, bottom) => [
    h("span", { class: "cnn-floor" }, open),
    h("span", { class: "cnn-over" }, h("span", {}, top), h("span", {}, bottom)),
    h("span", { class: "cnn-floor" }, close)];
  const dropped = geometry.ceil_mode && size && droppedWindow(geometry);
  const lines = [
    ["O", " = ", rounded([h("i", {}, "I"), " + 2", h("i", {}, "P"), " − ", h("i", {}, "D"), "(", h("i", {}, "K"), " − 1) − 1"], h("i", {}, "S")), " + 1"],
    ["", " = ", rounded(numerator, stride), " + 1"],
    ["", " = ", rounded(room, stride), dropped ? " + 1 − 1" : " + 1"],
    ["", " = ", h("b", {}, size ? String(size) : "no position")],
  ];
  const words = `${geometry.ceil_mode ? "ceiling" : "floor"} of ${room} divided by ${stride}, plus 1${dropped ? ", minus the dropped window" : ""}`;
  return h("div", { class: "cnn-formula sa-formula", role: "math", "aria-label": `Output size: ${words}; ${size || "no position"}` },
    lines.map(([left, ...right]) => [h("i", {}, left), h("span", {}, right)]));
}

/** Draw the input with padding, losses and kernel; `moveTo` puts the kernel on an output's window. */
function drawInput(geometry, size, select) {
  const { input_size, kernel_size, stride, padding, dilation } = geometry;
  const reach = effectiveKernelSize(kernel_size, dilation);
  const padded = input_size + 2 * padding;
  const extent = Math.max(padded, size ? (size - 1) * stride + reach : reach);
  const lost = size ? Math.max(0, lostBorder(geometry)) : 0;
  const unread = new Set(size ? unreadPixels(geometry).map((index) => index + padding) : []);
  const inside = (index) => index >= padding && index < padding + input_size;
  const [cells, zeros] = [[], []];
  let [lines, dots] = ["", ""];
  for (let row = 0; row < extent; row += 1) {
    for (let column = 0; column < extent; column += 1) {
      const [x, y, most] = [column * CELL, row * CELL, Math.max(row, column)];
      const kind = inside(row) && inside(column) ? "sa-pixel" : most < padded ? "sa-pad" : "sa-beyond";
      cells.push(svg("rect", { class: kind, x: x + 1.5, y: y + 1.5, width: CELL - 3, height: CELL - 3, rx: 4 }));
      const givenUp = most < padded && most >= padded - lost;
      if (kind === "sa-pad" && !givenUp) zeros.push(svg("text", { class: "sa-zero", x: x + CELL / 2, y: y + CELL / 2 }, "0"));
      if (givenUp) lines += hatch(x, y);
      else if (kind === "sa-pixel" && (unread.has(row) || unread.has(column))) dots += dotted(x, y);
    }
  }
  const elements = [];
  for (let row = 0; row < kernel_size; row += 1) {
    for (let column = 0; column < kernel_size; column += 1) {
      elements.push(svg("rect", { x: column * dilation * CELL + 3, y: row * dilation * CELL + 3, width: CELL - 6, height: CELL - 6, rx: 3 }));
    }
  }
  const kernel = svg("g", { class: "sa-kernel" }, elements,
    svg("rect", { class: "sa-reach", x: 0.5, y: 0.5, width: reach * CELL - 1, height: reach * CELL - 1, rx: 6 }));
  const element = svg("svg", {
    class: size ? "sa-input" : "sa-input sa-trouble", role: "img", viewBox: `-2 -2 ${extent * CELL + 4} ${extent * CELL + 4}`,
    "aria-label": describe(geometry, size),
  }, cells, zeros, lines && svg("path", { class: "sa-lost", d: lines }), dots && svg("path", { class: "sa-skipped", d: dots }), kernel);
  element.style.maxWidth = `${extent * 36}px`;
  const follow = (event) => {
    const box = element.getBoundingClientRect();
    const nearest = (at, from, length) => {
      const cell = ((at - from) / length) * extent - reach / 2;
      return Math.max(0, Math.min(size - 1, Math.round(cell / stride)));
    };
    if (size) select(nearest(event.clientY, box.top, box.height), nearest(event.clientX, box.left, box.width));
  };
  update(element, { onclick: follow, onpointermove: (event) => { if (event.buttons === 1) follow(event); } });
  const moveTo = (row, column) => {
    kernel.style.transform = `translate(${column * stride * CELL}px, ${row * stride * CELL}px)`;
  };
  return { element, moveTo };
}

function describe({ input_size, kernel_size, padding, dilation }, size) {
  const around = padding ? ` with ${many(padding, "pixel")} of padding` : "";
  const spread = dilation > 1 ? `, dilated by ${dilation},` : "";
  const kernel = `a ${kernel_size} by ${kernel_size} kernel${spread}`;
  return `Input of ${input_size} by ${input_size} pixels${around}; ${kernel} ${size ? "lies on it" : "does not fit on it"}.`;
}

function hatch(x, y) {
  const [low, high] = [4, CELL - 4];
  const third = (high - low) / 2;
  return `M${x + low} ${y + low + third}L${x + low + third} ${y + low}M${x + low} ${y + high}L${x + high} ${y + low}`
    + `M${x + high - third} ${y + high}L${x + high} ${y + high - third}`;
}

function dotted(x, y) {
  const dot = (cx, cy) => `M${x + cx - 2} ${y + cy}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0`;
  return dot(9, 9) + dot(23, 9) + dot(16, 16) + dot(9, 23) + dot(23, 23);
}

function legendOf(geometry, size) {
  const swatch = (text, ...marks) => h("span", {}, svg("svg", { viewBox: `0 0 ${CELL} ${CELL}`, "aria-hidden": "true" }, marks), text);
  const box = (kind) => svg("rect", { class: kind, x: 2, y: 2, width: CELL - 4, height: CELL - 4, rx: 4 });
  const lost = size ? lostBorder(geometry) : 0;
  const skipped = size > 0 && unreadPixels(geometry).some((index) => index < geometry.input_size + geometry.padding - Math.max(0, lost));
  return [
    swatch("kernel", svg("g", { class: "sa-kernel" }, box(""))),
    swatch("input", box("sa-pixel")),
    geometry.padding > 0 && swatch("padding", box("sa-pad")),
    lost > 0 && swatch("given up at the end", box("sa-pixel"), svg("path", { class: "sa-lost", d: hatch(0, 0) })),
    skipped && swatch("skipped between windows", box("sa-pixel"), svg("path", { class: "sa-skipped", d: dotted(0, 0) })),
    lost < 0 && swatch("beyond the end", box("sa-beyond")),
  ];
}

export default { render };
