// The widget's counting against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/vgg.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/vgg.json", import.meta.url), "utf8"));

test("stacks and single layers cost what Python says", () => {
  for (const { layers, channels, size, stack, single } of vectors) {
    assert.deepEqual(widget.stackCosts(layers, channels, size), stack, JSON.stringify(layers));
    assert.deepEqual(widget.oneLayer(layers, channels, size), single, JSON.stringify(layers));
  }
});

test("the units that the top unit sees end with the field", () => {
  for (const { layers, stack } of vectors) {
    const seen = widget.seenUnits(layers);
    assert.equal(seen[0], stack.field);
    assert.equal(seen.at(-1), 1);
  }
  assert.deepEqual(widget.seenUnits([[3, 1], [3, 1], [3, 1]]), [7, 5, 3, 1]);
});

test("the comparison is told in words", () => {
  const three = [[3, 1], [3, 1], [3, 1]];
  assert.equal(widget.judge(widget.stackCosts(three, 64, 56), widget.oneLayer(three, 64, 56)),
    "The top unit sees 7×7 pixels; there is one for every pixel along each axis. Beside one 7×7 layer the stack has 45 % fewer weights and "
    + "45 % fewer multiply-adds, and 3 ReLUs in place of one.");
  const late = [[3, 1], [3, 1], [3, 1], [3, 1], [3, 4]];
  assert.match(widget.judge(widget.stackCosts(late, 16, 56), widget.oneLayer(late, 16, 56)), /every 4 pixels.* 63 % fewer weights and \d+ % more multiply-adds/);
  assert.match(widget.judge(widget.stackCosts([[11, 4]], 16, 56), widget.oneLayer([[11, 4]], 16, 56)), /add another/);
});

test("numbers are short enough to read", () => {
  assert.equal(widget.readable(110592), "110,592");
  assert.equal(widget.readable(346816512), "346.8 M");
  assert.equal(widget.readable(15470264320), "15.47 G");
  assert.equal(widget.readable(27), "27");
});
