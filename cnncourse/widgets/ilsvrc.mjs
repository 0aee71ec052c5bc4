/**
 * The results of the challenge as a chart to filter. Filters, what is mixed and who is not beaten mirror
 * `cnncourse.models.results`; tests/vectors/ilsvrc.json checks both.
 */
import { h, panel, put, refill, short, svg } from "./kit.mjs";

/** @typedef {{ method: string, year: number, top5: number, top1: number | null, measured_on: string, data: string,
 *   networks: number | null, crops: number, layers: number | null, parameters: number | null,
 *   multiply_adds: number | null }} Entry a result; networks 0 is several, null none; crops 0 is many or unknown */
/** @typedef {{ first: number, last: number, measured_on: string, data: string, networks: string, crops: string,
 *   across: string, up: string }} View what is asked for */

export const CONDITIONS = ["measured_on", "data", "networks", "crops"];
const NAMES = { measured_on: "pictures", data: "training data", networks: "networks", crops: "crops" };

/** A result's conditions in words, as they are chosen. @param {Entry} entry */
export function conditionsOf({ measured_on, data, networks, crops }) {
  return {
    measured_on, data,
    networks: networks === null ? "none" : networks === 1 ? "one" : "several",
    crops: { 1: "one", 10: "ten" }[crops] ?? "more",
  };
}

/** Places of the results that fulfil the conditions. @param {Entry[]} records @param {View} view */
export function chosen(records, view) {
  return [...records.keys()].filter((index) => {
    const has = conditionsOf(records[index]);
    const { year } = records[index];
    return view.first <= year && year <= view.last
      && CONDITIONS.every((name) => view[name] === "any" || view[name] === has[name]);
  });
}

/** Those of the chosen results whose numbers for both axes are known. @param {Entry[]} records @param {View} view */
export function drawn(records, view) {
  return chosen(records, view).filter((index) => records[index][view.across] !== null && records[index][view.up] !== null);
}

/** The conditions in which results differ, with what occurs. @param {Entry[]} entries */
export function mixed(entries) {
  const found = {};
  for (const name of CONDITIONS) {
    const values = [...new Set(entries.map((entry) => conditionsOf(entry)[name]))].sort();
    if (values.length > 1) found[name] = values;
  }
  return found;
}

/** Places of the points [cost, error] that no other beats. @param {[number, number][]} points */
export function paretoFront(points) {
  return [...points.keys()].filter((index) => !points.some(([cost, error]) =>
    cost <= points[index][0] && error <= points[index][1] && (cost < points[index][0] || error < points[index][1])));
}

/** What may be said about the drawn results. @param {Entry[]} entries @param {number} hidden @param {View} view */
export function judge(entries, hidden, view) {
  const missing = hidden ? ` ${count(hidden, "more", "more")} ${hidden > 1 ? "have" : "has"} no known ${axisNamed(hiddenAxis(view))}.` : "";
  if (!entries.length) return `No result is like that.${missing}`;
  if (entries.length === 1) return `One result.${missing}`;
  const differ = Object.entries(mixed(entries)).map(([name, values]) => `${NAMES[name]} (${values.join(", ")})`);
  const [first, last] = [Math.min, Math.max].map((end) => end(...entries.map((entry) => entry[view.up])));
  const range = `${entries.length} results, errors from ${short(first)} to ${short(last)} %.${missing}`;
  return differ.length
    ? `${range} They differ in ${list(differ)}: do not rank them.`
    : `${range} All were measured alike: these may be ranked.`;
}

/** One result with all its conditions. @param {Entry} entry @param {string} up */
export function describe(entry, up) {
  const networks = entry.networks === null ? "no network" : entry.networks === 0 ? "several networks" : count(entry.networks, "network", "networks");
  const crops = entry.crops === 0 ? "many or unknown crops" : count(entry.crops, "crop", "crops");
  const depth = entry.layers === null ? "" : `, ${entry.layers} layers`;
  const cost = [
    entry.parameters === null ? "" : `${large(entry.parameters)} parameters`,
    entry.multiply_adds === null ? "" : `${large(entry.multiply_adds)} multiply-adds for an answer`,
  ].filter(Boolean);
  return `${entry.method}, ${entry.year}${depth}: top-${up.slice(3)} error ${short(entry[up], 3)} % on the ${entry.measured_on} pictures; `
    + `${networks}, ${crops}, ${entry.data} data.${cost.length ? ` It has ${cost.join(" and ")}.` : ""}`;
}

