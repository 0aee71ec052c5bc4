// The widget's arithmetic against the vectors that the Python module has written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/stride_arithmetic.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/stride_arithmetic.json", import.meta.url), "utf8"));
const possible = vectors.filter(({ error }) => !error);

test("there are possible and impossible geometries", () => {
  assert.ok(possible.length > 100 && vectors.length - possible.length > 10);
});

test("sizes equal Python's, rounded down and rounded up", () => {
  for (const { geometry, output_size, output_size_ceil } of possible) {
    assert.equal(widget.outputSize(geometry), output_size, JSON.stringify(geometry));
    assert.equal(widget.outputSize({ ...geometry, ceil_mode: true }), output_size_ceil, JSON.stringify(geometry));
  }
});

test("windows, unread pixels and lost borders equal Python's", () => {
  for (const { geometry, output_size, last_window, unread_pixels, lost_border } of possible) {
    assert.deepEqual(widget.window_(output_size - 1, geometry), last_window);
    assert.deepEqual(widget.unreadPixels(geometry), unread_pixels);
    assert.equal(widget.lostBorder(geometry), lost_border);
  }
});

test("impossible geometry is refused in Python's words", () => {
  for (const { geometry, error } of vectors.filter(({ error }) => error)) {
    assert.throws(() => widget.outputSize(geometry), { name: "RangeError", message: error });
  }
});

test("the formula's steps lead to the size", () => {
  for (const { geometry, output_size } of possible) {
    const { room, stride } = widget.steps(geometry);
    assert.equal(Math.floor(Number(room.replace("−", "-")) / Number(stride)) + 1, output_size);
  }
});

test("every element of a window is counted once", () => {
  for (const { geometry, output_size } of possible) {
    const { input, padding, beyond } = widget.countReads(output_size - 1, 0, geometry);
    assert.equal(input + padding + beyond, geometry.kernel_size ** 2);
    assert.equal(beyond, 0);
  }
});

test("losses are told in words", () => {
  const lecture = { input_size: 7, kernel_size: 3, stride: 3, padding: 0, dilation: 1 };
  assert.equal(widget.losses(lecture),
    "13 of 49 input pixels are never read. 1 row and 1 column at the end of the padded input are given up.");
  assert.equal(widget.losses({ ...lecture, stride: 1 }), "Every input pixel is read.");
  assert.match(widget.losses({ ...lecture, ceil_mode: true }), /hangs over the end/);
  const dropped = { input_size: 3, kernel_size: 2, stride: 4, padding: 1, dilation: 1, ceil_mode: true };
  assert.match(widget.losses(dropped), /so it is dropped/);
});

test("a window is told in words", () => {
  const geometry = { input_size: 7, kernel_size: 3, stride: 3, padding: 1, dilation: 1 };
  assert.equal(widget.sentence(0, 1, geometry), "Output row 1, column 2 reads 6 input pixels and 3 zeros of padding.");
});
