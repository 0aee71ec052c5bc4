/**
 * An Inception module to build: four branches to scale, what they cost, and what becomes of a stack of them.
 * The functions mirror `cnncourse.models.inception`; tests/vectors/googlenet.json checks both.
 */
import { h, panel, put, refill, svg, update } from "./kit.mjs";

/** @typedef {{ size: number, in_channels: number, ch1x1: number, ch3x3red: number, ch3x3: number, ch5x5red: number,
 *   ch5x5: number, pool_proj: number }} Module channels of the layers; 0 leaves a 1×1 layer out */
/** @typedef {{ weights: number, biases: number, multiply_adds: number, channels: number }} Cost */

export const WIDTHS = ["ch1x1", "ch3x3red", "ch3x3", "ch5x5red", "ch5x5", "pool_proj"];

/** GoogLeNet's modules in their places: size, channels of the input, then the widths. */
export const PRESETS = {
  "3a": [28, 192, 64, 96, 128, 16, 32, 32],
  "3b": [28, 256, 128, 128, 192, 32, 96, 64],
  "4a": [14, 480, 192, 96, 208, 16, 48, 64],
  "4b": [14, 512, 160, 112, 224, 24, 64, 64],
  "4c": [14, 512, 128, 128, 256, 24, 64, 64],
  "4d": [14, 512, 112, 144, 288, 32, 64, 64],
  "4e": [14, 528, 256, 160, 320, 32, 128, 128],
  "5a": [7, 832, 256, 160, 320, 32, 128, 128],
  "5b": [7, 832, 384, 192, 384, 48, 128, 128],
};

/** @param {string} name @returns {Module} */
export function preset(name) {
  const [size, in_channels, ...widths] = PRESETS[name];
  return { size, in_channels, ...Object.fromEntries(WIDTHS.map((width, index) => [width, widths[index]])) };
}

/** The convolutions of a module: branch (0 to 3), kernel, channels in and out. @param {Module} module */
export function convolutions({ in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj }) {
  const layer = (branch, kernel, from, to) => ({ branch, kernel, from, to });
  return [
    layer(0, 1, in_channels, ch1x1),
    ch3x3red && layer(1, 1, in_channels, ch3x3red), layer(1, 3, ch3x3red || in_channels, ch3x3),
    ch5x5red && layer(2, 1, in_channels, ch5x5red), layer(2, 5, ch5x5red || in_channels, ch5x5),
    pool_proj && layer(3, 1, in_channels, pool_proj),
  ].filter(Boolean);
}

/** Weights of one convolution. */
export function weightsOf({ kernel, from, to }) {
  return from * to * kernel ** 2;
}

/** @param {Module} module @returns {Cost} */
export function cost(module) {
  const layers = convolutions(module);
  const weights = layers.reduce((sum, layer) => sum + weightsOf(layer), 0);
  const { size, in_channels, ch1x1, ch3x3, ch5x5, pool_proj } = module;
  return {
    weights,
    biases: layers.reduce((sum, { to }) => sum + to, 0),
    multiply_adds: weights * size ** 2,
    channels: ch1x1 + ch3x3 + ch5x5 + (pool_proj || in_channels),
  };
}

/** The same filters without reductions. @param {Module} module @returns {Module} */
export function naive(module) {
  return { ...module, ch3x3red: 0, ch5x5red: 0, pool_proj: 0 };
}

/** One convolution that makes as many maps. @param {Module} module @returns {Cost} */
export function single({ size, in_channels }, channels, kernel) {
  const weights = weightsOf({ kernel, from: in_channels, to: channels });
  return { weights, biases: channels, multiply_adds: weights * size ** 2, channels };
}

/** Equal modules one behind another. @param {Module} module @param {number} times @returns {Cost[]} */
export function stacked(module, times) {
  const costs = [];
  for (let index = 0; index < times; index += 1) {
    costs.push(cost({ ...module, in_channels: index ? costs[index - 1].channels : module.in_channels }));
  }
  return costs;
}

