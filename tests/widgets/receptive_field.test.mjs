// The widget's arithmetic against the vectors that the Python module and torch's gradients have written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/receptive_field.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/receptive_field.json", import.meta.url), "utf8"));
const possible = vectors.filter(({ sizes }) => sizes);
const conv = { kind: "conv", kernel_size: 3, stride: 1, padding: 0, dilation: 1 };
const pool = { kind: "pool", kernel_size: 2, stride: 2, padding: 0, dilation: 1 };

test("there are stacks that fit and stacks that do not", () => {
  assert.ok(possible.length > 60 && vectors.length - possible.length > 5);
});

test("fields equal Python's", () => {
  for (const { layers, fields } of vectors) assert.deepEqual(widget.fieldsThrough(layers), fields);
});

test("sizes equal Python's", () => {
  for (const { input_size, layers, sizes } of possible) assert.deepEqual(widget.sizesThrough(input_size, layers), sizes);
});

test("the units seen in every map are those with a gradient", () => {
  for (const { layers, sizes, position, seen } of possible) {
    const found = widget.seen(layers, layers.length, position, sizes);
    found.forEach((units, map) => {
      assert.deepEqual(units.filter((unit) => unit >= 0 && unit < sizes[map]), seen[map], JSON.stringify({ layers, map }));
    });
  }
});

test("a stack that does not fit names the layer and a remedy", () => {
  for (const { input_size, layers } of vectors.filter(({ sizes }) => !sizes)) {
    const named = layers.map((layer) => ({ kind: "conv", ...layer }));
    assert.throws(() => widget.sizesThrough(input_size, named), { name: "RangeError", message: /^conv\d needs \d+ units.*larger input/ });
  }
});

test("layers have names, given or counted", () => {
  const layers = [conv, pool, { ...conv, name: "conv1_2" }, conv];
  assert.deepEqual([0, 1, 2, 3, 4].map((row) => widget.nameOf(layers, row)), ["input", "conv1", "pool1", "conv1_2", "conv3"]);
});

test("weights count convolutions alone", () => {
  assert.equal(widget.weights([conv, conv, conv, pool]), 27);
  assert.equal(widget.weights([{ ...conv, kernel_size: 7 }]), 49);
});

test("what a unit sees is told in words", () => {
  const layers = [{ ...conv, padding: 1 }, pool];
  const sizes = widget.sizesThrough(6, layers);
  assert.equal(widget.sentence(layers, 2, 0, sizes), "Unit 0 of pool1 (0 to 2) sees 4 pixels, from −1 to 2; 1 of them lies outside the picture.");
  assert.equal(widget.sentence(layers, 0, 4, sizes), "Pixel 4 of the input sees itself.");
});
