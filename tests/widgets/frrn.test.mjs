// The widget's streams and words against the vectors that the Python modules have written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/frrn.mjs";

const { stages, lanes, cases } = JSON.parse(readFileSync(new URL("../vectors/frrn.json", import.meta.url), "utf8"));

test("channels and bytes of both streams equal Python's", () => {
  for (const { state, rows } of cases) {
    const found = widget.streamRows(stages[state.plan], { ...state, lanes: lanes[state.plan] });
    assert.deepEqual(found.map((row) => [row.factor, row.pooling, row.residual, row.poolingBytes, row.residualBytes]), rows);
  }
});

test("the words equal Python's", () => {
  for (const { state, words } of cases) {
    assert.equal(widget.sentence(stages[state.plan], { ...state, lanes: lanes[state.plan] }), words);
  }
});

test("bytes are rounded half up to hundredths", () => {
  assert.equal(widget.mebibytes(2 ** 20), "1.00 MiB");
  assert.equal(widget.mebibytes(2 ** 17), "0.13 MiB");
  assert.equal(widget.mebibytes(0), "0.00 MiB");
});

test("maps lie one behind the other", () => {
  const places = widget.mapPlaces(stages.narrow, 48);
  assert.equal(places.length, stages.narrow.length + 1);
  assert.deepEqual(places[0], { pooling: 0, small: 48, residual: 2304, side: 48 });
  assert.deepEqual(places[1], { pooling: 4608, small: 24, residual: 5184, side: 48 });
});

test("pictures are padded to the largest factor", () => {
  assert.equal(widget.paddedSide(stages.B, 33), 64);
  assert.equal(widget.paddedSide(stages.A, 64), 64);
});
