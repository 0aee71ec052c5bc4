// The widget's measures and outlines against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/fcn.mjs";

const cases = JSON.parse(readFileSync(new URL("../vectors/fcn.json", import.meta.url), "utf8"));
const near = (actual, expected) => {
  if (expected === null) assert.ok(Number.isNaN(actual), `${actual} is not NaN`);
  else assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);
};
const evaluated = ({ mask, truth, tolerance }) =>
  widget.evaluate({ mask: widget.labelsOf(mask), truth: widget.labelsOf(truth), width: 12, classes: 4, tolerance });

test("confusion, the four measures and the IU of each class equal Python's", () => {
  for (const one of cases) {
    const found = evaluated(one);
    assert.deepEqual(found.n, one.confusion);
    for (const name of ["pixelAccuracy", "meanAccuracy", "meanIou", "weightedIou"]) near(found[name], one[name]);
    found.ious.forEach((value, index) => near(value, one.ious[index]));
  }
});

test("the outlines of each class score as in Python", () => {
  for (const one of cases) evaluated(one).outlines.forEach((value, index) => near(value, one.outlines[index]));
});

test("a dab is a disc that stays in the picture", () => {
  assert.equal(widget.dab("0".repeat(12), 4, 1, 1, 1, 3), "030033300300");
  assert.equal(widget.dab("0".repeat(12), 4, 0, 0, 1, 2), "220020000000");
  assert.equal(widget.dab("111111111111", 4, 2, 3, 0, 0), "111111111110");
});

test("a stroke leaves no gaps", () => {
  assert.equal(widget.stroke("0".repeat(24), 12, [0, 0], [0, 11], 0, 1), "1".repeat(12) + "0".repeat(12));
  const wide = widget.stroke("0".repeat(96), 12, [1, 1], [6, 10], 2, 1);
  assert.ok(wide[6 * 12 + 10] === "1" && wide[1 * 12 + 1] === "1" && wide[4 * 12 + 6] === "1");
});

test("the words name the trap of pixel accuracy", () => {
  const truth = "1" + "0".repeat(107);
  assert.match(widget.sentence(evaluated({ mask: "0".repeat(108), truth, tolerance: 1 })), /^Pixel accuracy 0.99,.*mean IU 0.50/);
  const worse = evaluated({ mask: "2".repeat(2) + "0".repeat(106), truth, tolerance: 1 });
  assert.match(widget.sentence(worse), /Most pixels are background/);
  assert.doesNotMatch(widget.sentence(evaluated({ mask: truth, truth, tolerance: 0 })), /Most pixels/);
});