/** 1234567 as "1,234,567". */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Multiply-adds with three digits: "128 M", "1.21 G". */
export function rounded(number) {
  const [unit, size] = number >= 999.5e6 ? [" G", 1e9] : number >= 999.5e3 ? [" M", 1e6] : number >= 1e4 ? [" k", 1e3] : ["", 1];
  return size === 1 ? grouped(number) : `${Number((number / size).toPrecision(3))}${unit}`;
}

/** A ratio in words. */
export function timesAsMany(mine, other) {
  const ratio = mine / other;
  if (Math.abs(ratio - 1) < 0.005) return "as many multiply-adds as";
  return `${Number(ratio.toPrecision(2))} times the multiply-adds of`;
}

/** What the module costs, in a sentence. @param {Module} module */
export function sentence(module) {
  const [mine, plain] = [cost(module), cost(naive(module))];
  const start = `${grouped(mine.weights + mine.biases)} parameters, ${rounded(mine.multiply_adds)} multiply-adds, `
    + `${grouped(mine.channels)} channels out.`;
  if (convolutions(module).length === 3) return `${start} No reduction: the output can only be wider than the input.`;
  const wider = [["3×3", module.ch3x3red], ["5×5", module.ch5x5red]].filter(([, reduced]) => reduced >= module.in_channels);
  const warning = wider.length
    ? ` The 1×1 layer before ${wider.map(([name]) => name).join(" and ")} reduces nothing: it is as wide as the input or wider.` : "";
  return `${start} That is ${timesAsMany(mine.multiply_adds, plain.multiply_adds)} the naive module, `
    + `which makes ${grouped(plain.channels)} channels.${warning}`;
}

/** What becomes of a stack, in a sentence. @param {Module} module @param {number} times */
export function stackSentence(module, times) {
  const total = (costs) => rounded(costs.reduce((sum, one) => sum + one.multiply_adds, 0));
  const [mine, plain] = [stacked(module, times), stacked(naive(module), times)];
  const modules = times === 1 ? "one module" : `${times} modules`;
  return `After ${modules}: naive ${grouped(plain.at(-1).channels)} channels and ${total(plain)} multiply-adds, `
    + `as built ${grouped(mine.at(-1).channels)} channels and ${total(mine)}.`;
}

// The view --------------------------------------------------------------------------------------------------------

