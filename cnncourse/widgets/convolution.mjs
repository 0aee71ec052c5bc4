/**
 * A small kernel that the reader edits, over a photograph: every output pixel is a sum of products, shown in numbers.
 * tests/vectors/convolution.json checks the arithmetic here against torch.
 */
import { bytesOf, h, moveInGrid, paint, panel, placeName, put, refill, short, svg, update } from "./kit.mjs";

/** @typedef {{ stride: number, padding: number, dilation: number, flip: boolean }} Options */

/** Kernels for both sizes, row by row: [name, display, { 3: [weights, divisor], 5: [weights, divisor] }]. */
export const PRESETS = [
  ["Identity", "grey", { 3: [centre(3), 1], 5: [centre(5), 1] }],
  ["Horizontal edges", "signed", { 3: [outer([-1, 0, 1], [1, 2, 1]), 1], 5: [outer([-1, -2, 0, 2, 1], [1, 4, 6, 4, 1]), 1] }],
  ["Vertical edges", "signed", { 3: [outer([1, 2, 1], [-1, 0, 1]), 1], 5: [outer([1, 4, 6, 4, 1], [-1, -2, 0, 2, 1]), 1] }],
  ["Laplacian", "signed", {
    3: [[0, 1, 0, 1, -4, 1, 0, 1, 0], 1],
    5: [[0, 0, 1, 0, 0, 0, 1, 2, 1, 0, 1, 2, -16, 2, 1, 0, 1, 2, 1, 0, 0, 0, 1, 0, 0], 1],
  }],
  ["Blur", "grey", { 3: [outer([1, 2, 1], [1, 2, 1]), 16], 5: [outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]), 256] }],
  ["Sharpen", "grey", {
    3: [[0, -1, 0, -1, 5, -1, 0, -1, 0], 1],
    5: [[-1, -1, -1, -1, -1, -1, 2, 2, 2, -1, -1, 2, 8, 2, -1, -1, 2, 2, 2, -1, -1, -1, -1, -1, -1], 8],
  }],
  ["Emboss", "grey", {
    3: [[-2, -1, 0, -1, 1, 1, 0, 1, 2], 1],
    5: [[-2, -2, -1, -1, 0, -2, -1, -1, 0, 1, -1, -1, 1, 1, 1, -1, 0, 1, 1, 2, 0, 1, 1, 2, 2], 1],
  }],
];

function centre(side) {
  return Array.from({ length: side * side }, (_, index) => (index === (side * side - 1) / 2 ? 1 : 0));
}

function outer(column, row) {
  return column.flatMap((down) => row.map((right) => down * right || 0)); // || 0: no −0
}

/** Side of a square kernel given row by row. @param {number[]} kernel */
export function sideOf(kernel) {
  return Math.round(Math.sqrt(kernel.length));
}

/** Size of the output along one axis; 0 or less if the kernel does not fit. */
export function outputSize(size, side, { stride, padding, dilation }) {
  return Math.floor((size + 2 * padding - dilation * (side - 1) - 1) / stride) + 1;
}

/** The weights in the order in which they meet the window: turned by 180° for a true convolution. */
export function applied(kernel, flip) {
  return flip ? [...kernel].reverse() : kernel;
}

/**
 * Convolve one channel, as torch does; with `flip` as mathematics does.
 * @param {ArrayLike<number>} pixels row by row @param {number} height @param {number} width
 * @param {number[]} kernel row by row @param {Options & { divisor?: number }} options
 * @returns {{ values: Float64Array, height: number, width: number }}
 */
export function convolve(pixels, height, width, kernel, options) {
  const { stride, padding, dilation, flip, divisor = 1 } = options;
  const side = sideOf(kernel);
  const weights = applied(kernel, flip);
  const [rows, columns] = [outputSize(height, side, options), outputSize(width, side, options)];
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let sum = 0;
      for (let down = 0; down < side; down += 1) {
        const y = row * stride - padding + down * dilation;
        if (y < 0 || y >= height) continue;
        for (let right = 0; right < side; right += 1) {
          const x = column * stride - padding + right * dilation;
          if (x >= 0 && x < width) sum += weights[down * side + right] * pixels[y * width + x];
        }
      }
      values[row * columns + column] = sum / divisor;
    }
  }
  return { values, height: rows, width: columns };
}

