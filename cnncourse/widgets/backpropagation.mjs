/**
 * Step through the backward pass of a small convolution, one output position at a time.
 * Chapter: layers/backpropagation. The numbers are small whole ones, so that a reader can follow in the head.
 */
import { cellGrid, h, panel, put, reducedMotion, refill, short, update } from "./kit.mjs";

/** @typedef {{ size: number, kernel: number, stride: number, padding: number }} Geometry */

/**
 * Small whole numbers from −2 to 3 that depend on the seed alone; Python makes the same ones.
 * @param {number} seed @param {number} count @returns {number[]}
 */
export function digits(seed, count) {
  let state = (seed * 7919 + 12345) % 65537;
  return Array.from({ length: count }, () => {
    state = (state * 75 + 74) % 65537;
    return (state % 6) - 2;
  });
}

/** Number of positions along one axis. @param {Geometry} geometry */
export function outputSize({ size, kernel, stride, padding }) {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

/** What the layer read, its kernel, and what arrives from above. @param {number} seed @param {Geometry} geometry */
export function numbers(seed, geometry) {
  const all = digits(seed, 200);
  const places = outputSize(geometry) ** 2;
  return {
    x: all.slice(0, geometry.size ** 2),
    weight: all.slice(100, 100 + geometry.kernel ** 2),
    delta: all.slice(150, 150 + places),
  };
}

/** Pixels that the kernel reads at an output position: [row, column] each, outside the image in the padding. */
export function windowAt(place, geometry) {
  const columns = outputSize(geometry);
  const top = Math.floor(place / columns) * geometry.stride - geometry.padding;
  const left = (place % columns) * geometry.stride - geometry.padding;
  return Array.from({ length: geometry.kernel ** 2 }, (_, element) =>
    [top + Math.floor(element / geometry.kernel), left + (element % geometry.kernel)]);
}

/** A pixel, or 0 in the padding. */
export function pixel(x, [row, column], { size }) {
  return row >= 0 && column >= 0 && row < size && column < size ? x[row * size + column] : 0;
}

/**
 * The two gradients after the first `steps` output positions have added their part.
 * @param {{ x: number[], weight: number[], delta: number[] }} values @param {Geometry} geometry @param {number} steps
 */
export function accumulate({ x, weight, delta }, geometry, steps) {
  const weightGradient = new Array(weight.length).fill(0);
  const inputGradient = new Array(x.length).fill(0);
  for (let place = 0; place < steps; place += 1) {
    windowAt(place, geometry).forEach((at, element) => {
      weightGradient[element] += delta[place] * pixel(x, at, geometry);
      const [row, column] = at;
      if (row >= 0 && column >= 0 && row < geometry.size && column < geometry.size) {
        inputGradient[row * geometry.size + column] += delta[place] * weight[element];
      }
    });
  }
  return { weightGradient, inputGradient };
}

/** The terms of one weight's gradient, [δ, pixel] for each output position. */
export function termsOf(element, { x, delta }, geometry) {
  return delta.map((d, place) => [d, pixel(x, windowAt(place, geometry)[element], geometry)]);
}

const GEOMETRY = ["size", "kernel", "stride", "padding"];

function read(model) {
  const geometry = Object.fromEntries(GEOMETRY.map((name) => [name, model.get(name)]));
  const values = numbers(model.get("seed"), geometry);
  const places = values.delta.length;
  const step = Math.max(0, Math.min(places, model.get("step")));
  const element = Math.min(model.get("weight"), values.weight.length - 1);
  return { geometry, values, places, step, element, ...accumulate(values, geometry, step) };
}

function inWords({ geometry, values, places, step }) {
  if (step === 0) return `Nothing has arrived yet. Step through the ${places} output positions.`;
  const columns = outputSize(geometry);
  const place = step - 1;
  const where = `Output (${Math.floor(place / columns) + 1}, ${(place % columns) + 1})`;
  const d = short(values.delta[place]);
  const done = step === places ? " All positions have added their part: these are the gradients." : "";
  return `${where} brings δ = ${d}. It adds ${d} times the patch that it saw to ∂L/∂w, `
    + `and ${d} times the kernel to the same pixels of ∂L/∂x.${done}`;
}

/** A grid of numbers that only shows. */
function board(rows, columns, label) {
  const cells = Array.from({ length: rows * columns }, () => h("span", { class: "cnn-cell cnn-flat" }));
  const lines = Array.from({ length: rows }, (_, row) =>
    h("div", {}, cells.slice(row * columns, (row + 1) * columns)));
  const element = h("div", { class: "cnn-grid", role: "img", "aria-label": label }, lines);
  element.style.setProperty("--cnn-columns", String(columns));
  return { element, cells };
}

function tint(cell, value, limit) {
  const colour = value > 0 ? "red" : "blue";
  const part = Math.round(55 * Math.min(1, Math.abs(value) / (limit || 1)));
  cell.style.background = `color-mix(in srgb, var(--cnn-${colour}) ${part}%, var(--cnn-ground))`;
  cell.textContent = short(value);
}

const largest = (values) => Math.max(1, ...values.map(Math.abs));
const RING = "inset 0 0 0 2px var(--cnn-orange)";

export default {
  render({ model, el }) {
    const ui = panel({ model, el }, { label: "The backward pass of a convolution, step by step" });
    const say = h("p", { class: "cnn-say" });
    const equation = h("p", { class: "cnn-say cnn-formula" });
    const stage = h("div", { class: "cnn-boards" });
    let timer = 0;

    const go = (step) => put(model, { step: Math.max(0, Math.min(read(model).places, step)) });
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
    };
    const play = ui.button("Play", () => {
      if (timer) return stop();
      if (read(model).step === read(model).places) go(0);
      play.textContent = "Pause";
      timer = setInterval(() => {
        const { step, places } = read(model);
        go(step + 1);
        if (step + 1 >= places) stop();
      }, reducedMotion() ? 1500 : 800);
    }, { class: "cnn-button cnn-main" });
    const back = ui.button("Back", () => { stop(); go(read(model).step - 1); });
    const next = ui.button("Step", () => { stop(); go(read(model).step + 1); });
    const fresh = ui.button("New numbers", () => { stop(); put(model, { seed: model.get("seed") + 1, step: 0 }); });

    ui.add(
      h("div", { class: "cnn-controls" },
        ui.slider("size", { label: "Input size", mark: "I", min: 3, max: 6 }),
        ui.slider("kernel", { label: "Kernel size", mark: "K", min: 1, max: 3 }),
        ui.slider("stride", { label: "Stride", mark: "S", min: 1, max: 3 }),
        ui.slider("padding", { label: "Padding", mark: "P", min: 0, max: 2 })),
      h("div", { class: "cnn-row" }, play, back, next, fresh),
      say, stage, equation);

    let parts = null;
    const build = () => {
      const { geometry, values } = read(model);
      const side = outputSize(geometry);
      const padded = geometry.size + 2 * geometry.padding;
      const name = (row, column) => `δ of output row ${row + 1}, column ${column + 1}`;
      parts = {
        x: board(padded, padded, "The padded input x"),
        weight: board(geometry.kernel, geometry.kernel, "The kernel w"),
        delta: cellGrid(side, side, {
          label: "δ, what arrives from above; choose a position to go there", name,
          select: (row, column) => { stop(); go(row * side + column + 1); },
        }),
        weightGradient: cellGrid(geometry.kernel, geometry.kernel, {
          label: "The gradient of the kernel; choose a weight to see its terms",
          name: (row, column) => `gradient of weight row ${row + 1}, column ${column + 1}`,
          select: (row, column) => put(model, { weight: row * geometry.kernel + column }),
        }),
        inputGradient: board(geometry.size, geometry.size, "The gradient of the input"),
      };
      const part = (title, about, { element }, columns) => {
        element.style.maxWidth = `${columns * 38}px`;
        const box = h("div", { class: "cnn-part" },
          h("div", { class: "cnn-title" }, h("b", {}, title), ` ${about}`), element);
        box.style.flex = `0 1 max(9.2rem, ${columns * 38}px)`;
        return box;
      };
      refill(stage,
        part("x", "what the layer read", parts.x, padded),
        part("w", "the kernel", parts.weight, geometry.kernel),
        part("δ", "arrives from above", parts.delta, side),
        part("∂L/∂w", "sum over all places", parts.weightGradient, geometry.kernel),
        part("∂L/∂x", "handed back to pixels", parts.inputGradient, geometry.size));
      parts.x.cells.forEach((cell, index) => {
        const at = [Math.floor(index / padded) - geometry.padding, (index % padded) - geometry.padding];
        const inside = at.every((value) => value >= 0 && value < geometry.size);
        if (inside) tint(cell, pixel(values.x, at, geometry), 3);
        else update(cell, { class: "cnn-cell cnn-flat cnn-padding" });
        if (!inside) cell.textContent = "0";
      });
      parts.weight.cells.forEach((cell, index) => tint(cell, values.weight[index], 3));
    };

    const show = () => {
      const now = read(model);
      const { geometry, values, step, element } = now;
      const padded = geometry.size + 2 * geometry.padding;
      const seen = step > 0 ? windowAt(step - 1, geometry) : [];
      const marked = new Set(seen.map(([row, column]) => (row + geometry.padding) * padded + column + geometry.padding));
      const touched = new Set(seen.filter((at) => at.every((value) => value >= 0 && value < geometry.size))
        .map(([row, column]) => row * geometry.size + column));
      parts.x.cells.forEach((cell, index) => { cell.style.boxShadow = marked.has(index) ? RING : "none"; });
      parts.delta.cells.forEach((cell, index) => {
        tint(cell, values.delta[index], 3);
        cell.style.boxShadow = index === step - 1 ? RING : "none";
        cell.style.opacity = index < step ? "1" : "0.75";
        update(cell, { "aria-label": `δ of output ${index + 1}: ${short(values.delta[index])}` });
      });
      parts.weightGradient.cells.forEach((cell, index) => {
        tint(cell, now.weightGradient[index], largest(now.weightGradient));
        cell.style.boxShadow = index === element ? "inset 0 0 0 2px var(--cnn-accent)" : "none";
        update(cell, { "aria-label": `gradient of weight ${index + 1}: ${short(now.weightGradient[index])}` });
      });
      parts.inputGradient.cells.forEach((cell, index) => {
        tint(cell, now.inputGradient[index], largest(now.inputGradient));
        cell.style.boxShadow = touched.has(index) ? RING : "none";
      });
      if (step > 0) {
        const side = outputSize(geometry);
        parts.delta.mark(Math.floor((step - 1) / side), (step - 1) % side);
      }
      parts.weightGradient.mark(Math.floor(element / geometry.kernel), element % geometry.kernel);
      const words = inWords(now);
      say.textContent = words;
      const terms = termsOf(element, values, geometry).slice(0, step);
      const sign = (value) => (value < 0 ? `(${short(value)})` : short(value));
      equation.textContent = `∂L/∂w at row ${Math.floor(element / geometry.kernel) + 1}, column `
        + `${(element % geometry.kernel) + 1} = ${terms.map(([d, p]) => `${sign(d)}·${sign(p)}`).join(" + ") || "0"}`
        + `${terms.length ? ` = ${short(now.weightGradient[element])}` : ""}`;
      back.disabled = step === 0;
      next.disabled = step === now.places;
      ui.announce(`${words} ${equation.textContent}`);
    };

    ui.onDispose(stop);
    ui.watch([...GEOMETRY, "seed"], () => { build(); show(); });
    ui.watch(["step", "weight"], show);
    return ui.dispose;
  },
};
