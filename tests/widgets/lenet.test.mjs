// LeNet's forward pass in the page against the numbers that the Python network has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/lenet.mjs";

const cases = JSON.parse(readFileSync(new URL("../vectors/lenet.json", import.meta.url), "utf8"));

function close(actual, expected, tolerance, message) {
  assert.ok(Math.abs(actual - expected) < tolerance, `${message}: ${actual} is not ${expected}`);
}

test("16-bit numbers are read as IEEE 754 says", () => {
  const numbers = { 1: [0x00, 0x3c], "-2": [0x00, 0xc0], 65504: [0xff, 0x7b], 0: [0, 0], 0.333251953125: [0x55, 0x35] };
  for (const [value, bytes] of Object.entries(numbers)) assert.equal(widget.halves(Uint8Array.from(bytes))[0], Number(value));
  close(widget.halves(Uint8Array.from([1, 0]))[0], 2 ** -24, 1e-30, "smallest number");
});

test("the ten tensors are all 61,706 numbers", () => {
  const layers = widget.layersOf(new Float32Array(61706));
  assert.equal(layers.reduce((sum, layer) => sum + layer.length, 0), 61706);
});

test("a moved drawing is the one that Python moves", () => {
  for (const { digit, right, down, ink } of cases) {
    const home = widget.moved(Uint8Array.from(ink), -right, -down);
    assert.deepEqual(Array.from(widget.moved(home, right, down)), ink, `digit ${digit}`);
  }
});

test("the convolution has padding, a bias and a ReLU", () => {
  const picture = { values: new Float32Array(784).fill(1), channels: 1, side: 28 };
  const ones = new Float32Array(25).fill(1);
  const result = widget.convolve(picture, ones, Float32Array.of(-10), 2);
  assert.equal(result.side, 28);
  assert.equal(result.values[0], 0); // 9 pixels − 10, cut off
  assert.equal(result.values[14 * 28 + 14], 15);
});

test("pooling takes the maximum and a linear layer adds its bias", () => {
  const maps = { values: Float32Array.of(1, 2, 3, 4, 8, 7, 6, 5), channels: 2, side: 2 };
  assert.deepEqual(Array.from(widget.halve(maps).values), [4, 8]);
  assert.deepEqual(Array.from(widget.linear(Float32Array.of(1, 2), Float32Array.of(1, 1, 0, 3), Float32Array.of(0, 1))), [3, 7]);
});

test("probabilities add up to one, however large the logits", () => {
  const values = widget.softmax(Float32Array.of(1000, 1000, -1000));
  close(values[0], 0.5, 1e-9, "first");
  close(values.reduce((sum, value) => sum + value, 0), 1, 1e-9, "sum");
});

test("a dot is dark in its middle, a stroke has no gaps, and ink is never taken away", () => {
  const paper = new Uint8Array(784);
  assert.equal(widget.dotted(paper, 10.5, 5.5)[5 * 28 + 10], 255);
  const line = widget.stroked(paper, [2.5, 7.5], [20.5, 7.5]);
  for (let column = 2; column <= 20; column += 1) assert.equal(line[7 * 28 + column], 255);
  assert.ok(widget.dotted(line, 0, 0).every((value, index) => value >= line[index]));
});

test("the answer is said in words, and doubt too", () => {
  const sure = [0, 0, 0, 0, 0, 0.98, 0.02, 0, 0, 0];
  const unsure = [0, 0, 0, 0.3, 0, 0.6, 0.1, 0, 0, 0];
  const ink = new Uint8Array(784).fill(1);
  assert.equal(widget.sentence(sure, ink), "LeNet reads a 5, with 98 %.");
  assert.equal(widget.sentence(unsure, ink), "LeNet is not sure: a 5 with 60 %, or a 3 with 30 %.");
  assert.match(widget.sentence(sure, new Uint8Array(784)), /empty/);
});
