import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { accumulate, numbers, termsOf } from "../../cnncourse/widgets/backpropagation.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/backpropagation.json", import.meta.url), "utf8"));

for (const { state, x, weight, delta, weight_gradient, input_gradient } of vectors) {
  const { seed, ...geometry } = state;
  test(`the gradients are those of the module: ${JSON.stringify(state)}`, () => {
    const values = numbers(seed, geometry);
    assert.deepEqual(values, { x, weight, delta });
    const result = accumulate(values, geometry, delta.length);
    assert.deepEqual(result, { weightGradient: weight_gradient, inputGradient: input_gradient });
  });

  test(`the terms of each weight add up to its gradient: ${JSON.stringify(state)}`, () => {
    const sums = weight.map((_, element) =>
      termsOf(element, { x, delta }, geometry).reduce((sum, [d, pixel]) => sum + d * pixel, 0));
    assert.deepEqual(sums, weight_gradient);
  });
}

test("before the first step nothing has arrived", () => {
  const { x, weight, delta, state } = vectors[0];
  const { weightGradient, inputGradient } = accumulate({ x, weight, delta }, state, 0);
  assert.ok([...weightGradient, ...inputGradient].every((value) => value === 0));
});
