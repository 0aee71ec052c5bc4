/**
 * A stack of layers to edit, drawn over the pixels of its input: what one unit sees, layer by layer, along one axis.
 * The functions mirror `cnncourse.layers.receptive_field`; tests/vectors/receptive_field.json checks both.
 */
import { h, panel, put, refill, short, svg, update } from "./kit.mjs";

/** @typedef {{ name?: string, kind: string, kernel_size: number, stride: number, padding: number, dilation: number }} Layer
 *  @typedef {{ size: number, stride: number, padding: number, centre: number }} Field */

/** Size, effective stride, effective padding and centre before the first and after each layer. @param {Layer[]} layers @returns {Field[]} */
export function fieldsThrough(layers) {
  let [size, stride, first] = [1, 1, 0];
  const field = () => ({ size, stride, padding: -first || 0, centre: first + (size - 1) / 2 });
  const fields = [field()];
  for (const { kernel_size, stride: step, padding, dilation } of layers) {
    size += dilation * (kernel_size - 1) * stride;
    first -= padding * stride;
    stride *= step;
    fields.push(field());
  }
  return fields;
}

/** Units of the input and of each layer's map. @throws {RangeError} naming the layer that does not fit */
export function sizesThrough(input_size, layers) {
  const sizes = [input_size];
  layers.forEach((layer, index) => {
    const { kernel_size, stride, padding, dilation } = layer;
    const [reach, there] = [dilation * (kernel_size - 1) + 1, sizes.at(-1) + 2 * padding];
    if (reach > there) {
      throw new RangeError(`${nameOf(layers, index + 1)} needs ${reach} units along the axis, but has only ${there}. `
        + "Take a larger input, a smaller kernel, or more padding.");
    }
    sizes.push(Math.floor((there - reach) / stride) + 1);
  });
  return sizes;
}

/**
 * Which units of the input and of each layer below can reach unit `position` of map `row` (0 is the input); units
 * outside a map lie in its padding, and count only where they are read directly.
 * @returns {number[][]} sorted positions for maps 0 … row
 */
export function seen(layers, row, position, sizes) {
  const found = [[position]];
  for (let index = row - 1; index >= 0; index -= 1) {
    const { kernel_size, stride, padding, dilation } = layers[index];
    const units = new Set();
    for (const unit of found[0]) {
      if (unit < 0 || unit >= sizes[index + 1]) continue; // padding reads nothing
      for (let element = 0; element < kernel_size; element += 1) units.add(unit * stride - padding + element * dilation);
    }
    found.unshift([...units].sort((a, b) => a - b));
  }
  return found;
}

/** Weights of the stack in units of C²: the sum of K² over its convolutions. @param {Layer[]} layers */
export function weights(layers) {
  return layers.filter(({ kind }) => kind === "conv").reduce((sum, { kernel_size }) => sum + kernel_size ** 2, 0);
}

/** What map `row` is called: "input", a name that was given, or "conv2". */
export function nameOf(layers, row) {
  if (row === 0) return "input";
  const layer = layers[row - 1];
  return layer.name || `${layer.kind}${layers.slice(0, row).filter(({ kind }) => kind === layer.kind).length}`;
}

/** What a unit sees, in words. */
export function sentence(layers, row, position, sizes) {
  const { size, stride, padding } = fieldsThrough(layers)[row];
  const first = position * stride - padding;
  const last = first + size - 1;
  const outside = Math.min(size, Math.max(0, -first) + Math.max(0, last - sizes[0] + 1));
  if (row === 0) return `Pixel ${position} of the input sees itself.`;
  const parts = [`Unit ${position} of ${nameOf(layers, row)} (0 to ${sizes[row] - 1}) sees ${many(size, "pixel")}`];
  parts.push(size > 1 ? `, from ${short(first)} to ${short(last)}` : `: pixel ${short(first)}`);
  if (outside) parts.push(`; ${outside} of them ${outside === 1 ? "lies" : "lie"} outside the picture`);
  return `${parts.join("")}.`;
}

