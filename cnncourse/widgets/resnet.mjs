/**
 * Depth to choose, with and without skips, over curves that `cnncourse.models.degradation` has measured.
 * The words and ratios mirror `cnncourse.widgets.resnet`; tests/vectors/resnet.json checks both.
 */
import { h, panel, put, refill, short, svg } from "./kit.mjs";

/**
 * @typedef {{ kind: string, depth: number, seed: number, training_error: number[], test_error: number[],
 *   gradient_before: number[], gradient_after: number[] }} Run
 */

export const KINDS = ["plain", "residual"];

/** The depths that were measured, smallest first. @param {Run[]} runs */
export function depthsOf(runs) {
  return [...new Set(runs.map(({ depth }) => depth))].sort((one, other) => one - other);
}

/** The runs of one network, seed 0 first. @param {Run[]} runs @param {string} kind @param {number} depth */
export function runsOf(runs, kind, depth) {
  return runs.filter((run) => run.kind === kind && run.depth === depth).sort((one, next) => one.seed - next.seed);
}

/** @param {string} kind */
export function otherKind(kind) {
  return KINDS[1 - KINDS.indexOf(kind)];
}

/** Gradient norms of the layers of a network. @param {Run} run @param {string} moment "before" or "after" */
export function normsOf(run, moment) {
  return moment === "before" ? run.gradient_before : run.gradient_after;
}

/** Norm of the first layer by that of the last. @param {number[]} norms */
export function ratio(norms) {
  return norms[0] / norms.at(-1);
}

/** Largest norm by smallest. @param {number[]} norms */
export function spread(norms) {
  return Math.max(...norms) / Math.min(...norms);
}

const last = (values) => values.at(-1);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const capital = (word) => word[0].toUpperCase() + word.slice(1);

/** What the errors say, in words. @param {Run[]} runs @param {string} kind @param {number} depth */
export function sentence(runs, kind, depth) {
  const [chosen, [other]] = [runsOf(runs, kind, depth), runsOf(runs, otherKind(kind), depth)];
  const ends = chosen.map((run) => last(run.training_error));
  const span = ends.length > 1 ? ` (${percent(Math.min(...ends))} to ${percent(Math.max(...ends))} from ${ends.length} seeds)` : "";
  return `${capital(kind)}, ${depth} layers: after ${chosen[0].training_error.length} epochs `
    + `${percent(ends[0])} of the training pictures are wrong${span}, and ${percent(last(chosen[0].test_error))} of the test pictures. `
    + `${capital(otherKind(kind))}, as deep: ${percent(last(other.training_error))} and ${percent(last(other.test_error))}.`;
}

/** What the gradients say, in words. @param {number[]} norms @param {string} moment */
export function gradientSentence(norms, moment) {
  const [first, apart] = [ratio(norms), spread(norms)];
  const when = moment === "before" ? "Before training" : "After training";
  const times = (value) => (value >= 10 ? Math.round(value).toLocaleString("en") : short(value, 1));
  const long = first >= 1 ? `${times(first)} times as long as` : `one ${times(1 / first)}th of`;
  return `${when} the gradient of the first layer is ${long} that of the last; the longest is ${times(apart)} times the shortest.`;
}

/** Whole powers of ten that enclose all values, as exponents. @param {number[]} values @returns {[number, number]} */
export function decades(values) {
  const some = values.filter((value) => value > 0);
  const [low, high] = [Math.floor(Math.log10(Math.min(...some))), Math.ceil(Math.log10(Math.max(...some)))];
  return [low, Math.max(high, low + 1)];
}

// The view --------------------------------------------------------------------------------------------------------

