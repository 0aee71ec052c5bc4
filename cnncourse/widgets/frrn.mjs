/**
 * The two streams of a full-resolution residual network, unit by unit: size, channels, bytes, and maps of a trained one.
 * The functions mirror `cnncourse.applications.frrn.streams`; tests/vectors/frrn.json checks both.
 */
import { bytesOf, h, panel, put, refill, svg } from "./kit.mjs";

/** @typedef {{ factor: number, pooling: number, residual: number, poolingBytes: number, residualBytes: number }} Row */

/** The side of a picture after padding to a multiple of the largest factor. @param {number[][]} units */
export function paddedSide(units, side) {
  const largest = Math.max(1, ...units.map(([, factor]) => factor));
  return Math.ceil(side / largest) * largest;
}

/**
 * Channels and bytes (float32) of both streams where they part and behind each unit.
 * @param {number[][]} units pairs of width and factor @returns {Row[]}
 */
export function streamRows(units, { side, base, lanes }) {
  const whole = paddedSide(units, side);
  return [[1, 1], ...units].map(([width, factor]) => ({
    factor, pooling: width * base, residual: lanes,
    poolingBytes: 4 * width * base * (whole / factor) ** 2, residualBytes: 4 * lanes * whole ** 2,
  }));
}

/** @param {number} bytes */
export function mebibytes(bytes) {
  const hundredths = Math.floor((bytes * 100) / 2 ** 20 + 0.5);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")} MiB`;
}

/** The chosen place in words. */
export function sentence(units, state) {
  const rows = streamRows(units, state);
  const place = Math.min(state.place, rows.length - 1);
  const row = rows[place];
  const whole = paddedSide(units, state.side);
  const small = whole / row.factor;
  const where = place === 0 ? "Where the streams part" : `Behind unit ${place} of ${rows.length - 1}`;
  const sum = (name) => rows.slice(1).reduce((total, one) => total + one[name], 0);
  const note = whole === state.side ? "" : ` The picture is padded to ${whole}×${whole}.`;
  return `${where}: the pooling stream has ${row.pooling} channels of ${small}×${small}, ${mebibytes(row.poolingBytes)}; `
    + `the residual stream ${row.residual} channels of ${whole}×${whole}, ${mebibytes(row.residualBytes)}. `
    + `All units together: ${mebibytes(sum("poolingBytes"))} and ${mebibytes(sum("residualBytes"))}.${note}`;
}

/** Where the maps of each place begin in the bytes: [pooling, its side, residual, its side]. @param {number[][]} units */
export function mapPlaces(units, side) {
  let start = 0;
  return [[1, 1], ...units].map(([, factor]) => {
    const small = side / factor;
    const found = { pooling: start, small, residual: start + small ** 2, side };
    start += small ** 2 + side ** 2;
    return found;
  });
}

// The view --------------------------------------------------------------------------------------------------------

const WIDTH = 480;
const [TOP, SQUARE, FLOOR, TALL] = [14, 64, 176, 240]; // residual row, its height, middle of the pooling row, all
const STYLE = `
.fr-chart { display: block; width: 100%; height: auto; overflow: visible; }
.fr-chart text { font-size: 13px; fill: var(--cnn-muted); }
.fr-residual { fill: var(--cnn-orange); }
.fr-pooling { fill: var(--cnn-blue); }
.fr-dim { opacity: 0.38; }
.fr-line { stroke: var(--cnn-line); fill: none; }
.fr-link { stroke: var(--cnn-muted); fill: none; stroke-width: 1.6; }
.fr-hit { fill: transparent; cursor: pointer; }
.fr-maps { display: grid; gap: 0.8rem; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); width: 100%; }
.fr-maps figure { margin: 0; }
.fr-maps figcaption { font-size: 0.85em; color: var(--cnn-muted); opacity: 1; }
.fr-maps canvas { display: block; width: 100%; max-width: 11rem; image-rendering: pixelated; border-radius: 4px; }
`;

