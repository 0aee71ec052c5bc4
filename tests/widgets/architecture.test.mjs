// What the page reads off the tables of layers, against what Python's own table says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as widget from "../../cnncourse/widgets/architecture.mjs";

const cases = JSON.parse(readFileSync(new URL("../vectors/architecture.json", import.meta.url), "utf8"));
const layersOf = (name) => cases.find((each) => each.name === name).rows.map(widget.unpack);
const named = (layers, rows) => rows.map((row) => layers[row].name);

for (const { name, rows, blocks, shares } of cases) {
  test(`${name}: blocks and shares are Python's`, () => {
    const layers = rows.map(widget.unpack);
    const found = widget.blocksOf(layers).map(({ name: block, rows: inside, shape, parameters, multiplyAdds, field }) =>
      ({ name: block, layers: inside.length, shape, parameters, multiplyAdds, field }));
    assert.deepEqual(found, blocks);
    for (const cost of ["parameters", "multiplyAdds"]) {
      const computed = widget.shares(layers, cost);
      for (const [group, share] of Object.entries(shares[cost])) assert.ok(Math.abs(computed[group] - share) < 1e-12, group);
    }
  });

  test(`${name}: inside of every block each layer is drawn once`, () => {
    const layers = rows.map(widget.unpack);
    for (const block of widget.blocksOf(layers)) {
      const { before, lanes, after } = widget.lanesOf(layers, block.rows);
      assert.deepEqual([...before, ...lanes.flat(), ...after].sort((a, b) => a - b), block.rows);
    }
  });
}

test("a fire module squeezes once and expands twice", () => {
  const layers = layersOf("squeezenet1_0");
  const { rows } = widget.blocksOf(layers).find(({ name }) => name === "fire2");
  const { before, lanes, after } = widget.lanesOf(layers, rows);
  assert.deepEqual(named(layers, before), ["fire2.squeeze"]);
  assert.deepEqual(lanes.map((lane) => named(layers, lane)), [["fire2.expand1x1"], ["fire2.expand3x3"]]);
  assert.deepEqual(named(layers, after), ["fire2, join"]);
});

test("a shortcut is a branch without layers, or with the one that fits it", () => {
  const layers = layersOf("cifar_resnet20");
  const blocks = widget.blocksOf(layers);
  const lanes = (name) => widget.lanesOf(layers, blocks.find((block) => block.name === name).rows).lanes.map((lane) => named(layers, lane));
  assert.deepEqual(lanes("layer1.0"), [["layer1.0.conv1", "layer1.0.conv2"], []]);
  assert.deepEqual(lanes("layer2.0"), [["layer2.0.conv1", "layer2.0.conv2"], ["layer2.0.downsample"]]);
});

test("a name leads to its block, to its layer, or else to the picture", () => {
  const layers = layersOf("squeezenet1_0");
  const blocks = widget.blocksOf(layers);
  const fire = blocks.findIndex(({ name }) => name === "fire2");
  assert.deepEqual(widget.find(blocks, layers, "fire2"), { place: fire, row: null });
  assert.deepEqual(widget.find(blocks, layers, "fire2.squeeze"), { place: fire, row: 3 });
  assert.deepEqual(widget.find(blocks, layers, "fc6"), { place: 0, row: null });
});

test("drawings keep the scale that the page states", () => {
  const [large, small] = [widget.drawnSize([256, 56, 56]), widget.drawnSize([64, 28, 28])];
  assert.ok(Math.abs(large.side ** 2 / small.side ** 2 - 2) < 1e-12); // four times as many pixels, twice the area
  assert.ok(Math.abs(large.thickness / small.thickness - 2) < 1e-12);
  assert.ok(widget.drawnSize([1, 32, 32]).thickness >= 2);
});

test("numbers are short and shares never lie", () => {
  assert.deepEqual([61_100_840, 15_470_264_320, 4_096, 156].map(widget.rough), ["61.1 M", "15.5 G", "4.1 k", "156"]);
  assert.deepEqual([0, 0.0004, 0.894, 0.9996, 1].map(widget.percent), ["0 %", "under 0.1 %", "89.4 %", "over 99.9 %", "100 %"]);
});

test("a layer is said in words", () => {
  const layers = layersOf("alexnet_two_towers");
  const said = (name) => widget.sentence(layers.find((layer) => layer.name === name), layers);
  assert.equal(said("conv2"),
    "conv2: 5×5 convolution in 2 groups, then ReLU, local response normalization. It makes 256 maps of 27×27, with 307,456 "
    + "parameters, 0.5 % of all, and 223,948,800 multiply-adds, 30.9 % of all. A unit sees 51×51 pixels; its neighbour looks 8 pixels further.");
  assert.match(said("fc6"), /makes 4,096 values, .* A unit sees the whole picture\.$/);
  assert.match(said("pool1"), /with no parameters, and no multiply-adds/);
  assert.equal(said("input"), "The picture: 3 channels of 227×227 pixels.");
  const small = layersOf("squeezenet1_0");
  assert.match(widget.sentence(widget.blocksOf(small).find(({ name }) => name === "fire2"), small), /^fire2: block of 4 layers\. It makes 128 maps of 55×55/);
});