const BOX = { left: 34, right: 8, top: 8, bottom: 32, width: 240, height: 170 };
const STYLE = `
.rn-stage { display: grid; gap: 1rem 1.2rem; grid-template-columns: minmax(0, 1fr); }
@container (min-width: 34rem) { .rn-stage { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
.rn-chart { display: block; width: 100%; height: auto; max-width: 26rem; overflow: visible; }
.rn-chart text { font-size: 10.5px; fill: var(--cnn-muted); text-anchor: middle; }
.rn-chart .rn-left { text-anchor: end; }
.rn-axis { stroke: var(--cnn-line); fill: none; }
.rn-line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.rn-plain { stroke: var(--cnn-orange); }
.rn-residual { stroke: var(--cnn-blue); }
.rn-faint { opacity: 0.42; stroke-width: 1.3; }
.rn-test { stroke-dasharray: 5 3; }
.rn-dot { cursor: pointer; stroke: var(--cnn-ground); stroke-width: 1; }
.rn-dot.rn-plain { fill: var(--cnn-orange); }
.rn-dot.rn-residual { fill: var(--cnn-blue); }
.rn-here { fill: none; stroke: var(--cnn-ink); stroke-width: 1.6; }
.rn-hit { fill: transparent; cursor: pointer; }
.cnn-legend svg.rn-key { width: 26px; }
`;

/** Places of a chart: from values to the box. */
function axes([x0, x1], [y0, y1]) {
  const { left, right, top, bottom, width, height } = BOX;
  return {
    x: (value) => left + ((value - x0) / (x1 - x0 || 1)) * (width - left - right),
    y: (value) => height - bottom - ((value - y0) / (y1 - y0 || 1)) * (height - top - bottom),
  };
}

function line(kind, points, extra = "") {
  const d = points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return svg("path", { class: `rn-line rn-${kind} ${extra}`, d });
}

function chart(label, { x, y }, xTicks, yTicks, under, children) {
  const [from, to] = [BOX.left, BOX.width - BOX.right];
  return svg("svg", { class: "rn-chart", viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: "img", "aria-label": label },
    yTicks.map(([value, text]) => [
      svg("path", { class: "rn-axis", d: `M${from} ${y(value)}H${to}` }),
      svg("text", { class: "rn-left", x: from - 4, y: y(value) + 3.5 }, text),
    ]),
    xTicks.map((value) => svg("text", { x: x(value), y: BOX.height - BOX.bottom + 13 }, String(value))),
    svg("text", { x: (from + to) / 2, y: BOX.height - 4 }, under), children);
}

function errorChart(runs, kind, depth, label) {
  const epochs = runs[0].training_error.length;
  const place = axes([1, epochs], [0, 1]);
  const points = (values) => values.map((value, index) => [place.x(index + 1), place.y(value)]);
  const other = runsOf(runs, otherKind(kind), depth)[0];
  return chart(label, place, [1, Math.round((1 + epochs) / 2), epochs], [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]], "epoch", [
    line(otherKind(kind), points(other.test_error), "rn-faint rn-test"),
    line(otherKind(kind), points(other.training_error), "rn-faint"),
    runsOf(runs, kind, depth).slice(1).map((run) => line(kind, points(run.training_error), "rn-faint")),
    line(kind, points(runsOf(runs, kind, depth)[0].test_error), "rn-test"),
    line(kind, points(runsOf(runs, kind, depth)[0].training_error)),
  ]);
}

function depthChart(runs, kind, depth, label, choose) {
  const depths = depthsOf(runs);
  const place = axes([depths[0] - 2, last(depths) + 2], [0, 1]);
  const at = (run) => [place.x(run.depth), place.y(last(run.training_error))];
  return chart(label, place, depths, [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]], "layers", [
    KINDS.map((one) => line(one, depths.map((value) => at(runsOf(runs, one, value)[0])), one === kind ? "" : "rn-faint")),
    runs.map((run) => svg("circle", { class: `rn-dot rn-${run.kind}`, cx: at(run)[0], cy: at(run)[1], r: run.seed ? 2.6 : 3.8 })),
    svg("circle", { class: "rn-here", cx: at(runsOf(runs, kind, depth)[0])[0], cy: at(runsOf(runs, kind, depth)[0])[1], r: 7 }),
    depths.map((value, rung) => { // each strip reaches half-way to its neighbours
      const [from, to] = [place.x((value + (depths[rung - 1] ?? value - 8)) / 2), place.x((value + (depths[rung + 1] ?? value + 8)) / 2)];
      return svg("rect", { class: "rn-hit", x: from, y: 0, width: to - from, height: BOX.height, onclick: () => choose(rung) });
    }),
  ]);
}