function many(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// The view --------------------------------------------------------------------------------------------------------

const FIELDS = ["kind", "kernel_size", "stride", "padding", "dilation"];
const FRESH = { kind: "conv", kernel_size: 3, stride: 1, padding: 0, dilation: 1 };
const MOST_LAYERS = 24;
const FEW = 64; // maps of at most so many units show them one by one

const STYLE = `
.rf-rows { display: grid; grid-template-columns: minmax(4.6rem, max-content) minmax(0, 1fr) max-content; align-items: stretch; width: 100%; }
.rf-name, .rf-funnel-left { grid-column: 1; }
.rf-name {
  min-height: 26px; padding: 0 0.5rem 0 0.35rem; border: 0; border-radius: 7px 0 0 7px; background: none; color: inherit;
  font: inherit; font-size: 0.78em; text-align: left; white-space: nowrap; cursor: pointer;
}
.rf-name small { color: var(--cnn-muted); font-size: 0.92em; margin-left: 0.4em; }
.rf-name:hover { background: var(--cnn-faint); }
.rf-head { padding: 0 0.35rem 0.2rem; font-size: 0.78em; color: var(--cnn-muted); white-space: nowrap; }
.rf-chosen { font-weight: 650; background: color-mix(in srgb, var(--cnn-orange) 14%, var(--cnn-ground)) !important; }
.rf-size { padding-left: 0.6rem; font-size: 0.78em; text-align: right; align-self: center; white-space: nowrap; }
.rf-band { display: block; width: 100%; height: 26px; cursor: pointer; touch-action: pan-y; border-radius: 3px; }
.rf-funnel { display: block; grid-column: 2; width: 100%; height: 7px; }
.rf-tight .rf-funnel { height: 3px; }
.rf-unit { fill: color-mix(in srgb, var(--cnn-blue) 22%, var(--cnn-ground)); stroke: color-mix(in srgb, var(--cnn-blue) 55%, var(--cnn-ground)); }
.rf-picture .rf-unit { fill: color-mix(in srgb, var(--cnn-ink) 13%, var(--cnn-ground)); stroke: color-mix(in srgb, var(--cnn-ink) 38%, var(--cnn-ground)); }
.rf-seen { fill: var(--cnn-orange); stroke: color-mix(in srgb, var(--cnn-orange) 70%, var(--cnn-ink)); }
.rf-out { fill: none; stroke: var(--cnn-orange); stroke-dasharray: 2 2; }
.rf-band path, .rf-band rect { stroke-width: 1; vector-effect: non-scaling-stroke; }
.rf-funnel polygon { fill: color-mix(in srgb, var(--cnn-orange) 30%, transparent); }
.rf-numbers { display: flex; flex-wrap: wrap; gap: 0.4rem 1.5rem; align-items: baseline; }
.rf-numbers b { font-weight: 650; }
.rf-formula { font-size: 1em; }
.rf-edit { display: flex; flex-direction: column; gap: 0.7rem; padding: 0.8rem 0.9rem 0.9rem; border-radius: 10px; background: var(--cnn-faint); }
.rf-bar { justify-content: space-between; }
`;

/** The model with the chosen layer's values as if they were its own, so that the kit's controls can be bound to them. */
function editing(model) {
  const index = () => rowOf(model) - 1;
  const own = (event) => FIELDS.includes(event.replace("change:", ""));
  const both = (method) => (event, callback) => {
    for (const name of own(event) ? ["change:layers", "change:row"] : [event]) model[method](name, callback);
  };
  return {
    get: (name) => (FIELDS.includes(name) ? (model.get("layers")[index()] ?? FRESH)[name] : model.get(name)),
    set(name, value) {
      if (!FIELDS.includes(name)) return model.set(name, value);
      const layers = model.get("layers").map((layer, at) => (at === index() ? { ...layer, [name]: value } : layer));
      if (name === "kind" && layers[index()]) delete layers[index()].name;
      return model.set("layers", layers);
    },
    save_changes: () => model.save_changes(),
    on: both("on"),
    off: both("off"),
  };
}

function rowOf(model) {
  const count = model.get("layers").length;
  const row = model.get("row");
  return row == null ? count : Math.max(0, Math.min(count, row));
}

function render({ model, el }) {
  const ui = panel({ model: editing(model), el }, { label: "What one unit sees in a stack of layers", style: STYLE });
  const rows = h("div", { class: "rf-rows" });
  const [say, numbers, title] = [h("p", { class: "cnn-say" }), h("div", { class: "rf-numbers" }), h("div", { class: "cnn-title" })];
  const sliders = [
    ui.slider("kernel_size", { label: "Kernel size", mark: "K", min: 1, max: 11 }),
    ui.slider("stride", { label: "Stride", mark: "S", min: 1, max: 4 }),
    ui.slider("padding", { label: "Padding", mark: "P", min: 0, max: 5 }),
    ui.slider("dilation", { label: "Dilation", mark: "D", min: 1, max: 4 }),
    ui.choice("kind", { label: "Kind", options: [["conv", "convolution"], ["pool", "pooling"]] }),
  ];
  const presets = h("select", { "aria-label": "Start from", onchange: () => load(presets.value) },
    h("option", { value: "" }, "choose …"),
    Object.keys(model.get("presets")).map((name) => h("option", { value: name }, name)));
  const add = ui.button("Add a layer", () => insert(), { "aria-label": "Add a layer above this one" });
  const remove = ui.button("Remove it", () => removeChosen(), { "aria-label": "Remove this layer" });
  const edit = h("div", { class: "rf-edit" }, title, h("div", { class: "cnn-controls" }, sliders), h("div", { class: "cnn-row" }, add, remove));
  let [sizes, bands] = [null, []];

  const choose = (row, position = null) => put(model, { row, position });
  const load = (name) => {
    const preset = model.get("presets")[name];
    if (preset) put(model, { layers: preset.layers, input_size: preset.input_size, row: null, position: null });
  };
  const insert = () => {
    const [row, layers] = [rowOf(model), model.get("layers")];
    if (layers.length < MOST_LAYERS) put(model, { layers: [...layers.slice(0, row), { ...FRESH }, ...layers.slice(row)], row: row + 1, position: null });
  };
  const removeChosen = () => {
    const [row, layers] = [rowOf(model), model.get("layers")];
    if (row) put(model, { layers: layers.filter((_, index) => index !== row - 1), row: Math.max(row - 1, Math.min(1, layers.length - 1)), position: null });
  };

  ui.add(
    h("div", { class: "cnn-row rf-bar" },
      h("label", { class: "cnn-control cnn-choice" }, h("span", { class: "cnn-name" }, "Start from"), presets),
      h("div", { style: "flex: 1 1 12rem; max-width: 22rem" }, ui.slider("input_size", { label: "Pixels of the input", mark: "I", min: 1, max: 256 }))),
    rows, say, numbers, edit);

  ui.watch(["layers", "input_size", "row", "position"], () => {
    const [layers, row] = [model.get("layers"), rowOf(model)];
    const fields = fieldsThrough(layers);
    title.textContent = row ? `Edit ${nameOf(layers, row)}` : "The input has no settings; choose a layer to edit it";
    sliders.forEach((control) => { control.hidden = row === 0; });
    remove.disabled = row === 0;
    add.disabled = layers.length >= MOST_LAYERS;
    if (presets.value && JSON.stringify(model.get("presets")[presets.value].layers) !== JSON.stringify(layers)) presets.value = "";
    let trouble = "";
    try {
      sizes = sizesThrough(model.get("input_size"), layers);
    } catch (error) {
      [sizes, trouble] = [null, error.message];
    }
    say.className = trouble ? "cnn-say cnn-trouble" : "cnn-say";
    const focused = bands.some((band) => band === document.activeElement);
    const position = sizes ? placeIn(row) : 0;
    bands = draw(rows, layers, fields, sizes, row, position, choose);
    if (focused) bands[row]?.focus({ preventScroll: true });
    say.textContent = trouble || sentence(layers, row, position, sizes);
    refill(numbers, numbersOf(layers, fields, row));
    ui.announce(trouble ? `This stack does not fit: ${trouble}` : `${say.textContent} Effective stride ${fields[row].stride}.`);
  });

  function placeIn(row) {
    const position = model.get("position");
    return position == null ? Math.floor(sizes[row] / 2) : Math.max(0, Math.min(sizes[row] - 1, position));
  }

  return ui.dispose;
}

/** Draw all maps, the last on top, over the pixels of the input; returns the bands by row. */
function draw(place, layers, fields, sizes, row, position, choose) {
  const count = layers.length;
  const found = sizes ? seen(layers, row, position, sizes) : [];
  const shown = sizes ?? [Math.max(1, ...fields.map(({ size }) => size)), ...layers.map(() => 0)];
  const last = (map) => fields[map].centre + (shown[map] - 1) * fields[map].stride + (fields[map].size - 1) / 2;
  const left = Math.min(...fields.map(({ padding }) => -padding));
  const right = Math.max(...fields.map((_, map) => last(map))) + 1;
  const span = (map, from, to) => [edge(fields[map], from), edge(fields[map], to + 1)];
  const children = [h("span", { class: "rf-head" }, "layer ", h("small", {}, "K/S/P")), h("span"), h("span", { class: "rf-head rf-size" }, "sees")];
  const bands = [];
  for (let map = count; map >= 0; map -= 1) {
    const units = found[map] ?? [];
    const name = nameOf(layers, map);
    const band = bandOf(map, fields[map], shown[map], units, { left, right, chosen: map === row && sizes });
    bands[map] = band;
    const pick = (event) => {
      const box = band.getBoundingClientRect();
      const pixel = left + ((event.clientX - box.left) / box.width) * (right - left) - 0.5;
      const unit = Math.round((pixel - fields[map].centre) / fields[map].stride);
      if (sizes) choose(map, Math.max(0, Math.min(sizes[map] - 1, unit)));
    };
    update(band, {
      role: "slider", tabindex: map === row ? 0 : -1, "aria-label": `Unit of ${name}`,
      "aria-valuemin": 0, "aria-valuemax": Math.max(0, shown[map] - 1), "aria-valuenow": map === row ? position : 0,
      "aria-valuetext": map === row && sizes ? sentence(layers, row, position, sizes) : name,
      onpointerdown: pick, onpointermove: (event) => { if (event.buttons === 1) pick(event); },
      onkeydown: (event) => move(event, map),
    });
    children.push(
      h("button", { type: "button", class: map === row ? "rf-name rf-chosen" : "rf-name", tabindex: -1, "aria-label": `Choose ${name}`, onclick: () => choose(map) },
        name, map > 0 && h("small", {}, geometryOf(layers[map - 1]))),
      band,
      h("span", { class: "rf-size" }, `${fields[map].size} px`));
    if (map > 0) children.push(funnel(map <= row && units.length ? [span(map, units[0], units.at(-1)), span(map - 1, found[map - 1][0], found[map - 1].at(-1))] : null, left, right));
  }
  place.classList.toggle("rf-tight", count > 9);
  refill(place, children);

  function move(event, map) {
    if (!sizes) return;
    const far = event.shiftKey ? 5 : 1;
    const to = (unit) => choose(map, Math.max(0, Math.min(sizes[map] - 1, unit)));
    const keys = {
      ArrowLeft: () => to(position - far), ArrowRight: () => to(position + far), Home: () => to(0), End: () => to(sizes[map] - 1),
      ArrowUp: () => choose(Math.min(count, map + 1)), ArrowDown: () => choose(Math.max(0, map - 1)),
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }
  return bands;
}

/** Where the cell of unit `unit` begins, in pixels: its centre less half a step. */
function edge({ centre, stride }, unit) {
  return centre + 0.5 + (unit - 0.5) * stride;
}

function bandOf(map, field, size, units, { left, right, chosen }) {
  const inside = units.filter((unit) => unit >= 0 && unit < size);
  const outside = units.filter((unit) => unit < 0 || unit >= size);
  const cells = (list) => list.map((unit) => `M${edge(field, unit)} 4H${edge(field, unit + 1)}V22H${edge(field, unit)}Z`).join("");
  const all = Array.from({ length: size }, (_, unit) => unit);
  const few = size <= FEW;
  return svg("svg", { class: map ? "rf-band" : "rf-band rf-picture", viewBox: `${left} 0 ${right - left} 26`, preserveAspectRatio: "none" },
    size > 0 && svg("path", { class: "rf-unit", d: few ? cells(all) : runs(field, all) }),
    inside.length > 0 && svg("path", { class: "rf-seen", d: few || chosen ? cells(inside) : runs(field, inside) }),
    outside.length > 0 && svg("path", { class: "rf-out", d: runs(field, outside) }));
}

/** Neighbouring units as one long cell. */
function runs(field, units) {
  let path = "";
  let start = 0;
  units.forEach((unit, index) => {
    if (units[index + 1] === unit + 1) return;
    path += `M${edge(field, units[start])} 4H${edge(field, unit + 1)}V22H${edge(field, units[start])}Z`;
    start = index + 1;
  });
  return path;
}

function funnel(spans, left, right) {
  const shape = svg("svg", { class: "rf-funnel", viewBox: `${left} 0 ${right - left} 10`, preserveAspectRatio: "none", "aria-hidden": "true" });
  if (spans) {
    const [[a, b], [c, d]] = spans;
    shape.append(svg("polygon", { points: `${a},0 ${b},0 ${d},10 ${c},10` }));
  }
  return shape;
}

function geometryOf({ kernel_size, stride, padding, dilation }) {
  return `${kernel_size}/${stride}/${padding}${dilation > 1 ? ` d${dilation}` : ""}`;
}

function numbersOf(layers, fields, row) {
  const { size, stride, padding, centre } = fields[row];
  const item = (name, value) => h("span", {}, h("span", { class: "cnn-name" }, `${name} `), h("b", {}, value));
  const parts = [item("size", `${size}`), item("effective stride", `${stride}`), item("effective padding", short(padding)), item("centre", short(centre)), item("weights of the stack", `${weights(layers)} C²`)];
  if (row > 0) {
    const { kernel_size, dilation } = layers[row - 1];
    const below = fields[row - 1];
    parts.push(h("span", { class: "cnn-formula rf-formula", role: "math", "aria-label": `size ${below.size} plus ${dilation} times ${kernel_size} minus 1 times ${below.stride} is ${size}` },
      h("i", {}, "r"), ` = ${below.size} + ${dilation}·(${kernel_size} − 1)·${below.stride} = `, h("b", {}, `${size}`)));
  }
  return parts;
}

export default { render };
