/**
 * A trained network that lives in the page: draw or bring a picture, and see all its maps, what the answer depends on,
 * any unit brought back to the pixels, an occlusion map, a dream. All computing is done by `studio.mjs`, in a worker.
 */
import { openCrew } from "./crew.mjs";
import { bytesOf, h, moveInGrid, panel, put, reducedMotion, short, signedColour, update } from "./kit.mjs";
import { describe } from "./network.mjs";
import { drawingSheet, stroked } from "./sheet.mjs";
import { shownLayers, studio } from "./studio.mjs";

const RULES = [["gradient", "Gradient"], ["deconvnet", "Deconvnet"], ["guided", "Guided"]];

// What is computed here: pictures and words -------------------------------------------------------------------------

/** A drawing over a picture, both in [0, 1] in all channels. @param {Float32Array} base @param {number[]} ink */
export function drawnOver(base, ink, pen) {
  return base.map((value, index) => {
    const part = ink[index % ink.length] / 255;
    return value * (1 - part) + pen * part;
  });
}

/**
 * How the maps of a layer are laid out in one picture; a map of one pixel is shown as a square.
 * @param {{ channels: number, height: number, width: number }} layer @param {number} columns
 */
export function layout({ channels, height, width }, columns) {
  const zoom = Math.max(1, Math.ceil(6 / width));
  const gap = Math.max(1, Math.round((width * zoom) / 12));
  const [down, across] = [height * zoom + gap, width * zoom + gap];
  const rows = Math.ceil(channels / columns);
  return { zoom, gap, down, across, columns, rows, height: rows * down - gap, width: columns * across - gap };
}

/** All maps of a layer as colours, from the bytes of `studio.mjs`. @param {Uint8Array} maps */
export function tiled(maps, { channels, height, width }, plan) {
  const result = new Uint32Array(plan.height * plan.width);
  for (let channel = 0, source = 0; channel < channels; channel += 1) {
    const corner = Math.floor(channel / plan.columns) * plan.down * plan.width + (channel % plan.columns) * plan.across;
    for (let row = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1, source += 1) {
        const colour = 0xff000000 | (maps[source] * 0x010101); // alpha, blue, green, red
        const start = corner + row * plan.zoom * plan.width + column * plan.zoom;
        if (plan.zoom === 1) result[start] = colour;
        else for (let y = 0; y < plan.zoom; y += 1) result.fill(colour, start + y * plan.width, start + y * plan.width + plan.zoom);
      }
    }
  }
  return result;
}

/** Bytes of colour for values in [0, 1] of one channel or three. */
export function coloured(values, area) {
  const grey = values.length === area;
  const result = new Uint8ClampedArray(4 * area);
  for (let index = 0; index < area; index += 1) {
    for (let channel = 0; channel < 3; channel += 1) result[4 * index + channel] = 255 * values[grey ? index : channel * area + index];
    result[4 * index + 3] = 255;
  }
  return result;
}

/** A projection around grey, in colours of the picture; of one channel in the figures' red and blue. */
export function signedPicture(values, area) {
  const top = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  if (values.length > area) return coloured(values.map((value) => 0.5 + (0.5 * value) / top), area);
  const result = new Uint8ClampedArray(4 * area);
  values.forEach((value, index) => result.set([...signedColour(value / top), 255], 4 * index));
  return result;
}

const percent = (value) => `${Math.round(100 * value)}\u00a0%`;
const called = (name) => `${/^[aeio8]/.test(name) ? "an" : "a"} ${name}`;

/** The answer in a sentence. @param {number[]} probabilities @param {string[]} classes */
export function answer(probabilities, classes) {
  const order = probabilities.map((value, index) => [value, classes[index]]).sort(([one], [other]) => other - one);
  const [[first, best], [second, next]] = order;
  return first > 0.9
    ? `The network sees ${called(best)}, with ${percent(first)}.`
    : `The network is not sure: ${called(best)} with ${percent(first)}, or ${called(next)} with ${percent(second)}.`;
}

