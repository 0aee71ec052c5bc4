// The widget's boxes, suppression and average precision against the vectors that the Python modules have written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as list from "../../cnncourse/widgets/boxes.mjs";
import { boxAt, moved, resized } from "../../cnncourse/widgets/dragging.mjs";
import * as shared from "../../cnncourse/widgets/detections.mjs";

const widget = { ...shared, ...list };

const { truth, lists } = JSON.parse(readFileSync(new URL("../vectors/boxes.json", import.meta.url), "utf8"));
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

test("IoU equals Python's", () => {
  for (const { boxes, overlaps } of lists) {
    boxes.forEach((box, row) => truth.forEach((object, column) => near(widget.iou(box, object), overlaps[row][column])));
  }
});

test("suppression, verdicts, curve and average precision equal Python's", () => {
  for (const list of lists) {
    const result = widget.evaluate({ ...list, truth, cut: 0 });
    assert.deepEqual(result.kept, list.kept);
    assert.deepEqual(result.verdicts, list.verdicts);
    result.curve.forEach(({ precision, recall }, index) => {
      near(precision, list.precision[index]);
      near(recall, list.recall[index]);
    });
    near(result.whole, list.average_precision);
    near(result.cut, list.average_precision);
  }
});

test("a cut hands in the best part of the list", () => {
  const list = { boxes: truth, scores: [0.9, 0.6, 0.3], truth, suppression: 0.5 };
  assert.equal(widget.evaluate({ ...list, cut: 0.6 }).number, 2);
  near(widget.evaluate({ ...list, cut: 0.6 }).cut, 2 / 3);
  assert.equal(widget.evaluate({ ...list, cut: 1 }).cut, 0);
  assert.equal(widget.evaluate({ ...list, boxes: [], scores: [], cut: 0 }).whole, 0);
});

test("boxes stay in the scene and keep a pixel", () => {
  assert.deepEqual(moved([2, 3, 10, 12], -5, 90, 96), [0, 87, 8, 96]);
  assert.deepEqual(moved([2, 3, 10, 12], 1.4, -0.6, 96), [3, 2, 11, 11]);
  assert.deepEqual(resized([2, 3, 10, 12], -50, 200, 96), [2, 3, 3, 96]);
});

test("the smallest box around a point is taken", () => {
  assert.equal(boxAt([[0, 0, 50, 50], [10, 10, 20, 20]], 15, 15), 1);
  assert.equal(boxAt([[0, 0, 50, 50], [10, 10, 20, 20]], 30, 30), 0);
  assert.equal(boxAt([], 3, 3), -1);
});

test("the list is told in words", () => {
  const list = { boxes: truth, scores: [0.9, 0.6, 0.3], truth, suppression: 0.5 };
  assert.equal(widget.sentence(3, widget.evaluate({ ...list, cut: 0.5 })),
    "Suppression drops 0 of 3 boxes. The list has an average precision of 1.00. The cut hands in 2: precision 1.00, recall 0.67, "
    + "and an average precision of 0.67 for what is left.");
  assert.match(widget.sentence(3, widget.evaluate({ ...list, cut: 1 })), /hands in nothing/);
});
