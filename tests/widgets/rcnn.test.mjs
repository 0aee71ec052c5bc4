// The widget's grouping against the hierarchies that the Python module has made.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/rcnn.mjs";

const { side, truth, segments, counts, trees } = JSON.parse(readFileSync(new URL("../vectors/rcnn.json", import.meta.url), "utf8"));
const map = Array.from(Buffer.from(segments, "base64"));
const histograms = new Uint16Array(new Uint8Array(Buffer.from(counts, "base64")).buffer);
const regions = widget.describe(map, histograms, side);
const touching = widget.neighboursOf(map, side, regions.length);
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);
const grown = (without) => widget.group(regions, touching, widget.KINDS.filter((kind) => kind !== without), side * side);

test("merges, similarities, boxes and sizes equal Python's, whichever similarity is left out", () => {
  for (const expected of trees) {
    const tree = grown(expected.without);
    assert.deepEqual(tree.merges.map(({ a, b }) => [a, b]), expected.merges);
    tree.merges.forEach(({ similarity }, index) => near(similarity, expected.similarities[index]));
    assert.deepEqual(tree.regions.map(({ box }) => box), expected.boxes);
    assert.deepEqual(tree.regions.map(({ size }) => size), expected.sizes);
  }
});

test("the best boxes so far equal Python's", () => {
  for (const { without, steps } of trees) {
    for (const { merges, best, recall } of steps) {
      const found = widget.bestSoFar(grown(without), merges, truth);
      found.forEach(({ value }, index) => near(value, best[index]));
      near(found.filter(({ value }) => value >= 0.5).length / truth.length, recall);
    }
  }
});

test("every merge leaves one region less, and the last one is the scene", () => {
  const tree = grown("");
  for (const done of [0, 1, 7, tree.merges.length]) {
    assert.equal(new Set(widget.ownersAfter(tree, done)).size, tree.first - done);
  }
  assert.deepEqual(tree.regions.at(-1).box, [0, 0, side, side]);
});

test("the state is told in words", () => {
  const tree = grown("");
  assert.match(widget.sentence(tree, 0, widget.bestSoFar(tree, 0, truth)), /^Before the first merge \d+ regions are left/);
  assert.match(widget.sentence(tree, 3, widget.bestSoFar(tree, 3, truth)), /^After 3 of \d+ merges .* recall [01]\.\d\d\.$/);
});
