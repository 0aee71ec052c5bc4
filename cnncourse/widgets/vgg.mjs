/**
 * Layers to stack, beside the one large kernel that sees as much.
 * The functions mirror `cnncourse.models.stacks`; tests/vectors/vgg.json checks both.
 */
import { h, panel, put, refill, svg, update } from "./kit.mjs";

/** @typedef {[number, number]} Layer kernel and stride, from the input upwards
 *  @typedef {{ field: number, step: number, weights: number, multiply_adds: number, relus: number }} Costs */

export const KERNELS = [1, 3, 5, 7, 9, 11];
export const STRIDES = [1, 2, 4];
export const MOST = 5;

/** Field and step in pixels of the input after each layer. @param {Layer[]} layers */
export function fields(layers) {
  let [field, step] = [1, 1];
  return layers.map(([kernel, stride]) => {
    field += (kernel - 1) * step;
    step *= stride;
    return { field, step };
  });
}

/** What a stack from C to C channels costs on a map of size × size pixels. @param {Layer[]} layers @returns {Costs} */
export function stackCosts(layers, channels, size) {
  let [side, weights, work] = [size, 0, 0];
  for (const [kernel, stride] of layers) {
    side = Math.ceil(side / stride);
    const own = kernel ** 2 * channels ** 2;
    weights += own;
    work += own * side ** 2;
  }
  return { ...fields(layers).at(-1), weights, multiply_adds: work, relus: layers.length };
}

/** The one layer that sees as much and answers at the same places. @returns {Costs} */
export function oneLayer(layers, channels, size) {
  const { field, step } = fields(layers).at(-1);
  return stackCosts([[field, step]], channels, size);
}

/** How many units of each level the top unit sees, from the input upwards; the last is itself. */
export function seenUnits(layers) {
  const seen = [1];
  for (const [kernel, stride] of [...layers].reverse()) seen.unshift((seen[0] - 1) * stride + kernel);
  return seen;
}

/** The comparison in words. @param {Costs} stack @param {Costs} single */
export function judge(stack, single) {
  const pixels = `${stack.field}×${stack.field} pixels`;
  const all = `The top unit sees ${pixels}; there is one for every ${stack.step === 1 ? "pixel" : `${stack.step} pixels`} along each axis.`;
  if (stack.relus === 1) return `${all} One layer is its own comparison: add another.`;
  const parts = [compare("weights", stack.weights, single.weights), compare("multiply-adds", stack.multiply_adds, single.multiply_adds)];
  return `${all} Beside one ${single.field}×${single.field} layer the stack has ${parts.join(" and ")}, and ${stack.relus} ReLUs in place of one.`;
}

function compare(noun, ours, theirs) {
  const change = Math.round((ours / theirs - 1) * 100);
  if (change === 0) return `as many ${noun}`;
  return change < 0 ? `${-change} % fewer ${noun}` : `${change} % more ${noun}`;
}

