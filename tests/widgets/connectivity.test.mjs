// The widget's counting against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/connectivity.mjs";

const { layers, matrices } = JSON.parse(readFileSync(new URL("../vectors/connectivity.json", import.meta.url), "utf8"));
const lecture = { image_size: 1000, channels: 1, filters: 100, kernel_size: 10, bias: false };

test("weights and bytes equal Python's to the last digit", () => {
  assert.ok(layers.length > 40);
  for (const { layer, weights, bytes } of layers) {
    for (const regime of widget.REGIMES) {
      assert.equal(String(widget.countWeights(regime, layer)), weights[regime], JSON.stringify(layer));
    }
    assert.equal(String(widget.responseBytes(layer)), bytes);
  }
});

test("the drawn weights are those of real layers", () => {
  for (const regime of widget.REGIMES) {
    const drawn = Array.from({ length: 9 }, (_, unit) =>
      Array.from({ length: 25 }, (__, pixel) => widget.weightBetween(regime, unit, pixel)));
    assert.deepEqual(drawn, matrices[regime]);
  }
});

test("an unknown regime is refused", () => {
  assert.throws(() => widget.countWeights("tied", lecture), { name: "RangeError", message: /no regime 'tied'/ });
});

test("numbers are told as one reads them", () => {
  const told = { 34944: "34,944", 10100: "10,100", 1000000: "1 million", 105705600: "105.7 million", 999960000: "1 billion" };
  for (const [number, words] of Object.entries(told)) assert.equal(widget.inWords(BigInt(number)), words);
  assert.equal(widget.inWords(10n ** 14n), "100 trillion");
  assert.equal(widget.inWords(18_014_398_509_481_984n), "18 quadrillion");
});

test("bytes are told in decimal units", () => {
  assert.equal(widget.inBytes(400_000_000n), "400 MB");
  assert.equal(widget.inBytes(300n), "300 bytes");
  assert.equal(widget.inBytes(4n * 10n ** 14n), "400 TB");
  assert.equal(widget.inBytes(999_999n), "1 MB");
});

test("each regime is explained in a sentence", () => {
  assert.equal(widget.explain("full", lecture),
    "Each of the 100 million units sees all 1 million values of the input, with weights of its own.");
  assert.equal(widget.explain("local", lecture), "Each of the 100 million units sees 100 values, with weights of its own.");
  assert.equal(widget.explain("shared", lecture),
    "The units of each of the 100 maps see 100 values each, and all use the same 100 weights.");
  assert.match(widget.explain("shared", { ...lecture, filters: 1 }), /^The units of the one map/);
  assert.equal(widget.explainUnit("shared", 5),
    "The unit at row 2, column 3 sees 9 pixels, through 9 weights that all 9 units use.");
  assert.match(widget.explainUnit("full", 0), /25 weights that no other unit uses/);
});
