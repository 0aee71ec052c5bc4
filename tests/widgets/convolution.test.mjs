// The widget's convolution against the vectors that torch has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/convolution.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/convolution.json", import.meta.url), "utf8"));

test("the map equals torch's", () => {
  for (const { pixels, height, width, kernel, options, shape, values } of vectors) {
    const map = widget.convolve(pixels, height, width, kernel, options);
    assert.deepEqual([map.height, map.width], shape);
    values.forEach((value, index) => assert.ok(Math.abs(map.values[index] - value) < 1e-5, JSON.stringify(options)));
  }
});

test("the products of a window sum to its output", () => {
  for (const { pixels, height, width, kernel, options, shape, values } of vectors) {
    const [row, column] = [shape[0] - 1, Math.floor(shape[1] / 2)];
    const terms = widget.productsAt(row, column, pixels, height, width, kernel, options);
    const sum = terms.reduce((total, { product }) => total + product, 0) / options.divisor;
    assert.equal(terms.length, kernel.length);
    assert.ok(Math.abs(sum - values[row * shape[1] + column]) < 1e-5);
  }
});

test("presets keep or remove the mean brightness, as their names promise", () => {
  for (const [name, , sizes] of widget.PRESETS) {
    for (const side of [3, 5]) {
      const [weights, divisor] = sizes[side];
      assert.equal(weights.length, side * side, name);
      const sum = weights.reduce((total, weight) => total + weight, 0) / divisor;
      assert.equal(sum, /edges|Laplacian/.test(name) ? 0 : 1, `${name} ${side}`);
      assert.equal(widget.presetOf(weights, divisor)[0], name);
      assert.ok(weights.every((weight) => !Object.is(weight, -0)), name);
    }
  }
});

test("a flipped kernel is turned by 180 degrees, and a symmetric one stays what it is", () => {
  assert.deepEqual(widget.applied([1, 2, 3, 4, 5, 6, 7, 8, 9], true), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
  const laplacian = widget.PRESETS.find(([name]) => name === "Laplacian")[2][5][0];
  assert.deepEqual(widget.applied(laplacian, true), laplacian);
});

test("a kernel of the reader's own keeps its middle when the size changes", () => {
  const own = [1, 2, 3, 4, 5, 6, 7, 8, 10];
  const larger = widget.resized(own, 2, 5);
  assert.equal(larger.kernel.length, 25);
  assert.equal(larger.divisor, 2);
  assert.deepEqual(larger.kernel.slice(6, 9), [1, 2, 3]);
  assert.deepEqual(widget.resized(larger.kernel, 2, 3), { kernel: own, divisor: 2 });
});

test("a preset stays that preset when the size changes", () => {
  const [blur, divisor] = widget.PRESETS.find(([name]) => name === "Blur")[2][3];
  const larger = widget.resized(blur, divisor, 5);
  assert.equal(larger.divisor, 256);
  assert.equal(widget.presetOf(larger.kernel, larger.divisor)[0], "Blur");
});