function gradientChart(runs, kind, depth, moment, label) {
  const norms = Object.fromEntries(KINDS.map((one) => [one, normsOf(runsOf(runs, one, depth)[0], moment)]));
  const all = runs.flatMap((run) => normsOf(run, moment)); // one scale for all depths, so that they compare
  const [low, high] = decades(all);
  const place = axes([1, Math.max(2, depth - 1)], [low, high]);
  const points = (values) => values.map((value, index) => [place.x(index + 1), place.y(Math.log10(Math.max(value, 10 ** low)))]);
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  const text = (power) => (power >= 0 && power < 4 ? String(10 ** power) : power < 0 && power > -4 ? short(10 ** power, 3) : `1e${power}`);
  return chart(label, place, [1, Math.round(depth / 2), depth - 1], ticks.map((power) => [power, text(power)]), "convolution, from the picture on", [
    line(otherKind(kind), points(norms[otherKind(kind)]), "rn-faint"),
    line(kind, points(norms[kind])),
  ]);
}

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "Plain and residual networks by depth", style: STYLE });
  const runs = model.get("runs");
  const depths = depthsOf(runs);
  const parts = ["Errors, epoch by epoch", "Training error by depth", "Length of the gradient"].map((title) => {
    const place = h("div", { style: "width: 100%" });
    return { place, element: h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, title)), place) };
  });
  const [say, gradientSay] = [h("p", { class: "cnn-say" }), h("p", { class: "cnn-say" })];
  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("rung", { label: "Depth", min: 0, max: depths.length - 1, format: (rung) => `${depths[rung]} layers` }),
      ui.choice("kind", { label: "Network", options: KINDS.map((kind) => [kind, kind]) }),
      ui.choice("moment", { label: "Gradient", options: [["before", "untrained"], ["after", "trained"]] })),
    h("div", { class: "rn-stage" }, parts.map(({ element }) => element)),
    say, gradientSay,
    h("div", { class: "cnn-legend" },
      key("plain", "plain"), key("residual", "residual"), key("plain rn-test", "on the test pictures"),
      h("span", {}, "pale: the other kind, other seeds")));
  ui.watch(["rung", "kind", "moment"], () => {
    const [depth, kind, moment] = [depths[model.get("rung")], model.get("kind"), model.get("moment")];
    say.textContent = sentence(runs, kind, depth);
    gradientSay.textContent = gradientSentence(normsOf(runsOf(runs, kind, depth)[0], moment), moment);
    refill(parts[0].place, errorChart(runs, kind, depth, say.textContent));
    refill(parts[1].place, depthChart(runs, kind, depth, depthLabel(runs), (rung) => put(model, { rung })));
    refill(parts[2].place, gradientChart(runs, kind, depth, moment, gradientSay.textContent));
    ui.announce(`${say.textContent} ${gradientSay.textContent}`);
  });
  return ui.dispose;
}

/** All training errors in words, for those who cannot see the chart. @param {Run[]} runs */
export function depthLabel(runs) {
  return KINDS.map((kind) => `${kind}: ${depthsOf(runs)
    .map((depth) => `${depth} layers ${percent(last(runsOf(runs, kind, depth)[0].training_error))}`).join(", ")}`).join("; ");
}

function key(kind, text) {
  return h("span", {}, svg("svg", { class: "rn-key", viewBox: "0 0 26 16", "aria-hidden": "true" },
    svg("path", { class: `rn-line rn-${kind}`, d: "M1 8H25" })), text);
}

export default { render };
