// The builder's arithmetic against the numbers that Python has counted from real modules.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/googlenet.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/googlenet.json", import.meta.url), "utf8"));
const named = vectors.filter(({ module }) => module.name);

test("presets are GoogLeNet's modules in their places", () => {
  assert.deepEqual(Object.keys(widget.PRESETS), named.map(({ module }) => module.name));
  for (const { module } of named) {
    const { name, ...rest } = module;
    assert.deepEqual(widget.preset(name), rest);
  }
});

test("costs equal Python's, with all, some and none of the reductions", () => {
  for (const { module, cost, naive, single3, single5 } of vectors) {
    assert.deepEqual(widget.cost(module), cost);
    assert.deepEqual(widget.cost(widget.naive(module)), naive);
    assert.deepEqual(widget.single(module, cost.channels, 3), single3);
    assert.deepEqual(widget.single(module, cost.channels, 5), single5);
  }
});

test("stacks equal Python's, and naive ones grow", () => {
  for (const { module, stack, naive_stack } of vectors) {
    assert.deepEqual(widget.stacked(module, 3), stack);
    const channels = widget.stacked(widget.naive(module), 3).map((one) => one.channels);
    assert.deepEqual(channels, naive_stack);
    assert.ok(channels[0] > module.in_channels && channels[2] > channels[1]);
  }
});

test("numbers are short and grouped", () => {
  assert.equal(widget.grouped(163664), "163,664");
  assert.equal(widget.rounded(128049152), "128 M");
  assert.equal(widget.rounded(1213000000), "1.21 G");
  assert.equal(widget.rounded(999600000), "1 G");
  assert.equal(widget.rounded(9408), "9,408");
  assert.equal(widget.rounded(20480), "20.5 k");
});

test("the cost is told in words, and a reduction that reduces nothing is named", () => {
  const module = widget.preset("3a");
  assert.equal(widget.sentence(module), "163,696 parameters, 128 M multiply-adds, 256 channels out. "
    + "That is 0.42 times the multiply-adds of the naive module, which makes 416 channels.");
  assert.match(widget.sentence(widget.naive(module)), /No reduction: the output can only be wider/);
  assert.match(widget.sentence({ ...module, ch5x5red: 192 }), /before 5×5 reduces nothing/);
});

test("a stack is told in words", () => {
  assert.equal(widget.stackSentence(widget.preset("3a"), 1),
    "After one module: naive 416 channels and 303 M multiply-adds, as built 256 channels and 128 M.");
  assert.match(widget.stackSentence(widget.preset("3a"), 4), /^After 4 modules: naive 1,088 channels/);
});