/** The chosen unit in a sentence. */
export function unitWords({ name, width }, channel, place, value, strongest) {
  const where = width > 1 ? `, row ${Math.floor(place / width) + 1}, column ${(place % width) + 1},` : "";
  const unit = strongest && width > 1 ? "the strongest unit" : "the unit";
  if (value <= 0) return `Map ${channel + 1} of ${name}: ${unit}${where} is silent; nothing in this picture excites it.`;
  return `Map ${channel + 1} of ${name}: ${unit}${where} is at ${short(value)}.`;
}

/** Where hiding hurts most, in a sentence. */
export function occlusionWords({ values, columns }, base, name) {
  const lowest = values.indexOf(Math.min(...values));
  const place = `row ${Math.floor(lowest / columns) + 1}, column ${(lowest % columns) + 1}`;
  return `Uncovered, ${called(name)} has ${percent(base)}. It is lowest, ${percent(values[lowest])}, with the square at ${place}.`;
}

// The worker ------------------------------------------------------------------------------------------------------

const spare = []; // workers that were started while the network's file was still on its way

function newWorker() {
  const worker = new Worker(new URL("./studio.mjs", import.meta.url), { type: "module" });
  worker.onerror = (event) => {
    event.preventDefault();
    worker.failed = true;
  };
  return worker;
}

/** Start a worker before there is anything to do; the page calls this when it begins to fetch the network. */
function warm() {
  try {
    spare.push(newWorker());
  } catch {
    // `openStudio` will find that out too, and stay on this thread
  }
}

/**
 * A studio in a worker, or on this thread where none can be started.
 * @param {(message: any) => void} hear
 */
