// The presets of 3×3 are the kernels of the chapter's module, under the same names.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PRESETS } from "../../cnncourse/widgets/convolution.mjs";

const shared = JSON.parse(readFileSync(new URL("../vectors/hand_made_kernels.json", import.meta.url)));

test("the module's kernels are the presets of 3×3", () => {
  const presets = PRESETS.map(([name, , sizes]) => [name.toLowerCase(), sizes[3][0].map((weight) => weight / sizes[3][1])]);
  assert.deepEqual(Object.fromEntries(presets), Object.fromEntries(Object.entries(shared).map(([name, rows]) => [name, rows.flat()])));
});
