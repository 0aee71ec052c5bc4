// The widget's pooling and detector against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/pooling.mjs";

const { maps, detector, photo, eye, view, moves } =
  JSON.parse(readFileSync(new URL("../vectors/pooling.json", import.meta.url), "utf8"));

function assertClose(actual, expected, message) {
  assert.deepEqual([actual.height, actual.width], [expected.height, expected.width], message);
  expected.values.forEach((value, index) =>
    assert.ok(Math.abs(actual.values[index] - value) < 2e-6, `${message}: ${actual.values[index]} is not ${value}`));
}

test("every kind of pooling equals Python's", () => {
  for (const { map, size, pooled } of maps) {
    for (const kind of widget.KINDS) assertClose(widget.pool(kind, map, size), pooled[kind], `${kind} ${size}`);
  }
});

test("the low-pass filter equals Python's", () => {
  for (const { map, size, blur } of maps) assertClose(widget.blur(map, size, 5), blur, `blur ${size}`);
  assert.deepEqual(widget.binomial(3), [0.25, 0.5, 0.25]);
});

test("the detector equals Python's", () => {
  assertClose(widget.detect(detector.image, detector.template), detector.response, "response");
  const flat = { values: new Array(25).fill(0.5), height: 5, width: 5 };
  assert.ok(widget.detect(flat, detector.template).values.every((value) => value === 0));
});

test("the widget's scene equals Python's after every move", () => {
  const picture = { ...photo, values: photo.values.map((byte) => byte / 255) };
  const whole = widget.detect(picture, widget.crop(picture, eye[0], eye[1], eye[2], eye[2]));
  const side = view[2] - eye[2] + 1;
  for (const { right, down, kind, window, pooled } of moves) {
    const response = widget.crop(whole, view[0] - down, view[1] - right, side, side);
    assertClose(widget.pool(kind, response, window), pooled, `${kind} moved by ${right}, ${down}`);
  }
});

test("the first of equal maxima is the peak", () => {
  assert.deepEqual(widget.peak({ values: [0, 2, 2, 1], height: 2, width: 2 }), [0, 1]);
});

test("a move by whole units leaves no gap, any other does", () => {
  const width = 24;
  const wave = (shift) => ({
    values: Array.from({ length: 8 * width }, (_, index) => 1 + Math.sin((index % width) - shift)), height: 8, width,
  });
  const gap = (right) => widget.gapAfterMoving(
    widget.pool("maximum", wave(0), 4), widget.pool("maximum", wave(right), 4), right, 0, 4);
  assert.ok(gap(4) < 1e-12 && gap(-8) < 1e-12);
  assert.ok(gap(2) > 0.05);
});

test("an unknown kind is refused", () => {
  assert.throws(() => widget.pool("median", maps[0].map, 2), { name: "RangeError", message: /no kind 'median'/ });
});

test("results are told in words", () => {
  assert.equal(widget.sentence(3, -1, 0.25, 1),
    "Moved 3 to the right and 1 up. Where the eye was at the start, the detector answers 0.25, and the pooled unit 1.");
  assert.match(widget.judge(4, 0, 4, 0), /multiple of 4: the pooled map has moved by whole units/);
  assert.match(widget.judge(3, 0, 4, 0.2), /no multiple of 4: .* differs by 20 %/);
  assert.match(widget.judge(0, 0, 4, 0), /^Move the picture/);
});
