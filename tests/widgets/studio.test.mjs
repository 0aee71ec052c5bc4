// The questions that a page asks of a network: looks, occlusion maps and dreams, on a network small enough to know.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as studio from "../../cnncourse/widgets/studio.mjs";
import { file } from "./networks.mjs";

const LAYERS = [
  { name: "c", kind: "convolution", outputs: 2, window: 3, stride: 1, padding: 1 },
  { name: "r", kind: "relu" },
  { name: "pool", kind: "maximum", window: 2, stride: 2, padding: 0 },
  { name: "out", kind: "linear", outputs: 2 },
];
const INPUT = { channels: 1, height: 8, width: 8 };
const bytes = file(INPUT, LAYERS);
const picture = Float32Array.from({ length: 64 }, (_, index) => ((index * 37) % 64) / 64);

/** Everything that a studio answers to one question that takes long. */
function ask(question) {
  const heard = [];
  return new Promise((resolve) => {
    const receive = studio.studio((message) => {
      heard.push(message);
      if (message.done) resolve(heard);
    });
    receive({ type: "load", bytes });
    receive(question);
  });
}

const LOOK = { type: "look", picture, target: null, layer: 0, channel: 1, unit: null, rule: "gradient" };

test("a look gives probabilities, maps, saliency and the projection of the strongest unit", () => {
  const heard = [];
  const receive = studio.studio((message) => heard.push(message));
  receive({ type: "load", bytes });
  receive(LOOK);
  const [loaded, seen] = heard;
  assert.equal(loaded.type, "loaded");
  assert.ok(Math.abs(seen.probabilities[0] + seen.probabilities[1] - 1) < 1e-9);
  assert.equal(seen.target, seen.probabilities[0] > seen.probabilities[1] ? 0 : 1);
  assert.deepEqual([seen.maps.length, seen.maps[0].length, seen.saliency.length, seen.projection.length], [1, 128, 64, 64]);
  const own = seen.maps[0].subarray(64);
  assert.equal(own[seen.unit], Math.max(...own));
  receive({ ...LOOK, unit: 9, target: 1 });
  assert.deepEqual([heard[2].unit, heard[2].target], [9, 1]);
  const outside = heard[2].projection.filter((_, place) => Math.abs(Math.floor(place / 8) - 1) > 1 || Math.abs((place % 8) - 1) > 1);
  assert.ok(outside.every((value) => value === 0), "nothing comes from outside the unit's field");
});

test("bytes are roots, and nothing stays nothing", () => {
  assert.deepEqual([...studio.greys(Float32Array.of(0, 1, 4))], [0, 128, 255]);
  assert.deepEqual([...studio.greys(Float32Array.of(0, 0))], [0, 0]);
});

test("coarse to fine visits every place once", () => {
  for (const [rows, columns] of [[1, 1], [7, 5], [16, 16], [13, 9]]) {
    const visited = studio.coarseToFine(rows, columns).map(([row, column]) => `${row},${column}`);
    assert.equal(visited.length, rows * columns);
    assert.equal(new Set(visited).size, rows * columns);
  }
});

test("an occlusion map is the probability with each square hidden", async () => {
  const heard = await ask({ type: "occlusion", ticket: 1, pace: 0, picture, target: 1, size: 3, stride: 2, fill: 0.5 });
  const { values, rows, columns, count, total } = heard.at(-1);
  assert.deepEqual([rows, columns, count, total], [4, 4, 16, 16]);
  const hidden = picture.slice();
  for (const y of [4, 5, 6]) hidden.fill(0.5, 8 * y + 2, 8 * y + 5); // row 2 has its middle at 5, column 1 at 3
  const seen = [];
  const look = studio.studio((message) => seen.push(message));
  look({ type: "load", bytes });
  look({ ...LOOK, picture: hidden });
  assert.ok(Math.abs(values[2 * 4 + 1] - seen[1].probabilities[1]) < 1e-6);
});

test("what was stopped falls silent", async () => {
  const heard = [];
  const receive = studio.studio((message) => heard.push(message));
  receive({ type: "load", bytes });
  receive({ type: "dream", ticket: 1, pace: 0, picture, target: 0, layer: 0, channel: 0, jitter: 1, rate: 0.02, smooth: 0.1, steps: 1e7, seed: 1 });
  await new Promise((resolve) => { setTimeout(resolve, 40); });
  receive({ type: "stop", what: "dream" });
  const before = heard.length;
  await new Promise((resolve) => { setTimeout(resolve, 40); });
  assert.ok(before > 2);
  assert.equal(heard.length, before);
});

test("a dream of a class raises its probability, a dream of a map its mean, inside [0, 1]", async () => {
  const grey = new Float32Array(64).fill(0.5);
  const question = { type: "dream", ticket: 1, pace: 0, picture: grey, layer: 0, channel: 0, jitter: 1, rate: 0.02, smooth: 0.05, steps: 60, seed: 4 };
  for (const target of [0, 1, null]) {
    const heard = (await ask({ ...question, target })).filter(({ type }) => type === "dream");
    assert.ok(heard.at(-1).value > heard[0].value, `towards ${target}`);
    assert.ok(heard.at(-1).picture.every((value) => value >= 0 && value <= 1));
  }
});

test("rolling back undoes rolling, and smoothing keeps what is even", () => {
  const [there, back] = [new Float32Array(64), new Float32Array(64)];
  studio.roll(picture, INPUT, 3, -2, there);
  assert.notDeepEqual(there, picture);
  studio.roll(there, INPUT, -3, 2, back);
  assert.deepEqual(back, picture);
  const even = new Float32Array(64).fill(0.25);
  studio.soften(even, INPUT, 0.5, back);
  assert.ok(even.every((value) => value === 0.25));
});