export function openStudio(hear) {
  return openCrew(() => {
    const worker = spare.pop() ?? newWorker();
    if (worker.failed) throw new Error("the worker could not be loaded");
    return worker;
  }, studio, hear);
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.ln-stage { display: grid; gap: 1rem 1.2rem; grid-template-columns: repeat(2, minmax(0, 1fr)); align-items: start; width: 100%; }
.ln-whole { grid-column: 1 / -1; order: 1; }
.ln-part { display: flex; flex-direction: column; gap: 0.45rem; min-width: 0; align-items: stretch; }
.ln-part .cnn-title { text-align: left; }
.ln-square { position: relative; width: 100%; max-width: 280px; border-radius: 4px; background: var(--cnn-faint); }
.ln-square canvas { aspect-ratio: 1; border: 1px solid var(--cnn-line); }
.ln-pick { touch-action: manipulation; cursor: crosshair; }
.ln-mark { position: absolute; pointer-events: none; border: 2px solid var(--cnn-orange); border-radius: 2px; min-width: 4px; min-height: 4px; }
.ln-layer { position: relative; width: 100%; cursor: pointer; touch-action: manipulation; line-height: 0; }
.ln-layer canvas { width: 100%; height: auto; image-rendering: pixelated; }
.ln-layer.ln-fine canvas { image-rendering: auto; }
.ln-now { color: var(--cnn-ink); font-weight: 600; }
.ln-bars { display: grid; gap: 1px; }
.ln-bar { display: grid; grid-template-columns: 5.6em minmax(0, 1fr) 3.2em; gap: 0.5rem; align-items: center; min-height: 25px; padding: 0 0.35rem; border: 1px solid transparent; border-radius: 6px; background: none; color: inherit; font: inherit; font-size: 0.88em; text-align: left; cursor: pointer; }
.ln-short .ln-bar { grid-template-columns: 1.4em minmax(0, 1fr) 3.2em; }
.ln-bar:hover { background: var(--cnn-faint); }
.ln-bar[aria-pressed="true"] { border-color: var(--cnn-orange); }
.ln-bar > :last-child { text-align: right; }
.ln-track { height: 0.7em; border-radius: 3px; background: var(--cnn-line); overflow: hidden; }
.ln-track > span { display: block; height: 100%; background: var(--cnn-blue); transform-origin: left; }
.ln-thumb { padding: 2px; line-height: 0; }
.ln-thumb canvas { width: 40px; height: 40px; image-rendering: pixelated; border-radius: 6px; }
.ln-thumb[aria-pressed="true"] { border-color: var(--cnn-orange); box-shadow: 0 0 0 1px var(--cnn-orange); }
.ln-choose { flex: 0 1 20em; min-width: 0; }
.ln-file { display: block; width: 100%; min-width: 0; min-height: 34px; font-size: 0.88em; }
.ln-told { flex: 1 1 16em; }
.ln-drop { outline: 2px dashed var(--cnn-orange); outline-offset: 4px; }
.ln-small { font-size: 0.82em; color: var(--cnn-muted); }
@container (min-width: 34rem) {
  .ln-stage { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .ln-whole { grid-column: auto; order: 0; }
}
`;
const WIDE = 544; // pixels, as the 34rem of the style

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A trained network in the page, forwards and backwards", style: STYLE });
  const bytes = bytesOf(model.get("weights"));
  const network = describe(bytes);
  const { channels, height: side } = network.input;
  const area = side * side;
  const layers = shownLayers(network);
  const examples = bytesOf(model.get("examples"));
  const names = model.get("names");
  const digits = model.get("network") === "digits";
  const pen = model.get("pen");
  const pace = reducedMotion() ? 700 : 50; // milliseconds between two states of what grows
  let own = null; // the reader's picture, or a dream; it stays in this view
  let seen = null;
  let [busy, again, asked, ticket] = [false, false, 0, 0];
  let wide = true;

  // The picture
  const exampleOf = (index) => Float32Array.from(examples.subarray(index * channels * area, (index + 1) * channels * area), (value) => value / 255);
  const base = () => own ?? (digits ? new Float32Array(area) : exampleOf(model.get("picture")));
  const current = () => drawnOver(base(), model.get("ink"), pen);
  const none = () => new Array(area).fill(0);
  const sheet = drawingSheet(side, (from, to) => {
    put(model, { ink: Array.from(stroked(Uint8Array.from(model.get("ink")), side, from, to)) });
  });
  const begin = (index) => {
    own = null;
    if (digits) put(model, { ink: Array.from(examples.subarray(index * area, (index + 1) * area)) });
    else put(model, { picture: index, ink: none() });
    changed();
  };
  const showOwn = (values) => {
    own = values;
    put(model, { ink: none() });
    changed();
  };
  const thumbs = names.map((name, index) => {
    const attributes = { "aria-label": `Begin with ${digits ? `a ${name}` : `the ${name}`}` };
    if (digits) return ui.button(name, () => begin(index), attributes);
    const thumb = ui.button("", () => begin(index), { ...attributes, class: "cnn-button ln-thumb", title: name });
    thumb.append(paintBytes(h("canvas"), coloured(exampleOf(index), area), side, side));
    return thumb;
  });
  const trouble = h("p", { class: "cnn-say cnn-trouble", hidden: true });
  const take = async (file) => {
    if (!file) return;
    try {
      showOwn(await pixelsOf(file, side));
      update(trouble, { hidden: true });
    } catch {
      trouble.textContent = `${file.name} is no picture that this browser can read.`;
      update(trouble, { hidden: null });
      ui.announce(trouble.textContent);
    }
  };
  const chooser = h("input", { type: "file", accept: "image/*", class: "ln-file", "aria-label": "Your own picture", onchange: () => take(chooser.files[0]) });
  const sheetPart = part("", title(digits ? "Sheet" : "Picture", ": draw on it"), sheet.element);
  if (!digits) acceptDrops(ui.root, sheet.element, take);

  // Probabilities
  const bars = network.classes.map((name, index) => {
    const [fill, number] = [h("span"), h("span")];
    const bar = h("button", {
      type: "button", class: "ln-bar", "aria-pressed": "false",
      onclick: () => put(model, { target: model.get("target") === index ? -1 : index }),
    }, h("span", {}, name), h("span", { class: "ln-track" }, fill), number);
    return { bar, fill, number };
  });

  // Maps of all layers, the chosen map, its unit
  const rows = layers.map((layer, index) => {
    const [canvas, mark, words] = [h("canvas"), h("span", { class: "ln-mark" }), h("span")];
    const choose = (channel) => put(model, { layer: index, channel, row: -1, column: -1 });
    const box = h("div", {
      class: `ln-layer${layer.width >= 20 ? " ln-fine" : ""}`, tabindex: 0, role: "slider", "aria-orientation": "horizontal",
      "aria-label": `Maps of ${layer.name}`, "aria-valuemin": 1, "aria-valuemax": layer.channels,
      onclick: (event) => choose(tileAt(event, box, layer)),
      onkeydown: (event) => {
        const columns = columnsOf(layer);
        const at = model.get("layer") === index ? model.get("channel") : 0;
        const next = moveInGrid(event, Math.floor(at / columns), at % columns, Math.ceil(layer.channels / columns), columns);
        if (!next) return;
        event.preventDefault();
        choose(Math.min(layer.channels - 1, next[0] * columns + next[1]));
      },
    }, canvas, mark);
    const size = layer.width > 1 ? `${layer.channels} maps of ${layer.height}×${layer.width}` : `${layer.channels} units`;
    update(words, { class: "cnn-title" });
    words.append(h("b", {}, layer.name), `, ${size}`);
    return { layer, box, canvas, mark, element: h("div", { class: "ln-part" }, words, box) };
  });
  const columnsOf = ({ channels: number, width }) => {
    if (width === 1) return wide ? 30 : 12;
    return Math.min(number, wide ? 32 : 16);
  };
  const tileAt = (event, box, layer) => {
    const plan = layout(layer, columnsOf(layer));
    const place = box.getBoundingClientRect();
    const row = Math.floor(((event.clientY - place.top) / place.height) * plan.rows);
    const column = Math.floor(((event.clientX - place.left) / place.width) * plan.columns);
    return Math.max(0, Math.min(layer.channels - 1, row * plan.columns + column));
  };
  const step = (by) => {
    const { channels: number } = layers[model.get("layer")];
    put(model, { channel: (model.get("channel") + by + number) % number, row: -1, column: -1 });
  };
  const unit = unitPicker((row, column) => put(model, { row, column }));
  const unitTitle = h("div", { class: "cnn-title" });
  const unitSays = h("p", { class: "cnn-say" });
  const views = Object.fromEntries(["saliency", "projection", "occlusion", "dream"].map((name) => [name, square()]));
  const saliencyTitle = h("div", { class: "cnn-title" });

  // What grows
  const jobs = {
    occlusion: job("occlusion", "Hide and look", () => {
      const [size, stride] = digits ? [7, 2] : [8, 2];
      return { size, stride, fill: digits ? 0 : 0.5, target: seen.target, picture: current() };
    }),
    dream: job("dream", "Dream", () => ({
      picture: model.get("start") === "picture" ? current() : noise(channels * area, digits ? 0.1 : 0.5),
      target: model.get("goal") === "class" ? seen.target : null, layer: model.get("layer"), channel: model.get("channel"),
      jitter: model.get("jitter") ? 2 : 0, smooth: model.get("smooth") ? 0.08 : 0, rate: 0.02, steps: 300,
      seed: Math.floor(1e6 * Math.random()),
    })),
  };
  let dreamt = null;
  const lookAtDream = ui.button("Look at it", () => { if (dreamt) showOwn(dreamt); }, { disabled: true });

  function job(type, label, question) {
    const button = ui.button(label, () => (one.running ? stop(type) : start(type)), { class: "cnn-button cnn-main", disabled: true });
    const words = h("p", { class: "ln-small" });
    const one = { label, question, button, words, running: 0, asked: null };
    return one;
  }
  function start(type) {
    const one = jobs[type];
    ticket += 1;
    Object.assign(one, { running: ticket, asked: { ...one.question(), base: seen.probabilities[seen.target], name: network.classes[seen.target] } });
    one.button.textContent = "Stop";
    crew.send({ type, ticket, pace, ...one.asked });
  }
  function stop(type, words = "") {
    const one = jobs[type];
    if (one.running) crew.send({ type: "stop", what: type });
    one.running = 0;
    one.button.textContent = one.label;
    if (words) one.words.textContent = words;
  }
  const hears = {
    loaded: () => {},
    seen: (message) => {
      busy = false;
      seen = message;
      showSeen(performance.now() - asked);
      if (again) look();
    },
    occlusion: (message) => {
      const { asked: question, words } = jobs.occlusion;
      const top = Math.max(question.base, ...message.values);
      paintBytes(views.occlusion.canvas, coloured(message.values.map((value) => value / top), message.values.length), message.rows, message.columns);
      update(views.occlusion.box, { "aria-label": `Occlusion map of ${question.name}, ${message.rows} by ${message.columns} places` });
      words.textContent = message.done ? occlusionWords(message, question.base, question.name) : `${message.count} of ${message.total} places`;
    },
    dream: (message) => {
      const { asked: question, words } = jobs.dream;
      dreamt = message.picture;
      update(lookAtDream, { disabled: null });
      paintBytes(views.dream.canvas, coloured(message.picture, area), side, side);
      const value = question.target === null ? `the map's mean is ${short(message.value)}` : `${called(question.name)} with ${percent(message.value)}`;
      update(views.dream.box, { "aria-label": `Dream of ${question.target === null ? "a map" : called(question.name)}` });
      words.textContent = `Step ${message.count} of ${message.total}: ${value}.`;
    },
  };
  const crew = openStudio((message) => {
    const grows = jobs[message.type];
    if (grows && grows.running !== message.ticket) return;
    hears[message.type](message);
    if (!grows || !message.done) return;
    stop(message.type);
    ui.announce(grows.words.textContent);
  });
  ui.onDispose(crew.end);

  // Looking, at most one question under way
  function look() {
    if (busy) {
      again = true;
      return;
    }
    [busy, again, asked] = [true, false, performance.now()];
    const { width } = layers[model.get("layer")];
    const [row, column, target] = ["row", "column", "target"].map((name) => model.get(name));
    crew.send({
      type: "look", picture: current(), target: target < 0 ? null : target, layer: model.get("layer"),
      channel: model.get("channel"), unit: row < 0 || width === 1 ? null : row * width + column, rule: model.get("rule"),
    });
  }
  function changed() {
    if (jobs.occlusion.asked) stop("occlusion", "The picture has changed: hide and look again.");
    thumbs.forEach((thumb, index) => { if (!digits) update(thumb, { "aria-pressed": String(!own && index === model.get("picture")) }); });
    look();
  }

  const say = h("p", { class: "cnn-say" });
  const speed = h("span", { class: "ln-small" });
  function showSeen(milliseconds) {
    const { probabilities, target, saliency, maps, projection, value, unit: place } = seen;
    paintBytes(sheet.canvas, coloured(current(), area), side, side);
    bars.forEach(({ bar, fill, number }, index) => {
      fill.style.transform = `scaleX(${probabilities[index].toFixed(4)})`;
      number.textContent = percent(probabilities[index]);
      update(bar, { "aria-pressed": String(index === target) });
    });
    const most = saliency.reduce((top, one) => Math.max(top, one), 0) || 1;
    paintBytes(views.saliency.canvas, coloured(saliency.map((one) => one / most), area), side, side);
    saliencyTitle.replaceChildren(h("b", {}, "Saliency"), ` of ${network.classes[target]}`);
    rows.forEach(({ canvas, layer }, index) => {
      const plan = layout(layer, columnsOf(layer));
      paintBytes(canvas, new Uint8ClampedArray(tiled(maps[index], layer, plan).buffer), plan.height, plan.width);
    });
    markMaps();
    const layer = layers[model.get("layer")];
    const channel = Math.min(model.get("channel"), layer.channels - 1);
    const size = layer.height * layer.width;
    unit.show(maps[model.get("layer")].subarray(channel * size, (channel + 1) * size), layer, place);
    unitTitle.replaceChildren(h("b", {}, `Map ${channel + 1}`), ` of ${layer.name}${layer.width > 1 ? ": pick a unit" : ""}`);
    paintBytes(views.projection.canvas, signedPicture(projection, area), side, side);
    unitSays.textContent = unitWords(layer, channel, place, value, model.get("row") < 0);
    say.textContent = answer(probabilities, network.classes);
    speed.textContent = `One look, forwards and twice backwards: ${short(milliseconds, 0)} ms.`;
    update(views.saliency.box, { "aria-label": `Saliency map of ${network.classes[target]}` });
    update(views.projection.box, { "aria-label": `Projection of the unit to the pixels by the rule ${model.get("rule")}` });
    for (const { button } of Object.values(jobs)) update(button, { disabled: null });
    ui.announce(`${say.textContent} ${unitSays.textContent}`);
  }
  function markMaps() {
    rows.forEach(({ layer, box, mark }, index) => {
      const here = index === model.get("layer");
      const plan = layout(layer, columnsOf(layer));
      const channel = here ? model.get("channel") : 0;
      const [row, column] = [Math.floor(channel / plan.columns), channel % plan.columns];
      update(mark, { hidden: !here });
      place(mark, (row * plan.down) / plan.height, (column * plan.across) / plan.width, (plan.down - plan.gap) / plan.height, (plan.across - plan.gap) / plan.width);
      box.style.maxWidth = `${plan.columns * (layer.width === 1 ? 24 : 84)}px`;
      update(box, { "aria-valuenow": channel + 1, "aria-valuetext": `map ${channel + 1} of ${layer.channels}${here ? "" : ", not chosen"}` });
    });
  }

  ui.add(
    h("div", { class: "cnn-row", role: "group", "aria-label": digits ? "Begin with a digit" : "Begin with a picture" },
      h("span", { class: "cnn-title" }, "Begin with"), thumbs,
      ui.button(digits ? "Clean sheet" : "Wipe", () => { if (digits) own = null; put(model, { ink: none() }); changed(); })),
    !digits && h("div", { class: "cnn-row" }, h("label", { class: "cnn-control ln-choose" }, h("span", { class: "cnn-name" }, "Your own picture"), chooser),
      h("span", { class: "ln-small ln-told" }, "Or drop one here. It is never uploaded: all computing is done in this page.")),
    trouble,
    h("div", { class: "ln-stage" },
      sheetPart,
      part("ln-whole", title("Probabilities", ": choose a class to explain"), h("div", { class: `ln-bars${digits ? " ln-short" : ""}` }, bars.map(({ bar }) => bar))),
      part("", saliencyTitle, views.saliency.box)),
    say,
    h("div", { class: "ln-part" }, rows.map(({ element }) => element)),
    h("div", { class: "cnn-row" },
      ui.button("‹", () => step(-1), { "aria-label": "Previous map" }), ui.button("›", () => step(1), { "aria-label": "Next map" }),
      ui.button("Strongest unit", () => put(model, { row: -1, column: -1 })),
      ui.choice("rule", { label: "Back through the ReLU by", options: RULES })),
    h("div", { class: "ln-stage" },
      part("", unitTitle, unit.box),
      part("", title("Projection", " of this unit"), views.projection.box),
      part("ln-whole", unitSays, speed)),
    h("div", { class: "ln-stage" },
      part("", title("Occlusion", ": dark where hiding hurts"), views.occlusion.box, jobs.occlusion.button, jobs.occlusion.words),
      part("", title("Dream", ""), views.dream.box, h("div", { class: "cnn-row" }, jobs.dream.button, lookAtDream), jobs.dream.words),
      part("ln-whole", title("What to dream", ""),
        ui.choice("goal", { label: "More of", options: [["class", "the class"], ["map", "the map"]] }),
        ui.choice("start", { label: "Out of", options: [["noise", "noise"], ["picture", "the picture"]] }),
        ui.toggle("smooth", { label: "Smooth" }), ui.toggle("jitter", { label: "Tremble" }))));

  const watcher = new ResizeObserver(() => {
    const now = ui.root.clientWidth >= WIDE;
    if (now === wide || ui.root.clientWidth === 0) return;
    wide = now;
    if (seen) showSeen(performance.now() - asked);
  });
  watcher.observe(ui.root);
  ui.onDispose(() => watcher.disconnect());
  wide = ui.root.clientWidth === 0 || ui.root.clientWidth >= WIDE;
  crew.send({ type: "load", bytes });
  ui.watch(["ink", "picture"], changed);
  ui.watch(["layer", "channel", "row", "column", "rule", "target"], look);
  jobs.occlusion.words.textContent = "A square moves over the picture; each place shows what is left of the class.";
  return ui.dispose;
}

