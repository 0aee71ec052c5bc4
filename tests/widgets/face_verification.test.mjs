// The widget's rates against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/face_verification.mjs";

const lists = JSON.parse(readFileSync(new URL("../vectors/face_verification.json", import.meta.url), "utf8"));
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

test("curve and equal error rate equal Python's", () => {
  for (const list of lists.filter(({ far }) => far)) {
    const curve = widget.rocOf(list);
    assert.equal(curve.length, list.far.length);
    curve.forEach(({ far, tar }, index) => {
      near(far, list.far[index]);
      near(tar, list.tar[index]);
    });
    near(widget.equalErrorRate(curve).rate, list.equal_error_rate);
  }
});

test("without both kinds of pairs there is no rate", () => {
  for (const list of lists.filter(({ far }) => !far)) {
    assert.ok(Number.isNaN(widget.equalErrorRate(widget.rocOf(list)).rate));
    assert.match(widget.sentence(list, 0.5, NaN), /There is no equal error rate/);
  }
  assert.match(widget.sentence({ same: [], different: [1] }, 0.5, NaN), /no same pairs to refuse/);
});

test("the chosen group and training set decide the pairs", () => {
  const state = { distances: [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], same: [1, 0, 1], groups: [0, 0, 1], names: ["a", "b", "c"] };
  assert.deepEqual(widget.chosen({ ...state, group: "all", uneven: false }), { same: [0.1, 0.3], different: [0.2] });
  assert.deepEqual(widget.chosen({ ...state, group: "a", uneven: true }), { same: [0.4], different: [0.5] });
  assert.deepEqual(widget.chosen({ ...state, group: "c", uneven: true }), { same: [], different: [] });
});

test("histogram bins hold both ends", () => {
  const counts = widget.histogram([0, 2, 0.05, 0.0499, 1.999]);
  assert.deepEqual([counts[0], counts[1], counts.at(-1)], [2, 1, 2]);
});

test("two pairs on either side of the threshold are nearest", () => {
  assert.deepEqual(widget.nearest([0.9, 0.1, 0.5, 0.3, 0.7], 0.5), [3, 2, 4, 0]);
  assert.deepEqual(widget.nearest([0.9, 0.1], 2), [1, 0]);
  assert.deepEqual(widget.nearest([], 1), []);
});

test("the threshold is told in words", () => {
  assert.equal(widget.sentence({ same: [0.2, 0.6], different: [0.4, 0.8, 0.9, 1] }, 0.5, 0.25),
    "At a threshold of 0.50, 50.0 % of 2 same pairs are refused and 25.0 % of 4 different pairs are accepted. "
    + "The equal error rate is 25.0 %.");
});