/**
 * Pixels, weights and products of one output, element by element; a pixel of the padding is 0 and not `inside`.
 * @returns {{ pixel: number, weight: number, product: number, inside: boolean }[]}
 */
export function productsAt(row, column, pixels, height, width, kernel, { stride, padding, dilation, flip }) {
  const side = sideOf(kernel);
  return applied(kernel, flip).map((weight, index) => {
    const y = row * stride - padding + Math.floor(index / side) * dilation;
    const x = column * stride - padding + (index % side) * dilation;
    const inside = y >= 0 && y < height && x >= 0 && x < width;
    const pixel = inside ? pixels[y * width + x] : 0;
    return { pixel, weight, product: weight * pixel || 0, inside };
  });
}

/** A kernel of the other size: the same preset if it is one, else with a frame of zeros, or its middle. */
export function resized(kernel, divisor, side) {
  const preset = presetOf(kernel, divisor);
  if (preset) return { kernel: preset[2][side][0], divisor: preset[2][side][1] };
  const [old, shift] = [sideOf(kernel), (side - sideOf(kernel)) / 2];
  const cells = Array.from({ length: side * side }, (_, index) => {
    const [row, column] = [Math.floor(index / side) - shift, (index % side) - shift];
    return row >= 0 && row < old && column >= 0 && column < old ? kernel[row * old + column] : 0;
  });
  return { kernel: cells, divisor };
}