/** Both streams as rows of blocks: as high as the maps are, as dark as the place is chosen; bytes below. */
function diagram(rows, place, label, choose) {
  const step = WIDTH / rows.length;
  const most = Math.max(...rows.flatMap((row) => [row.poolingBytes, row.residualBytes]));
  const wide = Math.min(22, step * 0.62);
  const middle = (index) => (index + 0.5) * step;
  const block = (kind, index, centre, height) => svg("rect", {
    class: `${kind} ${index === place ? "" : "fr-dim"}`, x: middle(index) - wide / 2, y: centre - height / 2, width: wide, height, rx: 2,
  });
  const bar = (kind, index, shift, bytes) => svg("rect", {
    class: `${kind} ${index === place ? "" : "fr-dim"}`, x: middle(index) + shift - (shift < 0 ? wide / 2 - 1 : 0),
    y: TALL + 60 - (52 * bytes) / most, width: wide / 2 - 1, height: (52 * bytes) / most,
  });
  return svg("svg", { class: "fr-chart", viewBox: `0 0 ${WIDTH} ${TALL + 78}`, role: "img", "aria-label": label },
    svg("text", { x: 0, y: 10 }, "residual stream"), svg("text", { x: 0, y: FLOOR + 50 }, "pooling stream"),
    svg("path", { class: "fr-line", d: `M${middle(0)} ${TOP + 36}H${middle(rows.length - 1)}` }),
    svg("path", { class: "fr-line", d: `M${middle(0)} ${FLOOR}H${middle(rows.length - 1)}` }),
    rows.map((row, index) => [
      index === place && svg("path", { class: "fr-link", d: `M${middle(index)} ${TOP + 40}V${FLOOR}` }),
      block("fr-residual", index, TOP + 36, SQUARE * 0.8),
      block("fr-pooling", index, FLOOR, Math.max(4, (SQUARE * 0.8) / Math.sqrt(row.factor))),
      bar("fr-pooling", index, -1, row.poolingBytes), bar("fr-residual", index, 1, row.residualBytes),
      svg("rect", { class: "fr-hit", x: index * step, y: 0, width: step, height: TALL + 64, onclick: () => choose(index) }),
    ]),
    svg("text", { x: 0, y: TALL + 76 }, "bytes behind each unit"));
}

function picture(caption, pixels, side, colour) {
  const canvas = h("canvas", { width: side, height: side, role: "img", "aria-label": caption });
  const rgba = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let index = 0; index < side * side; index += 1) {
    for (let channel = 0; channel < 3; channel += 1) rgba[4 * index + channel] = pixels[colour ? 3 * index + channel : index];
  }
  canvas.getContext("2d").putImageData(new ImageData(rgba, side, side), 0, 0);
  return h("figure", {}, canvas, h("figcaption", {}, caption));
}

/** Scene, maps of the chosen place, truth and answer of the trained network. */
function gallery(model, units, place) {
  const side = model.get("map_side");
  const [maps, shown] = [bytesOf(model.get("maps")), bytesOf(model.get("pictures"))];
  const at = mapPlaces(units, side)[place];
  const part = (index) => shown.subarray(index * side * side * 3, (index + 1) * side * side * 3);
  return [
    picture("scene", part(0), side, true),
    picture("residual stream, one channel", maps.subarray(at.residual, at.residual + side * side), side, false),
    picture(`pooling stream, one channel of ${at.small}×${at.small}`, maps.subarray(at.pooling, at.residual), at.small, false),
    picture("the network's answer", part(2), side, true),
    picture("truth", part(1), side, true),
  ];
}

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "The two streams of a full-resolution residual network", style: STYLE });
  const [chart, maps] = [h("div", { style: "width: 100%" }), h("div", { class: "fr-maps" })];
  const say = h("p", { class: "cnn-say" });
  const gallerySay = h("p", { class: "cnn-say" });
  const unitsNow = () => model.get("stages")[model.get("plan")];
  const place = () => Math.min(model.get("place"), unitsNow().length);
  const go = (step) => put(model, { place: Math.max(0, Math.min(unitsNow().length, place() + step)) });
  ui.add(
    h("div", { class: "cnn-controls" },
      ui.choice("plan", { label: "Network", options: [["A", "FRRN-A"], ["B", "FRRN-B"], ["narrow", "narrow"]] }),
      ui.slider("side", { label: "Side of the picture", min: 8, max: 1024, step: 8, format: (side) => `${side} pixels` }),
      ui.slider("base", { label: "Channels of the first layer", min: 4, max: 64, step: 4 }),
      h("div", { class: "cnn-row" }, ui.button("Previous unit", () => go(-1)), ui.button("Next unit", () => go(1)))),
    h("div", { class: "cnn-part" }, chart), say,
    h("div", { class: "cnn-part" }, gallerySay, maps));
  ui.watch(["plan", "side", "base", "place"], () => {
    const units = unitsNow();
    const state = { side: model.get("side"), base: model.get("base"), lanes: model.get("lanes")[model.get("plan")], place: place() };
    say.textContent = sentence(units, state);
    refill(chart, diagram(streamRows(units, state), place(), say.textContent, (index) => put(model, { place: index })));
    const shown = model.get("plan") === "narrow";
    gallerySay.textContent = shown
      ? `The trained narrow network at this place, for a scene of ${model.get("map_side")}×${model.get("map_side")} pixels:`
      : "Choose the narrow network to see maps of a trained one.";
    refill(maps, shown ? gallery(model, units, place()) : []);
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

export default { render };
