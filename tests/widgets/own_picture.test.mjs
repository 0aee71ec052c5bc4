// The page's compressed network against torch, its sparse layers against plain sums, and the words of the widget.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fetchFiles } from "../../cnncourse/widgets/host.mjs";
import { arrived } from "../../cnncourse/widgets/kit.mjs";
import * as widget from "../../cnncourse/widgets/own_picture.mjs";
import * as crew from "../../cnncourse/widgets/recognizer.mjs";
import * as engine from "../../cnncourse/widgets/sparse_network.mjs";
import { numbers } from "./networks.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/own_picture.json", import.meta.url), "utf8"));
const root = fileURLToPath(new URL("../../", import.meta.url));
const python = process.env.PYTHON ?? `${root}.venv/bin/python`;
const TOLERANCE = 1e-3;

function fromPython(program) {
  return new Uint8Array(execFileSync(python, ["-c", `import sys; ${program}`], { cwd: root, maxBuffer: 2 ** 25, stdio: ["ignore", "pipe", "ignore"] }));
}

function network() {
  if (!existsSync(python)) return [null, `no Python at ${python} that writes the network`];
  try {
    return [fromPython("from cnncourse.applications.own_picture.page_file import write_compressed; sys.stdout.buffer.write(write_compressed())"), false];
  } catch {
    return [null, "the compressed network is not on this machine"];
  }
}
const [file, skip] = network();

test("the six photographs get torch's logits and torch's five first names", { skip }, async () => {
  const opened = await crew.openNetwork(file);
  const { side, resize } = opened.about;
  const bytes = fromPython("sys.path.insert(0, 'tests'); from vectors.own_picture import rgba; sys.stdout.buffer.write(rgba())");
  const view = new DataView(bytes.buffer);
  let place = 0;
  for (const { name, labels, logits } of vectors.photographs) {
    const [height, width] = [view.getUint32(place, true), view.getUint32(place + 4, true)];
    const data = new Uint8ClampedArray(bytes.slice(place + 8, (place += 8 + 4 * height * width)).buffer);
    const found = opened.answer(crew.seenPart({ data, width, height }, resize, side));
    assert.deepEqual(crew.best(found, 5), labels, name);
    for (const [label, value] of Object.entries(logits)) assert.ok(Math.abs(found[label] - value) < TOLERANCE, `${name}, logit ${label}: ${found[label]} is not ${value}`);
    const map = opened.mapOf(labels[0]);
    const mean = map.values.reduce((sum, value) => sum + value, 0) / map.values.length;
    assert.ok(Math.abs(mean - found[labels[0]]) < TOLERANCE, "the logit is the mean of its map");
  }
});

/** Bytes as `deep_compression.encode` writes them, from dense weights of few values, part by part. */
function encoded(parts) {
  const [counts, rest] = [[], []];
  for (const { weight, bias } of parts) {
    const shared = [...new Set([0, ...weight])].sort((one, other) => one - other);
    const [codes, gaps] = [[], []];
    let last = -1;
    weight.forEach((value, place) => {
      if (value === 0 && place - last - 1 < 15) return;
      codes.push(shared.indexOf(value));
      gaps.push(place - last - 1);
      last = place;
    });
    counts.push(codes.length);
    const packed = Array.from({ length: Math.ceil(gaps.length / 2) }, (_, index) => gaps[2 * index] | ((gaps[2 * index + 1] ?? 0) << 4));
    const values = Float32Array.from({ length: 256 }, (_, index) => shared[index] ?? Infinity);
    rest.push(new Uint8Array(values.buffer), new Uint8Array(Float32Array.from(bias).buffer), Uint8Array.from(codes), Uint8Array.from(packed));
  }
  return Uint8Array.from([...new Uint8Array(Uint32Array.from(counts).buffer), ...rest.flatMap((part) => [...part])]);
}

const few = (length) => Array.from(numbers(length), (value) => Math.fround(Math.abs(value) < 0.7 ? 0 : Math.round(4 * value) / 4));

