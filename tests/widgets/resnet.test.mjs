// The depth slider's words and ratios against those that Python has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/resnet.mjs";

const { runs, cases } = JSON.parse(readFileSync(new URL("../vectors/resnet.json", import.meta.url), "utf8"));

test("depths, words and ratios equal Python's in every state", () => {
  const depths = widget.depthsOf(runs);
  for (const { state, depth, words, ratio } of cases) {
    assert.equal(depths[state.rung], depth);
    assert.equal(widget.sentence(runs, state.kind, depth), words);
    const norms = widget.normsOf(widget.runsOf(runs, state.kind, depth)[0], state.moment);
    assert.equal(norms.length, depth - 1);
    assert.ok(Math.abs(widget.ratio(norms) / ratio - 1) < 1e-9);
  }
});

test("gradients are told in words", () => {
  assert.equal(widget.gradientSentence([640, 5, 1], "before"),
    "Before training the gradient of the first layer is 640 times as long as that of the last; the longest is 640 times the shortest.");
  assert.equal(widget.gradientSentence([0.5, 4, 2], "after"),
    "After training the gradient of the first layer is one 4th of that of the last; the longest is 8 times the shortest.");
});

test("powers of ten enclose the values", () => {
  assert.deepEqual(widget.decades([0.3, 20]), [-1, 2]);
  assert.deepEqual(widget.decades([1, 1]), [0, 1]);
  assert.deepEqual(widget.decades([0, 5]), [0, 1]);
});

test("every depth is named for those who cannot see the chart", () => {
  const label = widget.depthLabel(runs);
  for (const depth of widget.depthsOf(runs)) assert.equal(label.split(`${depth} layers`).length - 1 >= 2, true);
});
