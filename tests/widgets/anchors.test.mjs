// The widget's grid and matching against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BACKGROUND, anchorGrid, match, sentence } from "../../cnncourse/widgets/anchors.mjs";

const { anchors, matchings } = JSON.parse(readFileSync(new URL("../vectors/anchors.json", import.meta.url), "utf8"));

test("the grid is Python's, to the last bit", () => {
  assert.deepEqual(anchorGrid(6, 16, [16, 32, 64], [0.5, 1, 2]), anchors);
});

test("every anchor learns what Python says", () => {
  for (const { boxes, low, high, force, matches } of matchings) {
    const expected = anchors.map((_, index) => matches[index] ?? BACKGROUND);
    assert.deepEqual(match(anchors, boxes, high, low, force), expected);
  }
});

test("the sentence counts", () => {
  assert.equal(sentence([0, 1, 1, -1, -2], ["disc", "star"]),
    "Of 5 anchors, 1 are background, 1 count neither way, and positive are: the disc 1, the star 2.");
});