const part = (kind, ...children) => h("div", { class: `ln-part ${kind}` }, children);
const title = (name, rest) => h("div", { class: "cnn-title" }, h("b", {}, name), rest);

function square() {
  const canvas = h("canvas", { class: "cnn-map" });
  return { canvas, box: h("div", { class: "ln-square", role: "img", "aria-label": "not computed yet" }, canvas) };
}

function place(mark, top, left, height, width) {
  Object.entries({ top, left, height, width }).forEach(([name, value]) => { mark.style[name] = `${(100 * value).toFixed(3)}%`; });
}

function paintBytes(canvas, bytes, height, width) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
  return canvas;
}

function noise(length, level) {
  return Float32Array.from({ length }, () => level + 0.1 * (Math.random() - 0.5));
}

/** The chosen map, large: a click or the arrow keys choose a unit. @param {(row: number, column: number) => void} pick */
function unitPicker(pick) {
  let now = { height: 1, width: 1, row: 0, column: 0 };
  const [canvas, mark] = [h("canvas", { class: "cnn-map" }), h("span", { class: "ln-mark" })];
  const box = h("div", {
    class: "ln-square ln-pick", tabindex: 0, role: "application", "aria-roledescription": "map to pick a unit from", "aria-label": "Chosen map",
    onclick: (event) => {
      const frame = box.getBoundingClientRect();
      const at = (part, size) => Math.max(0, Math.min(size - 1, Math.floor(part * size)));
      pick(at((event.clientY - frame.top) / frame.height, now.height), at((event.clientX - frame.left) / frame.width, now.width));
    },
    onkeydown: (event) => {
      const next = moveInGrid(event, now.row, now.column, now.height, now.width);
      if (!next) return;
      event.preventDefault();
      pick(...next);
    },
  }, canvas, mark);
  return {
    box,
    show(bytes, { height, width }, unit) {
      now = { height, width, row: Math.floor(unit / width), column: unit % width };
      paintBytes(canvas, new Uint8ClampedArray(tiled(bytes, { channels: 1, height, width }, { ...layout({ channels: 1, height, width }, 1), zoom: 1, width, height }).buffer), height, width);
      place(mark, now.row / height, now.column / width, 1 / height, 1 / width);
      update(box, { "aria-label": `Chosen map, ${height} by ${width}: arrow keys pick a unit; now row ${now.row + 1}, column ${now.column + 1}` });
    },
  };
}

