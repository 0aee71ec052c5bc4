// The chart's filters against the vectors that the Python module has written, and what it says in words.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/ilsvrc.mjs";

const { records, cases } = JSON.parse(readFileSync(new URL("../vectors/ilsvrc.json", import.meta.url), "utf8"));

test("every filter shows what Python shows", () => {
  for (const { view, chosen, drawn } of cases) {
    assert.deepEqual(widget.chosen(records, view), chosen);
    assert.deepEqual(widget.drawn(records, view), drawn);
  }
});

test("what is mixed and who is not beaten equals Python's", () => {
  for (const { view, drawn, mixed, unbeaten } of cases) {
    assert.deepEqual(widget.mixed(drawn.map((index) => records[index])), mixed);
    const points = drawn.map((index) => [records[index][view.across], records[index][view.up]]);
    assert.deepEqual(widget.paretoFront(points).map((place) => drawn[place]), unbeaten);
  }
});

test("the chart says what may be ranked and what may not", () => {
  const say = ({ view, chosen, drawn }) => widget.judge(drawn.map((index) => records[index]), chosen.length - drawn.length, view);
  assert.match(say(cases[1]), /differ in pictures \(test, validation\), training data \(more, provided\), networks .* and crops .*: do not rank them\.$/);
  assert.match(say(cases[2]), /All were measured alike: these may be ranked\.$/);
  assert.match(say(cases[7]), /have no known number of multiply-adds\./);
  assert.equal(widget.judge([], 0, cases[0].view), "No result is like that.");
  assert.equal(widget.judge([records[0]], 1, { across: "layers", up: "top5" }), "One result. 1 more has no known number of layers.");
});

test("a result is described with all its conditions", () => {
  const winner = records.find((entry) => entry.method === "GoogLeNet" && entry.measured_on === "test");
  assert.equal(widget.describe(winner, "top5"),
    "GoogLeNet, 2014, 22 layers: top-5 error 6.656 % on the test pictures; 7 networks, 144 crops, provided data. "
    + "It has 7 million parameters and 1.6 trillion multiply-adds for an answer.");
  const shallow = records.find((entry) => entry.networks === null);
  assert.match(widget.describe(shallow, "top5"), /no network, many or unknown crops, provided data\.$/);
});

test("ticks are round numbers inside the axis", () => {
  assert.deepEqual(widget.ticks(0, 30), [0, 10, 20, 30]);
  assert.deepEqual(widget.ticks(2009.5, 2017.5), [2010, 2012, 2014, 2016]);
  assert.deepEqual(widget.ticks(3, 30, true), [5, 10, 20]);
  assert.ok(widget.ticks(1, 1e6, true).length <= 8);
});

test("large numbers are told in words", () => {
  assert.equal(widget.large(60_965_224), "61 million");
  assert.equal(widget.large(15_470_264_320), "15.5 billion");
  assert.equal(widget.large(1.5953e12), "1.6 trillion");
});