/** A number as people read it: 110,592 or 346.8 M. */
export function readable(value) {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (value >= 1e7) return `${(value / 1e6).toFixed(1)} M`;
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

// The view --------------------------------------------------------------------------------------------------------

const SEPARATE = 66; // more cells than that are drawn as one bar
const PRESETS = {
  "two 3×3": [[3, 1], [3, 1]],
  "three 3×3": [[3, 1], [3, 1], [3, 1]],
  "AlexNet’s 11×11": [[11, 4]],
  "its field by 3×3": [[3, 1], [3, 1], [3, 1], [3, 1], [3, 4]],
  "early stride": [[3, 2], [3, 1], [3, 1]],
};
const STYLE = `
.vg-layers { display: flex; flex-direction: column; gap: 0.45rem; width: 100%; }
.vg-layers > div { display: flex; flex-wrap: wrap; gap: 0.3rem 0.6rem; align-items: center; }
.vg-layers b { min-width: 3.6rem; font-weight: 600; font-size: 0.9em; }
.vg-layers label { display: inline-flex; gap: 0.4rem; align-items: center; font-size: 0.86em; color: var(--cnn-muted); margin: 0; }
.vg-picture { display: block; width: 100%; height: auto; max-width: 30rem; overflow: visible; }
.vg-picture text { font-size: 11px; fill: var(--cnn-muted); text-anchor: middle; }
.vg-stack { fill: color-mix(in srgb, var(--cnn-orange) 30%, var(--cnn-ground)); stroke: var(--cnn-orange); }
.vg-single { fill: color-mix(in srgb, var(--cnn-blue) 25%, var(--cnn-ground)); stroke: var(--cnn-blue); }
.vg-table { width: 100%; border-collapse: collapse; font-size: 0.9em; }
.vg-table :is(th, td) { padding: 0.3rem 0.4rem; text-align: right; border-bottom: 1px solid var(--cnn-line); font-weight: 400; background: none; color: inherit; }
.vg-table :is(th:first-child) { text-align: left; color: var(--cnn-muted); }
.vg-table thead th { font-weight: 600; }
@container (min-width: 34rem) { .vg-stage { grid-template-columns: auto minmax(0, 1fr); } }
.vg-bar { height: 5px; border-radius: 3px; margin-top: 2px; margin-left: auto; }
.vg-bar.vg-first { background: var(--cnn-orange); }
.vg-bar.vg-second { background: var(--cnn-blue); }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A stack of layers beside one large kernel", style: STYLE });
  const layers = () => model.get("layers").map(([kernel, stride]) => [kernel, stride]);
  const set = (next) => put(model, { layers: next });
  const rows = Array.from({ length: MOST }, (_, index) => layerRow(index, layers, set));
  const [picture, table] = [h("div", { class: "cnn-part" }), h("div", { class: "cnn-part" })];
  const say = h("p", { class: "cnn-say" });
  const add = ui.button("Add a layer", () => set([...layers(), [3, 1]]));
  const remove = ui.button("Take the top one away", () => set(layers().slice(0, -1)));

  ui.add(
    h("div", { class: "cnn-row" }, Object.entries(PRESETS).map(([name, preset]) => ui.button(name, () => set(preset)))),
    h("div", { class: "cnn-stage vg-stage" },
      h("div", { class: "cnn-part" },
        h("div", { class: "vg-layers" }, rows.map(({ element }) => element).reverse()),
        h("div", { class: "cnn-row" }, add, remove)),
      picture),
    ui.choice("channels", { label: "Channels in and out of every layer", options: [16, 64, 256].map((count) => [count, String(count)]) }),
    table, say);

  ui.watch(["layers", "channels"], () => {
    const now = layers();
    const [channels, size] = [model.get("channels"), model.get("size")];
    const [stack, single] = [stackCosts(now, channels, size), oneLayer(now, channels, size)];
    rows.forEach((row, index) => row.show(now[index]));
    add.disabled = now.length >= MOST;
    remove.disabled = now.length <= 1;
    refill(picture, drawStack(now, single));
    refill(table, tableOf(stack, single, size));
    say.textContent = judge(stack, single);
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

/** Menus for kernel and stride of one layer. */
function layerRow(index, layers, set) {
  const menu = (part, label, values) => {
    const select = h("select", {
      "aria-label": `${label} of layer ${index + 1}`,
      onchange: () => {
        const next = layers();
        next[index][part] = values[select.selectedIndex];
        set(next);
      },
    }, values.map((value) => h("option", {}, part === 0 ? `${value}×${value}` : String(value))));
    return select;
  };
  const [kernel, stride] = [menu(0, "Kernel", KERNELS), menu(1, "Stride", STRIDES)];
  const element = h("div", {}, h("b", {}, `Layer ${index + 1}`), h("label", {}, "kernel", kernel), h("label", {}, "stride", stride));
  return {
    element,
    show(layer) {
      element.hidden = !layer;
      if (!layer) return;
      kernel.selectedIndex = KERNELS.indexOf(layer[0]);
      stride.selectedIndex = STRIDES.indexOf(layer[1]);
    },
  };
}

/** What the top unit sees at each level of the stack, and the one kernel beside it. */
function drawStack(layers, single) {
  const seen = seenUnits(layers);
  const places = fields(layers).map(({ step }) => step);
  const steps = [1, ...places];
  const [width, high] = [200, 26];
  const unit = Math.min(16, width / seen[0]);
  const bottom = layers.length * high + 20;
  const cell = (kind, x, y, wide) => svg("rect", {
    class: kind, x: x - wide / 2, y, width: wide, height: Math.min(14, Math.max(4, unit)), rx: Math.min(2, unit / 4),
  });
  const level = (count, step, y, middle, kind) => (count > SEPARATE
    ? cell(kind, middle, y, ((count - 1) * step + 1) * unit)
    : Array.from({ length: count }, (_, index) =>
      cell(kind, middle + (index - (count - 1) / 2) * step * unit, y, Math.max(0.5, unit - 1))));
  const shapes = [];
  seen.forEach((count, number) => shapes.push(level(count, steps[number], bottom - number * high, width / 2, "vg-stack")));
  shapes.push(level(single.field, 1, bottom, 1.5 * width + 20, "vg-single"), level(1, 1, bottom - layers.length * high, 1.5 * width + 20, "vg-single"));
  const element = svg("svg", { class: "vg-picture", viewBox: `0 0 ${2 * width + 20} ${bottom + 36}`, role: "img" }, shapes,
    svg("text", { x: width / 2, y: bottom + 30 }, `${layers.length} ${layers.length === 1 ? "layer" : "layers"}`),
    svg("text", { x: 1.5 * width + 20, y: bottom + 30 }, `one ${single.field}×${single.field}`));
  return update(element, { "aria-label": `Along one axis, the top unit sees ${[...seen].reverse().slice(1).join(", then ")} units on the way down to the pixels` });
}

function tableOf(stack, single, size) {
  const bar = (value, most, which) => h("div", { class: `vg-bar ${which}`, style: `width: ${Math.max(1, (100 * value) / most)}%`, "aria-hidden": "true" });
  const line = (name, ours, theirs, bars = false) => {
    const most = Math.max(ours, theirs);
    const cell = (value, which) => h("td", {}, bars ? readable(value) : String(value), bars && bar(value, most, which));
    return h("tr", {}, h("th", { scope: "row" }, name), cell(ours, "vg-first"), cell(theirs, "vg-second"));
  };
  return h("table", { class: "vg-table" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, `map of ${size}×${size}`), h("th", { scope: "col" }, "stack"),
      h("th", { scope: "col" }, `one ${single.field}×${single.field}`))),
    h("tbody", {},
      line("weights", stack.weights, single.weights, true),
      line("multiply-adds", stack.multiply_adds, single.multiply_adds, true),
      line("ReLUs", stack.relus, single.relus)));
}

export default { render };