/** The pixels of a file, its middle square made `side` pixels wide, channel by channel in [0, 1]. */
async function pixelsOf(file, side) {
  const whole = await createImageBitmap(file);
  const length = Math.min(whole.width, whole.height);
  const [left, top] = [Math.floor((whole.width - length) / 2), Math.floor((whole.height - length) / 2)];
  const small = await createImageBitmap(whole, left, top, length, length, { resizeWidth: side, resizeHeight: side, resizeQuality: "high" });
  const context = h("canvas", { width: side, height: side }).getContext("2d");
  context.fillStyle = "#fff"; // behind what is transparent
  context.fillRect(0, 0, side, side);
  context.drawImage(small, 0, 0);
  const { data } = context.getImageData(0, 0, side, side);
  const area = side * side;
  return Float32Array.from({ length: 3 * area }, (_, index) => data[4 * (index % area) + Math.floor(index / area)] / 255);
}

/** Let files be dropped anywhere on the widget. @param {(file: File) => void} take */
function acceptDrops(root, shown, take) {
  const over = (event) => {
    event.preventDefault();
    shown.classList.add("ln-drop");
  };
  update(root, {
    ondragover: over,
    ondragenter: over,
    ondragleave: () => shown.classList.remove("ln-drop"),
    ondrop: (event) => {
      event.preventDefault();
      shown.classList.remove("ln-drop");
      take(event.dataTransfer.files[0]);
    },
  });
}

export default { render, warm };