for (const [stride, padding, window, width] of [[1, 0, 1, 5], [1, 1, 3, 13], [2, 0, 7, 19], [2, 1, 3, 10], [3, 2, 4, 17]]) {
  test(`a sparse layer is the plain sum: window ${window}, stride ${stride}, padding ${padding}`, () => {
    const input = { channels: 3, height: 11, width };
    const parts = [{ outputs: 5, window }];
    const weight = few(5 * 3 * window ** 2);
    const bias = numbers(5);
    const header = { input, layers: [{ name: "only", kind: "convolution", window, stride, padding, parts }] };
    const [layer] = engine.readLayers(header, encoded([{ weight, bias }]));
    const room = engine.newRoom({ input, layers: [layer] });
    room.maps[0].set(numbers(room.maps[0].length));
    const found = engine.run({ layers: [layer] }, room);
    const { output } = layer;
    for (let o = 0; o < 5; o += 1) for (let row = 0; row < output.height; row += 1) for (let column = 0; column < output.width; column += 1) {
      let sum = bias[o];
      for (let c = 0; c < 3; c += 1) for (let y = 0; y < window; y += 1) for (let x = 0; x < window; x += 1) {
        const [v, u] = [row * stride + y - padding, column * stride + x - padding];
        if (v >= 0 && v < 11 && u >= 0 && u < width) sum += weight[((o * 3 + c) * window + y) * window + x] * room.maps[0][(c * 11 + v) * width + u];
      }
      assert.ok(Math.abs(found[(o * output.height + row) * output.width + column] - Math.max(0, sum)) < 1e-5, `${o}, ${row}, ${column}`);
    }
  });
}

test("two layers side by side are one, with the small windows in the middle", () => {
  const input = { channels: 2, height: 4, width: 4 };
  const header = { input, layers: [{ name: "expand", kind: "convolution", window: 3, stride: 1, padding: 1, parts: [{ outputs: 1, window: 1 }, { outputs: 1, window: 3 }] }] };
  const [layer] = engine.readLayers(header, encoded([{ weight: [0, 0.5], bias: [0] }, { weight: Array.from({ length: 18 }, (_, place) => (place === 4 ? 0.25 : 0)), bias: [1] }]));
  const room = engine.newRoom({ input, layers: [layer] });
  room.maps[0].forEach((_, place, values) => { values[place] = place; });
  const found = [...engine.run({ layers: [layer] }, room)];
  assert.deepEqual(found.slice(0, 16), Array.from({ length: 16 }, (_, place) => 0.5 * (16 + place)));
  assert.deepEqual(found.slice(16), Array.from({ length: 16 }, (_, place) => 1 + 0.25 * place));
});

test("a damaged file is refused", () => {
  const header = { input: { channels: 1, height: 3, width: 3 }, layers: [{ name: "one", kind: "convolution", window: 1, stride: 1, padding: 0, parts: [{ outputs: 1, window: 1 }] }] };
  const good = encoded([{ weight: [0.5], bias: [0] }]);
  assert.throws(() => engine.readLayers(header, Uint8Array.from([...good, 0])), /1 bytes are left over/);
  assert.throws(() => engine.readLayers(header, encoded([{ weight: [0, 0.5], bias: [0] }])), /outside of its layer/);
  assert.throws(() => engine.outputOf({ kind: "attention" }, header.input), /does not know: attention/);
});

test("a last window that sticks out is kept, and takes what lies inside", () => {
  const [input, output] = [{ channels: 1, height: 4, width: 4 }, { channels: 1, height: 2, width: 2 }];
  assert.deepEqual(engine.outputOf({ kind: "maximum", window: 3, stride: 2 }, input), output);
  const result = new Float32Array(4);
  engine.maximumInside(Float32Array.from({ length: 16 }, (_, place) => place), { input, output, window: 3, stride: 2 }, result);
  assert.deepEqual([...result], [10, 11, 14, 15]);
});

test("a picture is made smaller, cut out and hashed as in Python", () => {
  const { picture, height, width, resize, side, values, hash } = vectors.resizing;
  const data = new Uint8ClampedArray(4 * height * width);
  picture.forEach((value, place) => { data[4 * Math.floor(place / 3) + (place % 3)] = value; });
  const found = crew.seenPart({ data, width, height }, resize, side);
  found.forEach((value, place) => assert.ok(Math.abs(value - values[place]) < 1e-5, `${place}: ${value}, ${values[place]}`));
  assert.equal(crew.differenceHash(found, side).map(Number).join(""), hash);
});

test("a square hides its cell in all channels, and nothing else", () => {
  const hidden = crew.covered(new Float32Array(3 * 28 * 28), 28, 0, 6);
  assert.equal(hidden[27], 0.5);
  assert.equal(hidden[2 * 784 + 27], 0.5);
  assert.equal(hidden[0] + hidden[783] + hidden[27 * 28], 0);
});

