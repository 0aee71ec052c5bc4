// LeNet's sheet and words; its numbers are tested with the engine (network.test.mjs) and in a browser (tests/site).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/lenet.mjs";

const cases = JSON.parse(readFileSync(new URL("../vectors/lenet.json", import.meta.url), "utf8"));

test("a moved drawing is the one that Python moves", () => {
  for (const { digit, right, down, ink } of cases) {
    const home = widget.moved(Uint8Array.from(ink), -right, -down);
    assert.deepEqual(Array.from(widget.moved(home, right, down)), ink, `digit ${digit}`);
  }
});

test("the answer is said in words, and doubt too", () => {
  const sure = [0, 0, 0, 0, 0, 0.98, 0.02, 0, 0, 0];
  const unsure = [0, 0, 0, 0.3, 0, 0.6, 0.1, 0, 0, 0];
  const ink = new Uint8Array(784).fill(1);
  assert.equal(widget.sentence(sure, ink), "LeNet reads a 5, with 98 %.");
  assert.equal(widget.sentence(unsure, ink), "LeNet is not sure: a 5 with 60 %, or a 3 with 30 %.");
  assert.match(widget.sentence(sure, new Uint8Array(784)), /empty/);
});