const COLOURS = ["--cnn-blue", "--cnn-orange", "--cnn-green", "--cnn-purple"];
const KERNELS = ["1×1", "3×3", "5×5", "pool"];
const SWITCHES = { ch3x3red: "reduce3", ch5x5red: "reduce5", pool_proj: "reduce_pool" };
const STATE = ["size", "in_channels", ...WIDTHS, ...Object.values(SWITCHES)];
const COLUMN = 88; // width of a branch in the drawing
const STYLE = `
.gn-stage { display: grid; gap: 1rem 1.6rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.gn-drawing { display: block; width: 100%; max-width: 34rem; height: auto; margin: 0 auto; overflow: visible; }
.gn-drawing text { fill: var(--cnn-ink); font-size: 11px; text-anchor: middle; dominant-baseline: central; paint-order: stroke; stroke: var(--cnn-ground); stroke-width: 3px; }
.gn-wire { fill: none; stroke: var(--cnn-line); stroke-width: 1.5; }
.gn-box { stroke-width: 1.2; transition: x var(--cnn-quick), width var(--cnn-quick); }
.gn-in { fill: color-mix(in srgb, var(--cnn-ink) 14%, var(--cnn-ground)); stroke: color-mix(in srgb, var(--cnn-ink) 45%, var(--cnn-ground)); }
.gn-table { width: 100%; margin: 0; border-collapse: collapse; font-size: 0.88em; }
.gn-table :is(th, td) { padding: 0.3rem 0.35rem; border-bottom: 1px solid var(--cnn-line); text-align: right; font-weight: 400; background: none; }
.gn-table thead :is(th, td) { color: var(--cnn-muted); font-size: 0.92em; vertical-align: bottom; }
.gn-table :is(th, td):first-child { text-align: left; }
.gn-table .gn-mine :is(th, td) { font-weight: 600; }
.gn-track { display: block; height: 5px; margin-top: 3px; border-radius: 3px; background: var(--cnn-track, color-mix(in srgb, var(--cnn-ink) 10%, transparent)); }
.gn-track > span { display: block; height: 100%; border-radius: 3px; background: var(--cnn-grey); }
.gn-mine .gn-track > span { background: var(--cnn-blue); }
.gn-group { display: grid; align-self: start; grid-template-columns: minmax(0, 1fr); gap: 0.35rem; padding-left: 0.6rem; border-left: 3px solid var(--gn-colour, var(--cnn-line)); }
.gn-off { opacity: 0.45; }
.gn-stack { display: block; width: 100%; max-width: 34rem; height: auto; margin: 0 auto; }
.gn-stack text { fill: var(--cnn-muted); font-size: 10px; text-anchor: middle; }
.gn-presets .cnn-button { min-width: 40px; padding: 0.3rem 0.5rem; }
.gn-presets .cnn-button[aria-pressed="true"] { border-color: var(--cnn-accent); box-shadow: inset 0 0 0 1px var(--cnn-accent); font-weight: 600; }
@container (min-width: 40rem) {
  .gn-stage { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); align-items: center; }
}
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "An Inception module to build", style: STYLE });
  const drawing = h("div", {});
  const table = h("table", { class: "gn-table" });
  const [say, grow] = [h("p", { class: "cnn-say" }), h("p", { class: "cnn-say" })];
  const stack = h("div", {});
  const reductions = (on) => put(model, Object.fromEntries(Object.values(SWITCHES).map((name) => [name, on])));
  const choose = (name) => put(model, { ...preset(name), reduce3: true, reduce5: true, reduce_pool: true });
  const buttons = Object.keys(PRESETS).map((name) =>
    ui.button(name, () => choose(name), { "aria-label": `Module ${name} of GoogLeNet`, "aria-pressed": "false" }));
  const group = (branch, ...controls) => {
    const element = h("div", { class: "gn-group" }, controls);
    element.style.setProperty("--gn-colour", branch === null ? "var(--cnn-grey)" : `var(${COLOURS[branch]})`);
    return element;
  };
  const slider = (name, label, max = 512) => ui.slider(name, { label, min: 1, max });
  const reduction = (name, label, widths, where) => {
    const channels = slider(widths, where);
    ui.watch([name], () => { // a layer that is switched off has no channels to choose
      channels.querySelector("input").disabled = !model.get(name);
      channels.classList.toggle("gn-off", !model.get(name));
    });
    return [ui.toggle(name, { label }), channels];
  };

  ui.add(
    h("div", { class: "cnn-row gn-presets", role: "group", "aria-label": "Modules of GoogLeNet" },
      h("span", { class: "cnn-title" }, "GoogLeNet's modules"), buttons),
    h("div", { class: "gn-stage" }, drawing,
      h("div", { class: "cnn-part" }, table)),
    say,
    h("div", { class: "cnn-row" },
      ui.button("All reductions", () => reductions(true)), ui.button("None (naive)", () => reductions(false))),
    h("div", { class: "cnn-controls" },
      group(null, slider("in_channels", "Channels in", 1024), slider("size", "Side of the maps", 112)),
      group(0, slider("ch1x1", "1×1 filters")),
      group(1, reduction("reduce3", "1×1 before 3×3", "ch3x3red", "Before 3×3"), slider("ch3x3", "3×3 filters")),
      group(2, reduction("reduce5", "1×1 before 5×5", "ch5x5red", "Before 5×5"), slider("ch5x5", "5×5 filters")),
      group(3, reduction("reduce_pool", "1×1 behind pool", "pool_proj", "Behind pool"))),
    h("div", { class: "cnn-row" }, h("span", { class: "cnn-title" }, h("b", {}, "Stack it"), ": the same module, again and again")),
    h("div", { class: "cnn-controls" }, ui.slider("times", { label: "Modules", min: 1, max: 9 })),
    stack, grow);

  const built = () => {
    const module = Object.fromEntries(["size", "in_channels", ...WIDTHS].map((name) => [name, model.get(name)]));
    for (const [width, name] of Object.entries(SWITCHES)) if (!model.get(name)) module[width] = 0;
    return module;
  };
  ui.watch(STATE, () => {
    const module = built();
    refill(drawing, draw(module));
    refill(table, rowsOf(module));
    say.textContent = sentence(module);
    buttons.forEach((button, index) => {
      const values = Object.values(PRESETS)[index];
      update(button, { "aria-pressed": String(["size", "in_channels", ...WIDTHS].every((name, at) => module[name] === values[at])) });
    });
    ui.announce(say.textContent);
  });
  ui.watch([...STATE, "times"], () => {
    refill(stack, drawStack(built(), model.get("times")));
    grow.textContent = stackSentence(built(), model.get("times"));
  });
  ui.watch(["times"], () => ui.announce(stackSentence(built(), model.get("times"))));
  return ui.dispose;
}

/** The four branches, all boxes to one scale. @param {Module} module */
function draw(module) {
  const { in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj } = module;
  const upper = [0, ch3x3red, ch5x5red, in_channels];
  const lower = [ch1x1, ch3x3, ch5x5, pool_proj];
  const out = lower.map((channels, branch) => channels || upper[branch]);
  const scale = (COLUMN - 10) / Math.max(...upper, ...lower);
  const width = (channels) => Math.max(2, channels * scale);
  const whole = 4 * COLUMN;
  const middle = (branch) => (branch + 0.5) * COLUMN;
  const [ROW, HIGH] = [[26, 92, 158, 222], 22];
  const box = (branch, centre, y, channels, kind = "") => {
    const element = svg("rect", { class: `gn-box ${kind}`, x: centre - width(channels) / 2, y, width: width(channels), height: HIGH, rx: 3 });
    if (branch !== null) paintBox(element, branch);
    return element;
  };
  const parts = [];
  const wire = (x1, y1, x2, y2) => parts.push(svg("path", { class: "gn-wire", d: `M${x1} ${y1}C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}` }));
  const total = out.reduce((sum, channels) => sum + channels, 0);
  let left = whole / 2 - (total * scale) / 2;
  const texts = [];
  const text = (x, y, words) => texts.push(svg("text", { x, y }, words));

  out.forEach((channels, branch) => {
    const x = middle(branch);
    const goal = left + (channels * scale) / 2;
    const [hasUpper, hasLower] = [upper[branch] > 0, lower[branch] > 0];
    wire(whole / 2, ROW[0] + HIGH, x, ROW[1]);
    if (hasLower) wire(x, hasUpper ? ROW[1] + HIGH : ROW[1], x, ROW[2]);
    wire(x, (hasLower ? ROW[2] : ROW[1]) + HIGH, goal, ROW[3]);
    if (hasUpper) {
      parts.push(box(branch, x, ROW[1], upper[branch]));
      text(x, ROW[1] + HIGH + 10, `${branch === 3 ? "pool 3×3" : "1×1"}, ${upper[branch]}`);
    }
    if (hasLower) {
      parts.push(box(branch, x, ROW[2], lower[branch]));
      text(x, ROW[2] + HIGH + 10, `${branch === 3 ? "1×1" : KERNELS[branch]}, ${lower[branch]}`);
    }
    const slice = svg("rect", { class: "gn-box", x: left, y: ROW[3], width: Math.max(1, channels * scale), height: HIGH });
    paintBox(slice, branch);
    parts.push(slice);
    left += channels * scale;
  });
  parts.push(box(null, whole / 2, ROW[0], in_channels, "gn-in"));
  text(whole / 2, 12, `${in_channels} channels in, ${module.size}×${module.size}`);
  text(whole / 2, ROW[3] + HIGH + 12, `${total} channels out, one branch behind another`);
  const words = out.map((channels, branch) => `${KERNELS[branch]} ${channels}`).join(", ");
  return svg("svg", {
    class: "gn-drawing", viewBox: `0 0 ${whole} ${ROW[3] + HIGH + 22}`, role: "img",
    "aria-label": `Four branches, widths to scale: ${in_channels} channels in; out ${words}; together ${total}.`,
  }, parts, texts);
}

function paintBox(element, branch) {
  element.style.fill = `color-mix(in srgb, var(${COLOURS[branch]}) 40%, var(--cnn-ground))`;
  element.style.stroke = `var(${COLOURS[branch]})`;
}

/** @param {Module} module */
function rowsOf(module) {
  const mine = cost(module);
  const rows = [
    ["this module", mine], ["naive module", cost(naive(module))],
    ["one 3×3 layer", single(module, mine.channels, 3)], ["one 5×5 layer", single(module, mine.channels, 5)],
  ];
  const most = Math.max(...rows.map(([, one]) => one.multiply_adds));
  const bar = (value) => {
    const inner = h("span", {});
    inner.style.width = `${(100 * value) / most}%`;
    return h("span", { class: "gn-track", "aria-hidden": "true" }, inner);
  };
  return [
    h("thead", {}, h("tr", {}, h("td", {}), ["channels out", "parameters", "multiply-adds"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map(([name, one], index) => h("tr", { class: index ? "" : "gn-mine" },
      h("th", { scope: "row" }, name), h("td", {}, grouped(one.channels)), h("td", {}, grouped(one.weights + one.biases)),
      h("td", {}, rounded(one.multiply_adds), bar(one.multiply_adds))))),
  ];
}

/** Channels behind each module of a stack, naive and as built. @param {Module} module @param {number} times */
function drawStack(module, times) {
  const [mine, plain] = [stacked(module, times), stacked(naive(module), times)];
  const most = Math.max(module.in_channels, mine.at(-1).channels, plain.at(-1).channels, mine[0].channels);
  const [WIDE, HIGH, slot] = [360, 110, 360 / 10];
  const bar = (x, channels, colour) => {
    const height = Math.max(1, (HIGH * channels) / most);
    const element = svg("rect", { x, y: 14 + HIGH - height, width: 13, height, rx: 2 });
    element.style.fill = `var(${colour})`;
    return element;
  };
  const parts = [bar(slot / 2 - 7, module.in_channels, "--cnn-grey"), svg("text", { x: slot / 2, y: HIGH + 28 }, "in")];
  for (let index = 0; index < times; index += 1) {
    const x = (index + 1.5) * slot;
    parts.push(bar(x - 14, plain[index].channels, "--cnn-orange"), bar(x + 1, mine[index].channels, "--cnn-blue"),
      svg("text", { x, y: HIGH + 28 }, String(index + 1)));
  }
  const legend = [["--cnn-orange", "naive"], ["--cnn-blue", "as built"]].map(([colour, name]) => {
    const mark = svg("rect", { x: 2, y: 2, width: 12, height: 12, rx: 2 });
    mark.style.fill = `var(${colour})`;
    return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, mark), `channels, ${name}`);
  });
  return [
    h("div", { class: "cnn-legend" }, legend),
    svg("svg", { class: "gn-stack", viewBox: `0 0 ${WIDE} ${HIGH + 34}`, role: "img", "aria-label": stackSentence(module, times) }, parts),
  ];
}

export default { render };
