// The widget's outlines and stamps against the vectors that the Python modules have written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/encoder_decoder.mjs";

const { side, maps, stamps } = JSON.parse(readFileSync(new URL("../vectors/encoder_decoder.json", import.meta.url), "utf8"));

test("outlines and their F-score equal Python's", () => {
  for (const { prediction, truth, boundary, score } of maps) {
    assert.deepEqual(widget.boundary(truth, 1, side), boundary);
    const found = widget.boundaryScore(prediction, truth, side);
    if (score === null) assert.ok(Number.isNaN(found));
    else assert.ok(Math.abs(found - score) < 1e-6, `${found} is not ${score}`);
  }
});

test("every wrong pixel is near an outline or not", () => {
  for (const { prediction, truth, wrong } of maps) {
    const { near, far } = widget.mistakes(prediction, truth, side);
    assert.equal(near + far, wrong);
  }
  const truth = Array.from({ length: 81 }, (_, index) => Number(index % 9 > 5));
  assert.deepEqual(widget.nearOutline(truth, 9).slice(0, 9), [0, 0, 0, 0, 1, 1, 1, 1, 0]);
  assert.deepEqual(widget.mistakes(truth.map(() => 0), truth, 9), { near: 18, far: 9 });
});

test("stamps equal Python's", () => {
  for (const { kernel, stride, phases, counts } of stamps) {
    assert.deepEqual(widget.phaseCounts(kernel, stride), phases);
    assert.deepEqual(widget.overlapCounts(7, kernel, stride), counts);
  }
});

test("the board and the skips are told in words", () => {
  assert.equal(widget.boardSentence(3, 2),
    "Kernel 3, stride 2: 2, 1 stamps in turn along each axis, so 1, 2 or 4 in the plane. A checkerboard.");
  assert.equal(widget.boardSentence(4, 2), "Kernel 4, stride 2: every inner pixel gets 4 stamps. No pattern from counting.");
  assert.match(widget.boardSentence(2, 2), /gets 1 stamp\./);
  assert.match(widget.boardSentence(1, 2), /so 0 or 1 in the plane/);
  assert.equal(widget.skipWords([false, false, false]), "No skip is on");
  assert.equal(widget.skipWords([true, true, true]), "All skips are on");
  assert.equal(widget.skipWords([true, false, true]), "On: fine and coarse");
});
