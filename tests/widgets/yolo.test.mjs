// The grid's boxes and detections against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { candidates, cellOf, detections, largest, sentence } from "../../cnncourse/widgets/yolo.mjs";

const { shape, scenes, cases } = JSON.parse(readFileSync(new URL("../vectors/yolo.json", import.meta.url), "utf8"));
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

test("detections equal Python's, with and without suppression", () => {
  for (const { scene, threshold, suppressed, boxes, scores, labels } of cases) {
    const found = detections(scenes[scene], threshold, suppressed, shape);
    assert.deepEqual(found.map(({ label }) => label), labels);
    found.forEach(({ box, score }, index) => {
      near(score, scores[index]);
      box.forEach((value, part) => near(value, boxes[index][part]));
    });
  }
});

test("suppression only removes, and a higher threshold only removes", () => {
  for (const numbers of scenes) {
    const all = candidates(numbers, 0.05, shape);
    assert.ok(detections(numbers, 0.05, true, shape).length <= all.length);
    assert.ok(candidates(numbers, 0.5, shape).length <= all.length);
  }
});

test("a box is placed from its cell and cut at the border", () => {
  const cell = cellOf([0.5, 0.5, 0.25, 0.5, 0.9, 0, 0, 1, 1, 0.1, 0.2, 0.8], 0, 1, { grid: 4, count: 2, side: 80 });
  assert.deepEqual(cell.boxes, [[20, 0, 40, 30], [0, 0, 60, 40]]);
  assert.deepEqual(cell.confidences, [0.9, 0.1]);
  assert.equal(largest(cell.classes), 1);
});

test("a cell is told in words", () => {
  const cell = { boxes: [], confidences: [0.5, 0.25], classes: [0.2, 0.8] };
  const text = sentence(cell, 0, 2, ["disc", "star"], "star");
  assert.match(text, /row 1, column 3: confidences 0.50 and 0.25, and most probably star, 0.80/);
  assert.match(text, /best score is 0.40. It answers for the star/);
  assert.match(sentence(cell, 0, 2, ["disc", "star"], ""), /answers for nothing/);
});