test("sizes are read from the first bytes of a file", () => {
  const bytes = (start, rest = {}) => { const all = new Uint8Array(64); all.set(start); for (const [at, value] of Object.entries(rest)) all[at] = value; return all; };
  assert.deepEqual(widget.statedSize(bytes([0x89, 0x50, 0x4e, 0x47], { 18: 1, 23: 7 })), [256, 7]);
  assert.deepEqual(widget.statedSize(bytes([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 5, 1, 9])), [261, 9]);
  assert.deepEqual(widget.statedSize(bytes([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 17, 8, 0, 9, 1, 0])), [256, 9]);
  assert.deepEqual(widget.statedSize(bytes([0x52, 0x49, 0x46, 0x46, 0, 0, 0, 0, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x58], { 24: 9, 27: 4 })), [10, 5]);
  assert.equal(widget.statedSize(bytes([1, 2, 3])), null);
  assert.equal(widget.statedSize(Uint8Array.of(0xff, 0xd8)), null);
});

test("huge and empty files are refused in words", () => {
  assert.equal(widget.refusal("a.png", 10, [100, 100]), "");
  assert.match(widget.refusal("a.png", 10, [30000, 30000]), /a\.png has 30000×30000 pixels; this page takes at most 80 million/);
  assert.match(widget.refusal("a.png", 41e6, null), /41 MB/);
  assert.match(widget.refusal("a.png", 0, null), /empty/);
});

test("answers are said with care", () => {
  const names = ["tabby", "lynx"];
  assert.equal(widget.verdict(names, [0.9, 0.1], 20, 17), "I see: tabby, with 90\u00a0%.");
  assert.match(widget.verdict(names, [0.5, 0.4], 20, 17), /not sure: tabby with 50.*lynx with 40/);
  assert.match(widget.verdict(names, [0.09, 0.08], 20, 17), /do not recognize this: no name reaches 20.*tabby, with 9/);
  assert.match(widget.verdict(names, [0.99, 0.01], 12, 17), /unlike those .* evidence 12, .* 17\. Do not believe/);
});

test("a temperature softens without changing the order; evidence is the logarithm of all exponentials", () => {
  const [sharp, soft] = [1, 3].map((one) => widget.softened([3, 1, 0], one));
  assert.ok(soft[0] < sharp[0] && soft[0] > soft[1] && soft[1] > soft[2]);
  assert.ok(Math.abs(soft.reduce((sum, value) => sum + value) - 1) < 1e-12);
  assert.ok(Math.abs(widget.evidence([1000, 1000]) - 1000 - Math.LN2) < 1e-9);
});

test("a sample is recognized in its mirror image and not in another picture", () => {
  const sample = Array.from(numbers(64), (value) => value > 0);
  const mirror = sample.map((_, place) => !sample[8 * Math.floor(place / 8) + 7 - (place % 8)]);
  assert.deepEqual(widget.seenBefore(mirror, [sample.map((bit) => !bit), sample]), { index: 1, bits: 0 });
  assert.equal(widget.seenBefore(Array.from(numbers(64), (value) => value > 0), [sample]), null);
});

test("files of samples are unpacked, and a late file comes when it is asked for", async () => {
  const packed = new Uint8Array([...new Uint8Array(Uint32Array.of(2, 1, 2).buffer), 7, 8, 9]);
  assert.deepEqual(widget.unpackSamples(packed).map((one) => [...one]), [[7], [8, 9]]);
  let asked = 0;
  const state = await fetchFiles({ weights: { $file: "own_picture.bin", $later: true } }, async () => { asked += 1; return new ArrayBuffer(3); });
  assert.equal(asked, 0);
  assert.equal((await arrived(state.weights)).byteLength, 3);
  assert.equal(asked, 1);
  assert.equal(await arrived("here"), "here");
});

test("the crew answers in messages and hides place after place", { skip }, async () => {
  const heard = [];
  const ask = crew.recognizer((message) => heard.push(message));
  ask({ type: "load", bytes: file });
  ask({ type: "look", ticket: 1, image: { data: new Uint8ClampedArray(4 * 300 * 260).fill(90), width: 300, height: 260 } });
  ask({ type: "hide", ticket: 2, target: 5 });
  for (let wait = 0; wait < 600 && !heard.some(({ type }) => type === "hidden"); wait += 1) await new Promise((resolve) => { setTimeout(resolve, 50); });
  ask({ type: "stop" });
  assert.deepEqual(heard.slice(0, 3).map(({ type }) => type), ["loaded", "seen", "hidden"]);
  assert.equal(heard[1].labels.length, 5);
  assert.equal(heard[2].total, 49);
});

test("what is no network is told", async () => {
  const heard = [];
  crew.recognizer((message) => heard.push(message))({ type: "load", bytes: new Uint8Array(40) });
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  assert.equal(heard[0].type, "failed");
});
