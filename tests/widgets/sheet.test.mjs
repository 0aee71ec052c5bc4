// What the pen leaves on the sheet.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dotted, stroked } from "../../cnncourse/widgets/sheet.mjs";

test("a dot is dark in its middle, a stroke has no gaps, and ink is never taken away", () => {
  const paper = new Uint8Array(784);
  assert.equal(dotted(paper, 28, 10.5, 5.5)[5 * 28 + 10], 255);
  const line = stroked(paper, 28, [2.5, 7.5], [20.5, 7.5]);
  for (let column = 2; column <= 20; column += 1) assert.equal(line[7 * 28 + column], 255);
  assert.ok(dotted(line, 28, 0, 0).every((value, index) => value >= line[index]));
});
