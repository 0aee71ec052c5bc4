/**
 * What the page asks of a network, in messages: a look, an occlusion map that fills in, a dream that grows.
 *
 * As a worker it answers by itself. Where no worker can be started, `studio` does the same on the page's own thread,
 * in slices, so that the page stays awake.
 *
 * @typedef {import("./network.mjs").Network} Network
 * @typedef {import("./network.mjs").Tape} Tape
 */
import { backward, forward, inputGradient, newTape, prepare, readNetwork, softmax } from "./network.mjs";

const SLICE = 12; // milliseconds of work before others may speak

/**
 * @param {(message: Record<string, any>) => void} post takes the answers
 * @returns {(message: Record<string, any>) => void} takes the questions:
 *   `{ type: "load", bytes }` → `loaded`; `{ type: "look", … }` → `seen`, see `look`;
 *   `{ type: "occlusion" | "dream", ticket, pace, … }` → many of the same type, the last one with `done`, see `occlusion`
 *   and `dream`; `{ type: "stop", what }`
 */
export function studio(post) {
  let network, tape;
  const tickets = {};
  const jobs = { occlusion, dream };

  async function work(message) {
    const { type, ticket, pace } = message;
    tickets[type] = ticket;
    let [rested, told] = [performance.now(), 0];
    for (const { state, done } of jobs[type](network, tape, message)) {
      const now = performance.now();
      if (done || now - told > pace) {
        told = now;
        post({ type, ticket, done, ...state() });
      }
      if (now - rested < SLICE) continue;
      await new Promise((resume) => { setTimeout(resume, 0); });
      if (tickets[type] !== ticket) return;
      rested = performance.now();
    }
  }

  return (message) => {
    if (message.type === "load") {
      network = readNetwork(message.bytes);
      tape = newTape(network);
      post({ type: "loaded" });
    } else if (message.type === "look") post({ type: "seen", ...look(network, tape, message) });
    else if (message.type === "stop") tickets[message.what] = null;
    else work(message);
  };
}

/** The layers whose maps are shown: what comes out of the rectifiers. @param {Network} network */
export function shownLayers({ layers }) {
  return layers.map(({ name, kind, output }, index) => ({ name, kind, place: index + 1, ...output }))
    .filter(({ kind }) => kind === "relu");
}

/**
 * One picture, forwards and backwards.
 * @param {Network} network @param {Tape} tape
 * @param {{ picture: Float32Array, target: number | null, layer: number, channel: number, unit: number | null,
 *   rule: import("./network.mjs").Rule }} question the picture in [0, 1]; `layer` counts the shown layers; without a
 *   target the most probable class is taken, without a unit the strongest of the channel
 * @returns the probabilities; the target and its saliency (height · width); for each shown layer its maps as bytes; and
 *   the unit, its value and its projection (channels · height · width)
 */
export function look(network, tape, { picture, target, layer, channel, unit, rule }) {
  prepare(network, picture, tape.maps[0]);
  const probabilities = softmax(forward(network, tape));
  const best = target ?? probabilities.indexOf(Math.max(...probabilities));
  const saliency = strongestChannel(inputGradient(network, tape, network.layers.length, best), network.input);
  const shown = shownLayers(network);
  const { place, height, width } = shown[layer];
  const maps = shown.map((one) => greys(tape.maps[one.place]));
  const own = tape.maps[place].subarray(channel * height * width, (channel + 1) * height * width);
  const chosen = unit ?? own.reduce((most, value, index) => (value > own[most] ? index : most), 0);
  const projection = inputGradient(network, tape, place, channel * height * width + chosen, rule).slice();
  return { probabilities, target: best, saliency, maps, unit: chosen, value: own[chosen], projection };
}

/** Roots of numbers, 255 for the largest: weak maps can still be seen. @param {Float32Array} values not negative */
export function greys(values) {
  let top = 0;
  for (let index = 0; index < values.length; index += 1) if (values[index] > top) top = values[index];
  const factor = top > 0 ? 1 / top : 0;
  const result = new Uint8Array(values.length);
  for (let index = 0; index < values.length; index += 1) result[index] = 255 * Math.sqrt(values[index] * factor) + 0.5;
  return result;
}

/** The largest magnitude over the channels at each pixel. */
export function strongestChannel(values, { channels, height, width }) {
  const result = new Float32Array(height * width);
  for (let index = 0; index < channels * result.length; index += 1) {
    const [pixel, size] = [index % result.length, Math.abs(values[index])];
    if (size > result[pixel]) result[pixel] = size;
  }
  return result;
}

// Occlusion -------------------------------------------------------------------------------------------------------

/** Places of a grid, coarse ones first, so that the whole is seen early. @returns {[number, number, number][]} */
export function coarseToFine(rows, columns) {
  const order = [];
  for (let step = 8; step >= 1; step /= 2) {
    for (let row = 0; row < rows; row += step) {
      for (let column = 0; column < columns; column += step) {
        const before = step < 8 && row % (2 * step) === 0 && column % (2 * step) === 0;
        if (!before) order.push([row, column, step]);
      }
    }
  }
  return order;
}

/**
 * The probability of a class while a square hides a part of the picture, place after place.
 * @param {Network} network @param {Tape} tape
 * @param {{ picture: Float32Array, target: number, size: number, stride: number, fill: number }} question
 *   a square of `size` pixels around the middle of each cell of `stride` pixels; `fill` in [0, 1]
 */