/** 15470264320 → "15.5 billion". @param {number} value */
export function large(value) {
  const [unit, word] = value >= 1e12 ? [1e12, "trillion"] : value >= 1e9 ? [1e9, "billion"] : [1e6, "million"];
  return `${short(value / unit, value / unit < 10 ? 2 : 1)} ${word}`;
}

/** Round numbers that divide [low, high]. @returns {number[]} */
export function ticks(low, high, log = false, wanted = 5) {
  if (log) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      for (const digit of [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (low <= value && value <= high) found.push(value);
      }
    }
    return found.length > 8 ? found.filter((value) => /^1/.test(String(value / 10 ** Math.floor(Math.log10(value))))) : found;
  }
  const rough = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

function hiddenAxis({ across, up }) {
  return across === "year" ? up : across;
}

function axisNamed(axis) {
  return { layers: "number of layers", parameters: "number of parameters", multiply_adds: "number of multiply-adds", top1: "top-1 error", top5: "top-5 error", year: "year" }[axis];
}

const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
const list = (parts) => (parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0]);

// The view --------------------------------------------------------------------------------------------------------

const [WIDTH, HEIGHT] = [420, 290];
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 12, 12, 40];
const AXES = { year: "year", layers: "layers", parameters: "parameters", multiply_adds: "multiply-adds" };
const FILTERS = {
  measured_on: ["Pictures", { any: "all", test: "test", validation: "validation" }],
  data: ["Data", { any: "all", provided: "provided", more: "more" }],
  networks: ["Networks", { any: "all", one: "one", several: "several", none: "none" }],
  crops: ["Crops", { any: "all", one: "one", ten: "ten", more: "more" }],
};
const STATE = ["first", "last", ...CONDITIONS, "across", "up", "log_across", "log_up", "front", "picked"];
const STYLE = `
.il-choices { display: flex; flex-wrap: wrap; gap: 0.6rem 1.4rem; }
.il-chart { position: relative; width: 100%; max-width: 640px; margin: 0 auto; border-radius: 6px; cursor: pointer; touch-action: manipulation; }
.il-chart svg { display: block; width: 100%; height: auto; overflow: visible; }
.il-chart text { font-size: 11px; fill: var(--cnn-muted); }
.il-axis { stroke: var(--cnn-line); fill: none; }
.il-person { stroke: var(--cnn-grey); stroke-dasharray: 5 4; fill: none; }
.il-front { stroke: var(--cnn-green); stroke-width: 1.5; fill: none; }
.il-test, .il-validation { fill: var(--il-colour); stroke: var(--cnn-ground); stroke-width: 1; }
.il-test { --il-colour: var(--cnn-blue); }
.il-validation { --il-colour: var(--cnn-orange); }
.il-more { fill: var(--cnn-ground); stroke: var(--il-colour); stroke-width: 2; }
@container (max-width: 30rem) { .il-chart text { font-size: 14px; } }
.il-ring { fill: none; stroke: var(--cnn-ink); stroke-width: 2; }
.il-table { overflow-x: auto; max-height: 18rem; }
.il-table table { border-collapse: collapse; font-size: 0.82em; width: 100%; margin: 0; }
.il-table :is(th, td) { padding: 0.2rem 0.5rem; text-align: left; border-bottom: 1px solid var(--cnn-line); }
.il-details summary { min-height: 28px; cursor: pointer; font-size: 0.9em; }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "Results of the ImageNet challenge", style: STYLE });
  const records = model.get("records");
  const [say, about] = [h("p", { class: "cnn-say" }), h("p", { class: "cnn-say" })];
  const chart = h("div", {
    class: "il-chart", tabindex: 0, role: "application", "aria-roledescription": "chart of results",
  });
  const table = h("div", { class: "il-table" });
  const logAcross = ui.toggle("log_across", { label: "log axis across" });
  const front = ui.toggle("front", { label: "join who is not beaten" });
  let places = [];
  const order = () => {
    const { across, up } = viewOf(model);
    return drawn(records, viewOf(model)).sort((one, other) =>
      records[one][across] - records[other][across] || records[one][up] - records[other][up]);
  };

  chart.addEventListener("click", (event) => {
    const box = chart.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) * (WIDTH / box.width), (event.clientY - box.top) * (WIDTH / box.width)];
    const near = places.map((place) => [Math.hypot(place.x - x, place.y - y), place.index]).sort((one, other) => one[0] - other[0])[0];
    if (near) put(model, { picked: near[1] });
  });
  chart.addEventListener("keydown", (event) => {
    const sorted = order();
    const at = sorted.indexOf(model.get("picked"));
    const next = {
      ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at < 0 ? sorted.length - 1 : at - 1, ArrowDown: at < 0 ? sorted.length - 1 : at - 1,
      Home: 0, End: sorted.length - 1,
    }[event.key];
    if (next === undefined || !sorted.length) return;
    event.preventDefault();
    put(model, { picked: sorted[Math.max(0, Math.min(sorted.length - 1, next))] });
  });

  ui.add(
    h("div", { class: "cnn-controls" },
      year("first", "From year", (now, value) => (now.last < value ? { last: value } : {})),
      year("last", "To year", (now, value) => (now.first > value ? { first: value } : {}))),
    h("div", { class: "il-choices" },
      Object.entries(FILTERS).map(([name, [label, options]]) => ui.choice(name, { label, options: Object.entries(options) }))),
    h("div", { class: "il-choices" },
      ui.choice("across", { label: "Across", options: Object.entries(AXES) }),
      ui.choice("up", { label: "Up", options: [["top5", "top-5 error"], ["top1", "top-1 error"]] })),
    h("div", { class: "il-choices" }, logAcross, ui.toggle("log_up", { label: "log axis up" }), front),
    chart,
    h("div", { class: "cnn-legend" },
      legend("il-test", "test"), legend("il-validation", "validation"), legend("il-test il-more", "more data"),
      legend("il-axis", "one network", "one"), legend("il-axis", "several", "several"), legend("il-axis", "no network", "none")),
    say, about,
    h("details", { class: "il-details" }, h("summary", {}, "The same as a table"), table));

  /** A slider for a year that takes the other end with it. */
  function year(name, label, rest) {
    const slider = ui.slider(name, { label, min: 2010, max: 2017 });
    slider.querySelector("input").addEventListener("input", () => put(model, rest(viewOf(model), model.get(name))));
    return slider;
  }

  ui.watch(STATE, () => {
    const view = viewOf(model);
    const shown = drawn(records, view);
    const entries = shown.map((index) => records[index]);
    const costly = view.across === "parameters" || view.across === "multiply_adds";
    logAcross.hidden = view.across === "year";
    front.hidden = !costly;
    const picture = draw(records, shown, view, {
      person: view.up === "top5" ? model.get("person") : null, front: costly && model.get("front"), picked: model.get("picked"),
      logAcross: model.get("log_across") && view.across !== "year", logUp: model.get("log_up"),
    });
    places = picture.places;
    refill(chart, picture.element);
    say.textContent = judge(entries, chosen(records, view).length - shown.length, view);
    const picked = shown.includes(model.get("picked")) ? describe(records[model.get("picked")], view.up) : "Click a point, or move to it with the arrow keys.";
    about.textContent = picked;
    chart.setAttribute("aria-label", `${shown.length} results, ${AXES[view.across]} against top-${view.up.slice(3)} error. ${picked}`);
    refill(table, tableOf(entries, view));
    ui.announce(`${say.textContent} ${shown.includes(model.get("picked")) ? picked : ""}`.trim());
  });
  return ui.dispose;
}

function viewOf(model) {
  return Object.fromEntries(["first", "last", ...CONDITIONS, "across", "up"].map((name) => [name, model.get(name)]));
}

/** A map from [low, high] to [start, end], straight or logarithmic. */
function scaleOf(values, start, end, log, floor) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [low, high] = log ? [least / 1.25, most * 1.25] : floor === null
    ? [least - 0.5, most + 0.5] : [floor, Math.max(most * 1.06, floor + 1)];
  const position = (value) => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  return { low, high, at: (value) => start + position(value) * (end - start) };
}

function draw(records, shown, { across, up }, { person, front, picked, logAcross, logUp }) {
  const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  if (!shown.length) return { element: root, places: [] };
  const values = (axis) => shown.map((index) => records[index][axis]);
  const x = scaleOf(values(across), LEFT, WIDTH - RIGHT, logAcross, across === "year" ? null : 0);
  const y = scaleOf(values(up).concat(person ?? []), HEIGHT - BOTTOM, TOP, logUp, 0);
  const both = new Set(values("measured_on")).size > 1;
  const nudge = (entry) => (across === "year" && both ? (entry.measured_on === "test" ? -4 : 4) : 0);
  const places = shown.map((index) => ({ index, x: x.at(records[index][across]) + nudge(records[index]), y: y.at(records[index][up]) }));
  const unit = { parameters: [1e6, "parameters (millions)"], multiply_adds: [1e9, "multiply-adds for one answer (billions)"] }[across] ?? [1, AXES[across]];
  const across_ticks = ticks(x.low, x.high, logAcross).filter((value) => across !== "year" || Number.isInteger(value));
  const line = front ? paretoFront(shown.map((index) => [records[index][across], records[index][up]]))
    .map((place) => places[place]).sort((one, other) => one.x - other.x) : [];
  root.append(...[
    svg("path", { class: "il-axis", d: `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }),
    across_ticks.map((value) => [
      svg("path", { class: "il-axis", d: `M${x.at(value)} ${HEIGHT - BOTTOM}v4` }),
      svg("text", { x: x.at(value), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, across === "year" ? String(value) : short(value / unit[0], 3))]),
    ticks(y.low, y.high, logUp).map((value) => [
      svg("path", { class: "il-axis", d: `M${LEFT - 4} ${y.at(value)}h4` }),
      svg("text", { x: LEFT - 7, y: y.at(value) + 4, "text-anchor": "end" }, short(value, 3))]),
    svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, unit[1]),
    svg("text", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(10 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)` }, `top-${up.slice(3)} error (%)`),
    person === null ? [] : [
      svg("path", { class: "il-person", d: `M${LEFT} ${y.at(person)}H${WIDTH - RIGHT}` }),
      svg("text", { x: LEFT + 6, y: y.at(person) - 4 }, `a person, ${short(person)} %`)],
    line.length > 1 ? svg("path", { class: "il-front", d: `M${line.map((place) => `${place.x} ${place.y}`).join("L")}` }) : [],
    places.map((place) => mark(records[place.index], place)),
    places.filter((place) => place.index === picked).map((place) => svg("circle", { class: "il-ring", cx: place.x, cy: place.y, r: 9 })),
  ].flat(2));
  return { element: root, places };
}

function mark(entry, { x, y }) {
  const kind = `il-${entry.measured_on}${entry.data === "more" ? " il-more" : ""}`;
  return shape(conditionsOf(entry).networks, kind, x, y, 4);
}

function shape(networks, kind, x, y, size) {
  if (networks === "one") return svg("circle", { class: kind, cx: x, cy: y, r: size });
  if (networks === "several") return svg("rect", { class: kind, x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  return svg("path", { class: kind, d: `M${x} ${y - size - 1}L${x + size + 1} ${y + size}H${x - size - 1}Z` });
}

function legend(kind, text, networks = "one") {
  return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    shape(networks, kind === "il-axis" ? "il-ring" : kind, 8, 8, 5)), text);
}

function tableOf(entries, { up }) {
  const sorted = entries.slice().sort((one, other) => one[up] - other[up]);
  const cells = (entry) => {
    const { networks, crops } = conditionsOf(entry);
    return [entry.method, entry.year, short(entry[up], 3), entry.measured_on,
      entry.networks ? String(entry.networks) : networks, entry.crops ? String(entry.crops) : crops, entry.data];
  };
  return h("table", {},
    h("thead", {}, h("tr", {}, ["result", "year", "error", "pictures", "networks", "crops", "data"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, sorted.map((entry) => h("tr", {}, cells(entry).map((cell) => h("td", {}, String(cell)))))));
}

export default { render };
