/**
 * What a page asks about a reader's picture, in messages; as a worker it answers by itself.
 *
 * The picture arrives as bytes of colour in any size; here it is made smaller as Python does it, without aliasing.
 */
import { describe, forward, newTape, prepare, readNetwork } from "./network.mjs";
import { headerOf, newRoom, readCompressed, run } from "./sparse_network.mjs";
import { coarseToFine } from "./studio.mjs";

/** Places of the occlusion map in each direction, and what part of the picture's side is hidden. */
export const GRID = 7;
const HIDDEN = 0.25;

// From a picture to what the network sees ---------------------------------------------------------------------------

/** How many pixels each new pixel is a mean of, and with which weights (a triangle as wide as the step). */
export function triangle(from, to) {
  const step = from / to;
  const reach = Math.max(1, step);
  return Array.from({ length: to }, (_, index) => {
    const centre = step * (index + 0.5);
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const parts = Array.from({ length: end - first }, (_, tap) => Math.max(0, 1 - Math.abs(first + tap - centre + 0.5) / reach));
    const sum = parts.reduce((total, part) => total + part, 0);
    return { first, parts: parts.map((part) => part / sum) };
  });
}

/**
 * Channels of a picture in [0, 1], its shorter side made `resize` pixels long, and the middle `side`·`side` cut out.
 * @param {{ data: Uint8ClampedArray, width: number, height: number }} image four bytes a pixel
 */
export function seenPart({ data, width, height }, resize, side) {
  const scale = resize / Math.min(width, height);
  const [rows, columns] = [height, width].map((length) => Math.max(side, Number.isInteger(length * scale) ? length * scale : roundHalfEven(length * scale)));
  const [top, left] = [rows, columns].map((length) => Math.floor((length - side) / 2));
  const down = triangle(height, rows).slice(top, top + side);
  const across = triangle(width, columns).slice(left, left + side);
  const result = new Float32Array(3 * side * side);
  const [low, high] = [down[0].first, down[side - 1].first + down[side - 1].parts.length];
  const lines = new Float32Array((high - low) * side);
  for (let channel = 0; channel < 3; channel += 1) {
    for (let row = low; row < high; row += 1) {
      across.forEach(({ first, parts }, column) => {
        let sum = 0;
        parts.forEach((part, tap) => { sum += part * data[4 * (row * width + first + tap) + channel]; });
        lines[(row - low) * side + column] = sum / 255;
      });
    }
    down.forEach(({ first, parts }, row) => {
      for (let column = 0; column < side; column += 1) {
        let sum = 0;
        parts.forEach((part, tap) => { sum += part * lines[(first - low + tap) * side + column]; });
        result[(channel * side + row) * side + column] = sum;
      }
    });
  }
  return result;
}

/** As Python rounds. */
function roundHalfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 ? below + 1 : below;
}

// Networks ----------------------------------------------------------------------------------------------------------

/**
 * Either kind of file as one thing that can be asked.
 * @param {Uint8Array} bytes
 */
export async function openNetwork(bytes) {
  const header = headerOf(bytes);
  const { input, classes } = header;
  const compressed = "format" in header;
  const network = compressed ? await readCompressed(bytes) : readNetwork(bytes);
  const room = compressed ? newRoom(network) : newTape(network);
  return {
    about: { name: header.name, side: input.height, resize: header.resize ?? input.height, classes },
    answer(picture) {
      prepare(network, picture, room.maps[0]);
      return (compressed ? run(network, room) : forward(network, room)).slice();
    },
    /** The map whose mean is the logit, where the network is of that kind. */
    mapOf(label) {
      if (!compressed) return null;
      const { height, width } = network.layers.at(-1).input;
      const values = room.maps.at(-2).slice(label * height * width, (label + 1) * height * width);
      return { values, height, width };
    },
  };
}

/** What the header says, without weights. @param {Uint8Array} bytes */
export const aboutNetwork = (bytes) => ("format" in headerOf(bytes) ? headerOf(bytes) : describe(bytes));