export function* occlusion(network, tape, { picture, target, size, stride, fill }) {
  const { channels, height, width } = network.input;
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const values = new Float32Array(rows * columns);
  const order = coarseToFine(rows, columns);
  const hidden = new Float32Array(picture.length);
  let count = 0;
  for (const [row, column, step] of order) {
    hidden.set(picture);
    const top = Math.round((row + 0.5) * stride - size / 2);
    const left = Math.round((column + 0.5) * stride - size / 2);
    for (let channel = 0; channel < channels; channel += 1) {
      for (let y = Math.max(0, top); y < Math.min(height, top + size); y += 1) {
        const line = (channel * height + y) * width;
        hidden.fill(fill, line + Math.max(0, left), line + Math.min(width, left + size));
      }
    }
    prepare(network, hidden, tape.maps[0]);
    const value = softmax(forward(network, tape))[target];
    for (let y = row; y < Math.min(rows, row + step); y += 1) {
      values.fill(value, y * columns + column, y * columns + Math.min(columns, column + step));
    }
    count += 1;
    yield { done: count === order.length, state: () => ({ values: values.slice(), rows, columns, count, total: order.length }) };
  }
}

// Dream -----------------------------------------------------------------------------------------------------------

/**
 * Gradient ascent on the picture: step after step towards more of a class, or of a whole map, seen from a place that
 * trembles (jitter), with the finest grain smoothed away.
 * @param {Network} network @param {Tape} tape
 * @param {{ picture: Float32Array, target: number | null, layer: number, channel: number, jitter: number, rate: number,
 *   smooth: number, steps: number, seed: number }} question towards the class `target`, or without one towards the
 *   map of a shown layer
 */
export function* dream(network, tape, { picture, target, layer, channel, jitter, rate, smooth, steps, seed }) {
  const { channels, height, width } = network.input;
  const random = randomNumbers(seed);
  const [now, moved, turned] = [Float32Array.from(picture), new Float32Array(picture.length), new Float32Array(picture.length)];
  const { place, height: rows, width: columns } = shownLayers(network)[layer];
  const from = target === null ? place : network.layers.length;
  const [start, end] = target === null ? [channel * rows * columns, (channel + 1) * rows * columns] : [target, target + 1];
  for (let count = 1; count <= steps; count += 1) {
    const [down, right] = [0, 0].map(() => Math.round((2 * random() - 1) * jitter));
    roll(now, network.input, down, right, moved);
    prepare(network, moved, tape.maps[0]);
    const logits = forward(network, tape);
    const value = target === null ? mean(tape.maps[place], start, end) : softmax(logits)[target];
    // A class: the slope of its logit. A map: the slope of half the sum of its squares; all of it while it is silent.
    tape.gradients[from].fill(0);
    const silent = target === null && value === 0;
    for (let unit = start; unit < end; unit += 1) {
      tape.gradients[from][unit] = target === null && !silent ? tape.maps[place][unit] : 1;
    }
    const gradient = backward(network, tape, from, silent ? "deconvnet" : "gradient");
    roll(gradient, network.input, -down, -right, turned);
    const size = Math.hypot(...turned) / Math.sqrt(turned.length) || 1;
    for (let index = 0; index < now.length; index += 1) {
      now[index] = Math.min(1, Math.max(0, now[index] + (rate * turned[index]) / size));
    }
    if (smooth) soften(now, network.input, smooth, moved);
    yield { done: count === steps, state: () => ({ picture: now.slice(), value, count, total: steps }) };
  }
}

function mean(values, start, end) {
  let sum = 0;
  for (let index = start; index < end; index += 1) sum += values[index];
  return sum / (end - start);
}

/** All channels moved down and to the right; what leaves at one side enters at the other. */
export function roll(values, { channels, height, width }, down, right, result) {
  for (let channel = 0; channel < channels; channel += 1) {
    for (let row = 0; row < height; row += 1) {
      const target = (channel * height + ((row + down + height) % height)) * width;
      const source = (channel * height + row) * width;
      for (let column = 0; column < width; column += 1) {
        result[target + ((column + right + width) % width)] = values[source + column];
      }
    }
  }
}

/** Draw every pixel a part of the way towards the mean of its four neighbours. */
export function soften(values, { channels, height, width }, part, scratch) {
  scratch.set(values);
  for (let line = 0; line < channels * height; line += 1) {
    const row = line % height;
    const [above, below] = [row > 0 ? -width : 0, row < height - 1 ? width : 0];
    for (let column = 0; column < width; column += 1) {
      const place = line * width + column;
      const [left, right] = [column > 0 ? -1 : 0, column < width - 1 ? 1 : 0];
      const around = (scratch[place + above] + scratch[place + below] + scratch[place + left] + scratch[place + right]) / 4;
      values[place] += part * (around - values[place]);
    }
  }
}

/** Numbers in (0, 1), always the same ones from a seed (Park & Miller 1988). @param {number} seed */
export function randomNumbers(seed) {
  let state = 1 + (seed % 2147483646);
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

if (typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope) {
  const answer = studio((message) => globalThis.postMessage(message));
  globalThis.onmessage = ({ data }) => answer(data);
}
