// The kit's arithmetic, watching and announcing; what needs a document is tested in a real browser (tests/site).
import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchFiles, PageModel, readState, share } from "../../cnncourse/widgets/host.mjs";
import * as kit from "../../cnncourse/widgets/kit.mjs";

const quiet = (milliseconds = 0) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("arrow keys stay inside the grid", () => {
  assert.deepEqual(kit.moveInGrid({ key: "ArrowRight" }, 0, 1, 3, 4), [0, 2]);
  assert.deepEqual(kit.moveInGrid({ key: "ArrowLeft" }, 0, 0, 3, 4), [0, 0]);
  assert.deepEqual(kit.moveInGrid({ key: "ArrowDown", shiftKey: true }, 0, 1, 3, 4), [2, 1]);
  assert.deepEqual(kit.moveInGrid({ key: "End" }, 1, 0, 3, 4), [1, 3]);
  assert.deepEqual(kit.moveInGrid({ key: "Home", ctrlKey: true }, 2, 3, 3, 4), [0, 0]);
  assert.equal(kit.moveInGrid({ key: "a" }, 0, 0, 3, 4), null);
  assert.equal(kit.moveInGrid({ key: "toString" }, 0, 0, 3, 4), null);
});

test("numbers are short and have a true minus sign", () => {
  assert.equal(kit.short(-0.126), "−0.13");
  assert.equal(kit.short(-0.0001), "0");
  assert.equal(kit.short(3), "3");
});

test("signed colours are blue below zero, pale at zero and red above", () => {
  const [low, zero, high] = [-1, 0, 1].map(kit.signedColour);
  assert.ok(low[2] > low[0]);
  assert.deepEqual(zero, [247, 247, 247]);
  assert.ok(high[0] > high[2]);
  assert.deepEqual(kit.signedColour(-9), low);
});

test("grey runs from the floor to the limit", () => {
  assert.deepEqual([...kit.colours([0, 0.5, 1, 2], { limit: 1 })].filter((_, i) => i % 4 === 0), [0, 128, 255, 255]);
  assert.deepEqual([...kit.colours([0, 0])], [0, 0, 0, 255, 0, 0, 0, 255]);
});

test("a watcher is called at once, then once for each batch, and never after its cleanup", async () => {
  const model = new PageModel({ a: 1, b: 2 });
  const seen = [];
  const stop = kit.watch(model, ["a", "b"], () => seen.push([model.get("a"), model.get("b")]));
  kit.put(model, { a: 3, b: 4 });
  await quiet();
  kit.put(model, { a: 3, b: 4 }); // nothing new
  await quiet();
  kit.put(model, { a: 5 });
  stop();
  await quiet();
  kit.put(model, { a: 6 });
  await quiet();
  assert.deepEqual(seen, [[1, 2], [3, 4]]);
});

test("the live region hears only the last of quick changes, and nothing at the beginning", async () => {
  const region = { textContent: "" };
  const announce = kit.announcer(region, 10);
  announce("built");
  await quiet(30);
  assert.equal(region.textContent, "");
  announce("one");
  announce("two");
  await quiet(40);
  assert.equal(region.textContent, "two");
});

test("bytes arrive on the page as they do in Jupyter", () => {
  const floats = new Float32Array([1.5, -2]);
  const base64 = Buffer.from(floats.buffer).toString("base64");
  const state = readState(JSON.stringify({ weights: { $bytes: base64 }, size: 2 }));
  assert.ok(state.weights instanceof DataView);
  assert.deepEqual([...kit.floatsOf(state.weights)], [1.5, -2]);
  assert.equal(state.size, 2);
});

test("shared values stay equal, other values do not, and a latecomer takes over the present value", () => {
  const models = [];
  const add = (state, names) => {
    const model = new PageModel(state);
    share(model, names, models);
    models.push(model);
    return model;
  };
  const first = add({ stride: 1, padding: 0 }, { stride: "geometry" });
  const second = add({ stride: 1, padding: 0 }, { stride: "geometry" });
  first.set("stride", 3);
  first.set("padding", 1);
  assert.deepEqual([second.get("stride"), second.get("padding")], [3, 0]);
  assert.equal(add({ stride: 1 }, { stride: "geometry" }).get("stride"), 3);
  assert.equal(add({ stride: 1 }, {}).get("stride"), 1);
});

test("what stands in a file is fetched and becomes bytes too", async () => {
  const asked = [];
  const get = async (name) => { asked.push(name); return Uint8Array.of(7, 8).buffer; };
  const state = await fetchFiles({ size: 2, none: null, weights: { $file: "network.bin" } }, get);
  assert.deepEqual([asked, state.size, state.weights.getUint8(1)], [["network.bin"], 2, 8]);
});