/** The preset that a kernel is, if it is one. */
export function presetOf(kernel, divisor) {
  return PRESETS.find(([, , sizes]) => {
    const [weights, by] = sizes[sideOf(kernel)];
    return by === divisor && weights.every((weight, index) => weight === kernel[index]);
  });
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.cv-maps { display: grid; grid-template-columns: 1fr 1fr; gap: 0.75rem 1.5rem; }
.cv-map { position: relative; width: 100%; margin: 0 auto; line-height: 0; touch-action: pan-y; cursor: crosshair; border-radius: 3px; }
.cv-map canvas { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 3px; }
.cv-map svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; pointer-events: none; }
.cv-edge { fill: none; stroke: var(--cnn-grey); stroke-width: 1; stroke-dasharray: 3 3; vector-effect: non-scaling-stroke; }
.cv-window rect { fill: color-mix(in srgb, var(--cnn-orange) 30%, transparent); }
.cv-window .cv-frame, .cv-spot { fill: none; stroke: var(--cnn-orange); stroke-width: 2.5; vector-effect: non-scaling-stroke; }
.cv-halo { fill: none; stroke: #fff; stroke-width: 4.5; stroke-opacity: 0.85; vector-effect: non-scaling-stroke; }
.cv-scale { display: flex; align-items: center; justify-content: center; gap: 0.3rem 0.6rem; width: 100%; min-height: 1.5em; font-size: 0.82em; color: var(--cnn-muted); }
.cv-scale > span:not(.cv-bar) { white-space: nowrap; }
.cv-bar { flex: 0 1 6.5rem; min-width: 2rem; height: 10px; border-radius: 5px; border: 1px solid var(--cnn-line); }
.cv-signed { background: linear-gradient(to right, #053061, #2166ac, #4393c3, #92c5de, #d1e5f0, #f7f7f7, #fddbc7, #f4a582, #d6604d, #b2182b, #67001f); }
.cv-grey { background: linear-gradient(to right, #000, #fff); }
.cv-head { display: flex; flex-wrap: wrap; gap: 0.2rem 0.6rem; align-items: center; justify-content: center; min-height: 36px; font-size: 0.86em; color: var(--cnn-muted); }
.cv-head .cnn-name { display: none; }
.cv-head b { color: var(--cnn-ink); font-weight: 600; }
.cv-sum {
  display: grid; gap: 0.6rem 1.25rem; align-items: start;
  grid-template: "patch kernel" auto "products divisor" auto "products total" auto "products say" 1fr / 1fr 1fr;
}
.cv-sum > .cnn-say { grid-area: say; }
.cv-times, .cv-equals { display: none; color: var(--cnn-muted); font-size: 1.3em; align-self: center; padding-top: 1.2em; }
.cv-grid { display: grid; grid-template-columns: repeat(var(--cv-side), minmax(0, 1fr)); gap: 2px; width: 100%; max-width: calc(var(--cv-side) * 54px); }
.cv-grid { font-size: min(1em - (var(--cv-side) - 3) * 0.1em, 15cqi / var(--cv-side)); }
.cv-grid > * {
  display: grid; place-items: center; aspect-ratio: 1; min-width: 0; width: 100%; margin: 0; padding: 0; border: 1px solid var(--cnn-line);
  border-radius: 4px; font: inherit; text-align: center; color: inherit; background: var(--cnn-ground);
}
.cv-grid input { appearance: textfield; border-color: color-mix(in srgb, var(--cnn-orange) 70%, var(--cnn-ground)); font-weight: 600; }
.cv-grid input::-webkit-inner-spin-button, .cv-grid input::-webkit-outer-spin-button { appearance: none; margin: 0; }
.cv-grid .cv-zero { border-style: dashed; color: var(--cnn-muted) !important; background: none !important; }
.cv-grid .cv-hot { outline: 3px solid var(--cnn-orange); outline-offset: -1px; }
.cv-divisor { grid-area: divisor; display: inline-flex; justify-self: center; align-items: center; gap: 0.5rem; font-size: 0.86em; color: var(--cnn-muted); }
.cv-divisor input { width: 4.2rem; min-height: 30px; padding: 0 0.4rem; border: 1px solid var(--cnn-line); border-radius: 7px; background: var(--cnn-ground); color: var(--cnn-ink); font: inherit; }
.cv-total { grid-area: total; font-size: 1.05em; text-align: center; }
.cv-total b { font-weight: 700; font-size: 1.15em; }
.cv-presets { display: flex; flex-wrap: wrap; gap: 0.35rem; }
.cv-presets .cnn-button { padding: 0.3rem 0.6rem; font-size: 0.86em; }
.cv-presets .cnn-button[aria-pressed="true"] { background: var(--cnn-accent); border-color: var(--cnn-accent); color: var(--cnn-on-accent); }
@container (min-width: 34rem) {
  .cv-sum { grid-template: "patch times kernel equals products" auto "say say divisor . total" auto / 1fr auto 1fr auto 1fr; gap: 0.6rem 0.75rem; }
  .cv-times, .cv-equals { display: block; }
}
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A kernel over a photograph", style: STYLE });
  const view = makeView();
  let [pixels, size, map, editors] = [null, 0, null, []];

  const options = () => Object.fromEntries(
    ["stride", "padding", "dilation", "flip", "divisor"].map((name) => [name, model.get(name)]));
  const place = () => model.get("position").map((index, axis) =>
    Math.max(0, Math.min(index, (axis ? map.width : map.height) - 1)));
  const select = (row, column) => {
    const [oldRow, oldColumn] = model.get("position");
    if (row !== oldRow || column !== oldColumn) put(model, { position: [row, column] });
  };
  const presets = PRESETS.map(([name, display, sizes]) => ui.button(name, () => {
    const [kernel, divisor] = sizes[sideOf(model.get("kernel"))];
    put(model, { kernel, divisor, display });
  }, { "aria-pressed": "false" }));
  const sides = sideChoice(ui, model);

  listen(view.output, () => [map.height, map.width], place, select, (y, x) => [Math.floor(y * map.height), Math.floor(x * map.width)]);
  listen(view.photo, () => [map.height, map.width], place, select, (y, x) => {
    const { stride, padding, dilation } = options();
    const half = (dilation * (sideOf(model.get("kernel")) - 1) + 1) / 2;
    return [y, x].map((part) => Math.round((part * (size + 2 * padding) - half) / stride));
  });
  const divisor = h("input", {
    type: "number", step: "any", "aria-label": "Divide the sum by",
    oninput: () => Number(divisor.value) && put(model, { divisor: Number(divisor.value) }),
  });

  ui.add(
    h("div", { class: "cv-presets", role: "group", "aria-label": "Kernels to begin with" }, presets),
    h("div", { class: "cv-maps" },
      h("div", { class: "cnn-part" }, h("div", { class: "cv-head" },
        ui.choice("photograph", { label: "Photograph", menu: true, options: model.get("photographs").map((name) => [name, name]) }),
        view.photoTitle), view.photo),
      h("div", { class: "cnn-part" }, view.outputTitle, view.output, view.scale)),
    h("div", { class: "cv-sum" },
      part("patch", "Pixels in the window", view.patch),
      h("span", { class: "cv-times", "aria-hidden": "true" }, "×"),
      part("kernel", view.kernelTitle, view.kernel),
      h("span", { class: "cv-equals", "aria-hidden": "true" }, "="),
      part("products", "Products", view.products),
      h("label", { class: "cv-divisor" }, "divided by", divisor),
      view.total,
      view.say),
    h("div", { class: "cnn-controls" },
      sides,
      ui.choice("display", { label: "Colours", options: [["grey", "grey"], ["signed", "signed"]] }),
      ui.toggle("flip", { label: "Flip the kernel" }),
      ui.slider("stride", { label: "Stride", mark: "S", min: 1, max: 4 }),
      ui.slider("padding", { label: "Padding", mark: "P", min: 0, max: 8 }),
      ui.slider("dilation", { label: "Dilation", mark: "D", min: 1, max: 4 })));

  ui.watch(["photograph", "photographs", "pixels", "size", "kernel", "divisor", "stride", "padding", "dilation", "flip", "display"], () => {
    const kernel = model.get("kernel");
    size = model.get("size");
    pixels = bytesOf(model.get("pixels")).subarray(model.get("photographs").indexOf(model.get("photograph")) * size * size).subarray(0, size * size);
    map = convolve(pixels, size, size, kernel, options());
    const preset = presetOf(kernel, model.get("divisor"));
    presets.forEach((button) => update(button, { "aria-pressed": String(button.textContent === preset?.[0]) }));
    showEditors(kernel);
    if (divisor !== el.getRootNode().activeElement) divisor.value = String(model.get("divisor"));
    showMaps();
    showWindow();
    ui.announce(`${preset?.[0] ?? "Your kernel"}. Output ${map.height} by ${map.width}, ${range(map.values)}.`);
  });
  ui.watch(["position"], () => {
    showWindow();
    ui.announce(view.say.textContent);
  });

  function showEditors(kernel) {
    if (editors.length !== kernel.length) {
      editors = kernel.map((_, index) => editor(index, sideOf(kernel), model, highlight));
      view.kernel.style.setProperty("--cv-side", String(sideOf(kernel)));
      refill(view.kernel, editors);
    }
    editors.forEach((input, index) => {
      if (Number(input.value) !== kernel[index] || input.value === "") input.value = short(kernel[index], 3).replace("−", "-");
    });
    view.kernelTitle.textContent = model.get("flip") ? "Kernel (used flipped)" : "Kernel (edit it)";
  }

  function showMaps() {
    const { padding } = options();
    const whole = size + 2 * padding;
    const signed = model.get("display") === "signed";
    const limit = signed ? Math.max(1, ...map.values.map(Math.abs)) : 255;
    paint(view.photo.canvas, padded(pixels, size, padding), whole, whole, { limit: 255 });
    paint(view.output.canvas, map.values, map.height, map.width, { signed, limit });
    view.output.style.width = `${(100 * map.width) / whole}%`;
    view.photoTitle.textContent = padding ? `padded to ${whole}×${whole}` : `${size}×${size}`;
    refill(view.outputTitle, h("b", {}, `Output ${map.height}×${map.width}`));
    refill(view.scale, signed ? `−${short(limit, 0)}` : "0",
      h("span", { class: `cv-bar ${signed ? "cv-signed" : "cv-grey"}` }), short(limit, 0),
      !signed && h("span", {}, clipped(map.values)));
    update(view.output, { "aria-label": `Output, ${map.height} by ${map.width}; arrow keys move the window` });
  }

  function showWindow() {
    const [row, column] = place();
    const kernel = model.get("kernel");
    const { stride, padding, dilation, divisor: by } = options();
    const terms = productsAt(row, column, pixels, size, size, kernel, options());
    const sum = terms.reduce((total, { product }) => total + product, 0);
    const value = map.values[row * map.width + column];
    refill(view.photo.overlay, overPhoto(row * stride, column * stride, sideOf(kernel), dilation, size, padding));
    update(view.photo.overlay, { viewBox: `0 0 ${size + 2 * padding} ${size + 2 * padding}` });
    refill(view.output.overlay, spot(row, column, 1, 1, 3));
    update(view.output.overlay, { viewBox: `0 0 ${map.width} ${map.height}` });
    for (const grid of [view.patch, view.products]) grid.style.setProperty("--cv-side", String(sideOf(kernel)));
    refill(view.patch, terms.map(({ pixel, inside }) => greyCell(pixel, inside)));
    refill(view.products, terms.map(({ product, inside }) => signedCell(product, inside, terms)));
    update(view.patch, { "aria-label": `Pixels in the window: ${inRows(terms.map(({ pixel }) => pixel), sideOf(kernel))}` });
    update(view.products, { "aria-label": `Products: ${inRows(terms.map(({ product }) => product), sideOf(kernel))}` });
    refill(view.total, "Sum ", by === 1 ? h("b", {}, short(value)) : [short(sum), ` / ${short(by, 3)} = `, h("b", {}, short(value))]);
    view.say.textContent = `Output ${placeName(row, column)} is ${short(value)}, the sum of ${terms.length} products`
      + `${by === 1 ? "" : ` divided by ${short(by, 3)}`}.`;
  }

  function highlight(index) {
    const at = index === null ? -1 : model.get("flip") ? model.get("kernel").length - 1 - index : index;
    for (const grid of [view.patch, view.products]) {
      [...grid.children].forEach((cell, place) => cell.classList.toggle("cv-hot", place === at));
    }
  }

  return ui.dispose;
}

function part(area, title, grid) {
  const element = h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, title), grid);
  element.style.gridArea = area;
  return element;
}

function makeView() {
  const mapOf = (attributes) => {
    const [canvas, overlay] = [h("canvas", { width: 1, height: 1 }), svg("svg", { "aria-hidden": "true" })];
    return Object.assign(h("div", { class: "cv-map", ...attributes }, canvas, overlay), { canvas, overlay });
  };
  return {
    photoTitle: h("span"), outputTitle: h("div", { class: "cv-head" }), kernelTitle: h("span"),
    photo: mapOf({ role: "img", "aria-label": "The photograph with the window on it" }),
    output: mapOf({ role: "application", tabindex: 0 }),
    scale: h("div", { class: "cv-scale" }),
    patch: h("div", { class: "cv-grid", role: "img" }),
    kernel: h("div", { class: "cv-grid", role: "group", "aria-label": "Kernel" }),
    products: h("div", { class: "cv-grid", role: "img" }),
    total: h("div", { class: "cv-total" }),
    say: h("p", { class: "cnn-say" }),
  };
}

function editor(index, side, model, highlight) {
  const input = h("input", {
    type: "number", step: 1, "aria-label": `Weight in ${placeName(Math.floor(index / side), index % side)}`,
    oninput: () => {
      if (input.value === "" || !Number.isFinite(Number(input.value))) return;
      put(model, { kernel: model.get("kernel").map((weight, at) => (at === index ? Number(input.value) : weight)) });
    },
    onfocus: () => { input.select(); highlight(index); },
    onblur: () => { input.value = short(model.get("kernel")[index], 3).replace("−", "-"); highlight(null); },
    onpointerenter: () => highlight(index),
    onpointerleave: () => highlight(null),
  });
  return input;
}

function sideChoice(ui, model) {
  const buttons = [3, 5].map((side) => ui.button(`${side}×${side}`, () => {
    if (sideOf(model.get("kernel")) !== side) put(model, resized(model.get("kernel"), model.get("divisor"), side));
  }, { class: "" }));
  ui.watch(["kernel"], () => buttons.forEach((button, index) => {
    update(button, { "aria-pressed": String(sideOf(model.get("kernel")) === 3 + 2 * index) });
  }));
  return h("div", { class: "cnn-control cnn-choice", role: "group", "aria-label": "Kernel size" },
    h("span", { class: "cnn-name" }, "Kernel size"), h("div", { class: "cnn-segments" }, buttons));
}

/** Pointer and keys on a map; `toPlace` turns parts of the height and width into an output's place. */
function listen(element, extent, place, select, toPlace) {
  const follow = (event) => {
    const box = element.getBoundingClientRect();
    const [rows, columns] = extent();
    const [row, column] = toPlace((event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width);
    select(Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column)));
  };
  update(element, {
    onpointerdown: follow,
    onpointermove: (event) => { if (event.pointerType === "mouse" || event.buttons) follow(event); },
    onkeydown: (event) => {
      const next = moveInGrid(event, ...place(), ...extent());
      if (!next) return;
      event.preventDefault();
      select(...next);
    },
  });
}

function padded(pixels, size, padding) {
  const side = size + 2 * padding;
  const bytes = new Uint8Array(side * side);
  for (let row = 0; row < size; row += 1) bytes.set(pixels.subarray(row * size, (row + 1) * size), (row + padding) * side + padding);
  return bytes;
}

function overPhoto(top, left, side, dilation, size, padding) {
  const reach = dilation * (side - 1) + 1;
  const elements = Array.from({ length: side * side }, (_, index) => svg("rect", {
    x: left + (index % side) * dilation, y: top + Math.floor(index / side) * dilation, width: 1, height: 1 }));
  return [
    padding > 0 && svg("rect", { class: "cv-edge", x: padding, y: padding, width: size, height: size }),
    svg("g", { class: "cv-window" }, dilation > 1 && elements, spot(top, left, reach, reach, 0.5)),
  ];
}

/** An orange frame with a pale halo, which is seen on dark and on bright pixels. */
function spot(row, column, height, width, room) {
  const frame = { x: column - room, y: row - room, width: width + 2 * room, height: height + 2 * room, rx: 0.6 };
  return [svg("rect", { class: "cv-halo", ...frame }), svg("rect", { class: "cv-spot", ...frame })];
}

function greyCell(pixel, inside) {
  const cell = h("span", { class: inside ? "" : "cv-zero" }, String(pixel));
  cell.style.background = `rgb(${pixel} ${pixel} ${pixel})`;
  cell.style.color = pixel > 117 ? "#000" : "#fff";
  return cell;
}

function signedCell(product, inside, terms) {
  const most = Math.max(1, ...terms.map((term) => Math.abs(term.product)));
  const cell = h("span", { class: inside ? "" : "cv-zero" }, short(product, 1));
  if (cell.textContent.length > 4) cell.style.fontSize = "0.72em";
  const share = Math.round((60 * Math.abs(product)) / most);
  cell.style.background = `color-mix(in srgb, var(--cnn-${product < 0 ? "blue" : "red"}) ${share}%, var(--cnn-ground))`;
  return cell;
}

function inRows(numbers, side) {
  const rows = Array.from({ length: side }, (_, row) => numbers.slice(row * side, (row + 1) * side).map((n) => short(n, 1)).join(", "));
  return rows.join("; ");
}

function range(values) {
  return `values from ${short(Math.min(...values), 0)} to ${short(Math.max(...values), 0)}`;
}

function clipped(values) {
  const outside = values.filter((value) => value < 0 || value > 255).length;
  return outside > 0 && `${short((100 * outside) / values.length, 0)} % cut off`;
}

export default { render };
