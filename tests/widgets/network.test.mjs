// The page's engine against torch (tests/vectors/network.json), and against differences of its own values.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as engine from "../../cnncourse/widgets/network.mjs";
import { file, numbers } from "./networks.mjs";

const TOLERANCE = 1e-4;
const cases = JSON.parse(readFileSync(new URL("../vectors/network.json", import.meta.url), "utf8"));
const root = fileURLToPath(new URL("../../", import.meta.url));
const python = process.env.PYTHON ?? `${root}.venv/bin/python`;
const skip = existsSync(python) ? false : `no Python at ${python} that writes the networks`;

function close(actual, expected, message) {
  const slack = TOLERANCE * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(actual - expected) < slack, `${message}: ${actual} is not ${expected}`);
}

function alike(values, { places, values: expected, norm }, message) {
  places.forEach((place, index) => close(values[place], expected[index], `${message}, place ${place}`));
  close(Math.hypot(...values), norm, `${message}, norm`);
}

/** The file of a checkpoint, from Python. */
function written(name) {
  const program = `import sys; from cnncourse.models.page_format import write_network; sys.stdout.buffer.write(write_network("${name}"))`;
  return new Uint8Array(execFileSync(python, ["-c", program], { cwd: root, maxBuffer: 2 ** 24 }));
}

for (const { network: name, picture, layers, logits, projections } of cases) {
  test(`${name} answers as torch does, forwards and backwards`, { skip }, () => {
    const network = engine.readNetwork(written(name));
    const tape = engine.newTape(network);
    engine.prepare(network, picture.map((value) => value / 255), tape.maps[0]);
    engine.forward(network, tape).forEach((value, index) => close(value, logits[index], `logit ${index}`));
    const after = (place) => network.layers.findIndex((layer) => layer.name === place) + 1;
    for (const [place, expected] of Object.entries(layers)) alike(tape.maps[after(place)], expected, place);
    for (const expected of projections) {
      const { layer, unit, rule } = expected;
      alike(engine.inputGradient(network, tape, after(layer), unit, rule), expected, `${rule} from ${layer}`);
    }
  });
}

/** A network of any layers with random weights. */
const invented = (input, entries) => engine.readNetwork(file(input, entries));

const ODD = [
  { name: "first", kind: "convolution", outputs: 5, window: 3, stride: 1, padding: 1 },
  { name: "r1", kind: "relu" },
  { name: "pool", kind: "maximum", window: 2, stride: 2, padding: 0 },
  { name: "second", kind: "convolution", outputs: 3, window: 2, stride: 1, padding: 0 },
  { name: "r2", kind: "relu" },
  { name: "mean", kind: "average", window: 2, stride: 1, padding: 0 },
  { name: "answer", kind: "linear", outputs: 4 },
];

test("the gradient is the slope of the logit, for sizes that no four divides", () => {
  const network = invented({ channels: 2, height: 9, width: 7 }, ODD);
  const tape = engine.newTape(network);
  tape.maps[0].set(numbers(126));
  engine.forward(network, tape);
  const gradient = Float32Array.from(engine.inputGradient(network, tape, ODD.length, 2));
  const logitAt = (place, value) => {
    tape.maps[0][place] = value;
    return engine.forward(network, tape)[2];
  };
  let checked = 0;
  for (let place = 0; place < 126; place += 1) {
    const value = tape.maps[0][place];
    const slopes = [1e-3, 2e-3].map((step) => (logitAt(place, value + step) - logitAt(place, value - step)) / (2 * step));
    logitAt(place, value);
    if (Math.abs(slopes[0] - slopes[1]) > 1e-2) continue; // a kink of a rectifier or a maximum lies between
    assert.ok(Math.abs(slopes[0] - gradient[place]) < 2e-2, `place ${place}: ${slopes[0]} is not ${gradient[place]}`);
    checked += 1;
  }
  assert.ok(checked > 100, `only ${checked} places without a kink`);
});

test("a convolution is the sum that its definition says, with stride and padding", () => {
  const input = { channels: 3, height: 6, width: 5 };
  const network = invented(input, [{ name: "c", kind: "convolution", outputs: 6, window: 3, stride: 2, padding: 1 }]);
  const [layer] = network.layers;
  assert.deepEqual(layer.output, { channels: 6, height: 3, width: 3 });
  const tape = engine.newTape(network);
  tape.maps[0].set(numbers(90));
  const result = engine.forward(network, tape);
  const weightOf = (target, tap) => layer.forwards[(target - (target % 4)) * 27 + 4 * tap + (target % 4)];
  for (let place = 0; place < 54; place += 1) {
    const [target, row, column] = [Math.floor(place / 9), Math.floor(place / 3) % 3, place % 3];
    let sum = layer.bias[target];
    for (let tap = 0; tap < 27; tap += 1) {
      const [source, y, x] = [Math.floor(tap / 9), 2 * row + (Math.floor(tap / 3) % 3) - 1, 2 * column + (tap % 3) - 1];
      if (y >= 0 && y < 6 && x >= 0 && x < 5) sum += weightOf(target, tap) * tape.maps[0][(source * 6 + y) * 5 + x];
    }
    close(result[place], sum, `place ${place}`);
  }
  assert.throws(() => engine.inputGradient(network, tape, 1, 0), /stride 2/);
});

test("the three rules differ in the rectifier alone", () => {
  const values = Float32Array.of(1, 1, -1, -1, 0);
  const gradient = Float32Array.of(2, -2, 2, -2, 2);
  const by = (rule) => {
    const result = new Float32Array(5);
    engine.rectifyBack(gradient, values, rule, result);
    return Array.from(result);
  };
  assert.deepEqual(by("gradient"), [2, -2, 0, 0, 0]);
  assert.deepEqual(by("deconvnet"), [2, 0, 2, 0, 2]);
  assert.deepEqual(by("guided"), [2, 0, 0, 0, 0]);
});

test("pooling remembers its switches, and unpooling uses them", () => {
  const layer = { input: { channels: 1, height: 2, width: 4 }, output: { channels: 1, height: 1, width: 2 }, window: 2, stride: 2 };
  const [result, switches, back] = [new Float32Array(2), new Int32Array(2), new Float32Array(8)];
  engine.maximum(Float32Array.of(1, 9, 3, 3, 2, 4, 3, 3), layer, switches, result);
  assert.deepEqual([Array.from(result), Array.from(switches)], [[9, 3], [1, 2]]);
  engine.maximumBack(Float32Array.of(5, 7), switches, back);
  assert.deepEqual(Array.from(back), [0, 5, 7, 0, 0, 0, 0, 0]);
});

test("16-bit numbers are read as IEEE 754 says", () => {
  const known = { 1: [0x00, 0x3c], "-2": [0x00, 0xc0], 65504: [0xff, 0x7b], 0: [0, 0], 0.333251953125: [0x55, 0x35] };
  for (const [value, bytes] of Object.entries(known)) assert.equal(engine.halves(Uint8Array.from(bytes))[0], Number(value));
  assert.equal(engine.halves(Uint8Array.from([1, 0]))[0], 2 ** -24);
});

test("probabilities add up to one, however large the logits", () => {
  const values = engine.softmax(Float32Array.of(1000, 1000, -1000));
  close(values[0], 0.5, "first");
  close(values.reduce((sum, value) => sum + value, 0), 1, "sum");
});

test("a layer of an unknown kind is named", () => {
  const network = { layers: [{ name: "strange", kind: "attention" }] };
  assert.throws(() => engine.forward(network, { maps: [[], []], switches: [], scratch: {} }), /strange.*attention/);
});