/** The places of the largest values, the largest first. */
export function best(values, number) {
  return Array.from(values.keys()).sort((one, other) => values[other] - values[one]).slice(0, number);
}

// Near-duplicates ---------------------------------------------------------------------------------------------------

/** 64 bits of a picture, as `difference_hash` in Python. @param {Float32Array} picture channels in [0, 1] */
export function differenceHash(picture, side) {
  const area = side * side;
  const grey = Float32Array.from({ length: area }, (_, place) => 0.299 * picture[place] + 0.587 * picture[area + place] + 0.114 * picture[2 * area + place]);
  const [down, across] = [triangle(side, 8), triangle(side, 9)];
  const small = down.map((rows) => across.map((columns) => {
    let sum = 0;
    rows.parts.forEach((part, y) => columns.parts.forEach((other, x) => { sum += part * other * grey[(rows.first + y) * side + columns.first + x]; }));
    return sum;
  }));
  return small.flatMap((row) => row.slice(1).map((value, index) => value > row[index]));
}

// The crew's side -----------------------------------------------------------------------------------------------------

/**
 * @param {(message: Record<string, any>) => void} post takes the answers
 * @returns {(message: Record<string, any>) => void} takes the questions: `{ type: "load", bytes }` → `loaded`, or
 *   `failed`; `{ type: "look", image, ticket }` → `seen` with the picture, its logits, the five best classes, their
 *   maps, its hash and the milliseconds; `{ type: "hide", target, ticket }` → many `hidden`, the last one `done`; `{ type: "stop" }`
 */
export function recognizer(post) {
  let [network, picture, hiding] = [null, null, 0];

  async function hide({ target, ticket }) {
    hiding = ticket;
    const { side } = network.about;
    const values = new Float32Array(GRID * GRID);
    const order = coarseToFine(GRID, GRID);
    for (const [index, [row, column, step]] of order.entries()) {
      const value = network.answer(covered(picture, side, row, column))[target];
      for (let y = row; y < Math.min(GRID, row + step); y += 1) values.fill(value, y * GRID + column, y * GRID + Math.min(GRID, column + step));
      post({ type: "hidden", ticket, target, values: values.slice(), count: index + 1, total: order.length, done: index + 1 === order.length });
      await new Promise((resume) => { setTimeout(resume, 0); });
      if (hiding !== ticket) return;
    }
  }

  const does = {
    async load({ bytes }) {
      network = await openNetwork(bytes);
      post({ type: "loaded" });
    },
    look({ image, ticket }) {
      hiding = 0;
      const start = performance.now();
      const { side, resize } = network.about;
      picture = seenPart(image, resize, side);
      const logits = network.answer(picture);
      const labels = best(logits, 5);
      const milliseconds = performance.now() - start;
      const bits = differenceHash(picture, side);
      post({ type: "seen", ticket, picture, logits, labels, maps: labels.map(network.mapOf), bits, milliseconds });
    },
    hide,
    stop: () => { hiding = 0; },
  };
  let turn = Promise.resolve();
  return (message) => {
    if (message.type === "stop" || message.type === "look") hiding = 0;
    turn = turn.then(() => does[message.type](message)).catch((error) => post({ type: "failed", words: error.message }));
  };
}

/** The picture with a grey square around the middle of one cell of the grid. */
export function covered(picture, side, row, column) {
  const result = picture.slice();
  const half = (HIDDEN * side) / 2;
  const [y, x] = [row, column].map((cell) => ((cell + 0.5) * side) / GRID);
  const [top, bottom, left, right] = [y - half, y + half, x - half, x + half].map((edge) => Math.max(0, Math.min(side, Math.round(edge))));
  for (let line = 0; line < 3 * side; line += 1) {
    if (line % side >= top && line % side < bottom) result.fill(0.5, line * side + left, line * side + right);
  }
  return result;
}

if (typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope) {
  const answer = recognizer((message) => globalThis.postMessage(message));
  globalThis.onmessage = ({ data }) => answer(data);
}
