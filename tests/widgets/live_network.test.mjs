// What the view of the live network computes by itself: pictures and words.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/live_network.mjs";

test("ink covers the picture in all channels", () => {
  const base = Float32Array.of(0.2, 0.4, 0.6, 0.8, 0, 1);
  const close = (actual, expected) => actual.forEach((value, index) => assert.ok(Math.abs(value - expected[index]) < 1e-6));
  close(widget.drawnOver(base, [0, 255], 0.5), [0.2, 0.5, 0.6, 0.5, 0, 0.5]);
});

test("maps lie side by side with gaps, row by row", () => {
  const layer = { channels: 3, height: 8, width: 8 };
  const plan = widget.layout(layer, 2);
  assert.deepEqual([plan.rows, plan.gap, plan.width, plan.height], [2, 1, 17, 17]);
  const maps = new Uint8Array(192).fill(10, 0, 64).fill(20, 64, 128).fill(30, 128);
  const pixels = widget.tiled(maps, layer, plan);
  const grey = (row, column) => pixels[row * plan.width + column] & 255;
  assert.deepEqual([grey(0, 0), grey(7, 7), grey(0, 8), grey(0, 9), grey(9, 0), grey(9, 9)], [10, 10, 0, 20, 30, 0]);
  assert.equal(pixels[0] >>> 24, 255);
  assert.equal(pixels[8] >>> 24, 0, "gaps are transparent");
});

test("a unit without a map is shown as a square", () => {
  const layer = { channels: 2, height: 1, width: 1 };
  const plan = widget.layout(layer, 2);
  assert.deepEqual([plan.zoom, plan.width, plan.height], [6, 13, 6]);
  const pixels = widget.tiled(Uint8Array.of(1, 2), layer, plan);
  assert.deepEqual([pixels[5 * 13 + 5] & 255, pixels[5 * 13 + 6], pixels[5 * 13 + 7] & 255], [1, 0, 2]);
});

test("projections are grey where nothing comes from, signed colours in one channel", () => {
  assert.deepEqual([...widget.signedPicture(Float32Array.of(0, 1, 0, -1, 0, 0.5), 2)].slice(0, 4), [128, 128, 128, 255]);
  const [low, high] = [widget.signedPicture(Float32Array.of(-1, 1), 2).slice(0, 3), widget.signedPicture(Float32Array.of(-1, 1), 2).slice(4, 7)];
  assert.ok(low[2] > low[0] && high[0] > high[2]);
});

test("answers, units and occlusion are said in words", () => {
  const classes = ["airplane", "cat"];
  assert.equal(widget.answer([0.97, 0.03], classes), "The network sees an airplane, with 97\u00a0%.");
  assert.match(widget.answer([0.4, 0.6], classes), /not sure: a cat with 60\u00a0%, or an airplane/);
  const layer = { name: "a3", width: 10 };
  assert.equal(widget.unitWords(layer, 4, 23, 1.5, true), "Map 5 of a3: the strongest unit, row 3, column 4, is at 1.5.");
  assert.match(widget.unitWords(layer, 4, 23, 0, false), /the unit, row 3, column 4, is silent/);
  assert.equal(widget.unitWords({ name: "a5", width: 1 }, 7, 0, 2, true), "Map 8 of a5: the unit is at 2.");
  assert.match(widget.occlusionWords({ values: [1, 0.5, 0.2, 1], columns: 2 }, 0.9, "cat"), /a cat has 90.*20.*row 2, column 1/);
});

test("where no worker can be started, the page computes by itself", async () => {
  const heard = [];
  const crew = widget.openStudio((message) => heard.push(message)); // Node has no Worker of this kind
  crew.send({ type: "stop", what: "dream" });
  crew.end();
  await new Promise((resolve) => { setTimeout(resolve, 5); });
  assert.deepEqual(heard, []);
});
