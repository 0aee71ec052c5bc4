// The widget's anchors and proposals against the vectors that the Python modules have written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/faster_rcnn.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/faster_rcnn.json", import.meta.url), "utf8"));

test("the anchors of a position equal Python's", () => {
  for (const { row, column, boxes } of vectors.anchors) {
    const found = widget.anchorsAt(row, column, vectors);
    assert.equal(found.length, boxes.length);
    found.forEach((box, index) => box.forEach((value, corner) => {
      assert.ok(Math.abs(value - boxes[index][corner]) < 1e-4, `${value} is not ${boxes[index][corner]}`);
    }));
  }
});

test("the proposals that are left equal Python's", () => {
  for (const { boxes, bytes, threshold, suppression, before, after } of vectors.lists) {
    const order = widget.above(bytes.map((byte) => byte / 255), threshold);
    assert.deepEqual(order, before);
    assert.deepEqual(widget.suppress(order, (index) => boxes[index], suppression), after);
  }
});

test("boxes without area overlap nothing", () => {
  assert.equal(widget.iou([1, 1, 1, 5], [0, 0, 9, 9]), 0);
  assert.equal(widget.iou([0, 0, 2, 2], [0, 0, 2, 2]), 1);
});

test("the first of equal anchors is the best of its position", () => {
  assert.deepEqual(widget.bestOf([0.1, 0.4, 0.4, 0, 0, 0], 3), [{ shape: 1, score: 0.4 }, { shape: 0, score: 0 }]);
});

test("shapes and states are told in words", () => {
  assert.equal(widget.shapeName(20, 0.5), "20 px, lying");
  assert.equal(widget.shapeName(20, 1), "20 px, square");
  assert.equal(widget.shapeName(20, 2), "20 px, upright");
  const state = { row: 4, column: 0, name: "20 px, square", score: 0.5, before: 7, after: 2, threshold: 0.25 };
  assert.equal(widget.sentence({ ...state, suppressed: true }),
    "Row 5, column 1: the best of nine anchors is 20 px, square, objectness 0.50. 7 of all anchors reach 0.25; suppression leaves 2.");
  assert.match(widget.sentence({ ...state, suppressed: false }), /reach 0\.25\.$/);
});
