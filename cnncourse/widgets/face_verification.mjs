/**
 * Pairs of drawn faces and a threshold to move: both histograms, the ROC curve, and the pairs that change sides.
 * The functions mirror `cnncourse.applications.face_verification`; tests/vectors/face_verification.json checks both.
 */
import { bytesOf, h, paint, panel, put, refill, svg } from "./kit.mjs";

const SIDE = 32;
const BINS = 40;
const TOP = 2;

/** Distances of the chosen pairs, same and different. @returns {{ same: number[], different: number[] }} */
export function chosen({ distances, same, groups, names, group, uneven }) {
  const number = names.indexOf(group);
  const all = distances[uneven ? 1 : 0];
  const wanted = all.map((_, index) => group === "all" || groups[index] === number);
  return {
    same: all.filter((_, index) => wanted[index] && same[index]),
    different: all.filter((_, index) => wanted[index] && !same[index]),
  };
}

/** Share of distances that are at most the threshold; NaN of none. */
export function accepted(distances, threshold) {
  return distances.filter((distance) => distance <= threshold).length / distances.length;
}

/** Points of the ROC curve, from the one that accepts nothing. @returns {{ threshold: number, far: number, tar: number }[]} */
export function rocOf({ same, different }) {
  const thresholds = [...new Set([...same, ...different])].sort((a, b) => a - b);
  return [-Infinity, ...thresholds].map((threshold) =>
    ({ threshold, far: accepted(different, threshold), tar: accepted(same, threshold) }));
}

/** Where both errors are equally likely, between two points on the straight line; NaN if a kind of pair is missing. */
export function equalErrorRate(curve) {
  const gap = ({ far, tar }) => far - (1 - tar);
  const after = curve.findIndex((point) => gap(point) >= 0);
  if (after < 0) return { rate: NaN, threshold: NaN };
  const [low, high] = [curve[Math.max(0, after - 1)], curve[after]];
  const step = gap(high) - gap(low);
  const part = step > 0 ? -gap(low) / step : 0;
  return { rate: low.far + part * (high.far - low.far), threshold: high.threshold };
}

/** Numbers of distances in equal bins from 0 to 2. */
export function histogram(distances) {
  const counts = new Array(BINS).fill(0);
  for (const distance of distances) counts[Math.max(0, Math.min(BINS - 1, Math.floor((distance / TOP) * BINS)))] += 1;
  return counts;
}

/** Positions, in `values`, of the two nearest at or below the threshold and the two nearest above, in rising order. */
export function nearest(values, threshold) {
  const order = values.map((_, index) => index).sort((a, b) => values[a] - values[b] || a - b);
  const below = order.filter((index) => values[index] <= threshold).slice(-2);
  const above = order.filter((index) => values[index] > threshold).slice(0, 2);
  return [...below, ...above];
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** What the threshold does, in words. */
export function sentence({ same, different }, threshold, rate) {
  const parts = [`At a threshold of ${threshold.toFixed(2)}`];
  if (same.length) parts.push(`${percent(1 - accepted(same, threshold))} of ${same.length} same pairs are refused`);
  else parts.push("there are no same pairs to refuse");
  if (different.length) parts.push(`${percent(accepted(different, threshold))} of ${different.length} different pairs are accepted`);
  else parts.push("there are no different pairs to accept");
  const end = Number.isNaN(rate) ? "There is no equal error rate." : `The equal error rate is ${percent(rate)}.`;
  return `${parts[0]}, ${parts[1]} and ${parts[2]}. ${end}`;
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.fv-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.fv-chart { display: block; width: 100%; height: auto; overflow: visible; }
.fv-chart text { font-size: 10px; fill: var(--cnn-muted); text-anchor: middle; }
.fv-axis { fill: none; stroke: var(--cnn-line); }
.fv-same { fill: var(--cnn-blue); fill-opacity: 0.6; }
.fv-different { fill: var(--cnn-orange); fill-opacity: 0.6; }
.fv-cut { stroke: var(--cnn-ink, currentColor); stroke-width: 2; }
.fv-line { fill: none; stroke: var(--cnn-blue); stroke-width: 2; }
.fv-diagonal { stroke: var(--cnn-line); }
.fv-dot { fill: var(--cnn-orange); }
.fv-eer { fill: none; stroke: var(--cnn-green); stroke-width: 2; }
.fv-pairs { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.8rem; margin: 0; padding: 0; list-style: none; }
.fv-pair { display: block; margin: 0; font-size: 0.85em; }
.fv-pair span { display: block; }
.fv-faces { display: grid !important; grid-template-columns: 1fr 1fr; gap: 3px; max-width: 11rem; }
.fv-faces canvas { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.fv-wrong { font-weight: 700; }
@container (min-width: 34rem) {
  .fv-stage { grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr); }
  .fv-pairs { grid-template-columns: repeat(4, minmax(0, 1fr)); }
}
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A threshold over pairs of faces", style: STYLE });
  const names = model.get("names");
  const [hills, curve] = [h("div", { class: "cnn-part" }), h("div", { class: "cnn-part" })];
  const list = h("ul", { class: "fv-pairs", "aria-label": "Pairs nearest to the threshold" });
  const say = h("p", { class: "cnn-say" });
  const photos = facesOf(model);
  let equal = NaN;

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("threshold", { label: "Threshold", mark: "t", min: 0, max: TOP, step: 0.01, format: (value) => value.toFixed(2) }),
      ui.choice("group", { label: "Pairs of", options: [["all", "everybody"], ...names.map((name) => [name, name])] }),
      ui.choice("uneven", { label: "Training set", options: [[false, "even"], [true, "uneven"]] }),
      h("div", { class: "cnn-row" }, ui.button("To the equal error rate", () => {
        if (!Number.isNaN(equal)) put(model, { threshold: Math.round(100 * equal) / 100 });
      }))),
    h("div", { class: "fv-stage" }, hills, curve),
    h("div", { class: "cnn-part" }, h("div", { class: "cnn-title" }, h("b", {}, "Nearest to the threshold"), ": two on either side"), list),
    say);

  ui.watch(["threshold", "group", "uneven"], () => {
    const state = Object.fromEntries(["distances", "same", "groups", "names", "group", "uneven"].map((name) => [name, model.get(name)]));
    const threshold = model.get("threshold");
    const pairs = chosen(state);
    const points = rocOf(pairs);
    const error = equalErrorRate(points);
    equal = error.threshold;
    refill(hills, h("div", { class: "cnn-title" }, h("b", {}, "Distances")), drawHills(pairs, threshold), keys());
    refill(curve, h("div", { class: "cnn-title" },
      h("b", {}, `TAR ${written(accepted(pairs.same, threshold))}, FAR ${written(accepted(pairs.different, threshold))}`)),
    drawCurve(pairs, points, threshold, error.rate));
    refill(list, pairsNear(state, model.get("examples"), threshold, photos));
    say.textContent = sentence(pairs, threshold, error.rate);
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

const written = (share) => (Number.isNaN(share) ? "—" : share.toFixed(3));

function facesOf(model) {
  const bytes = bytesOf(model.get("pictures"));
  return (index) => {
    const canvas = h("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
    paint(canvas, bytes.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE), SIDE, SIDE, { limit: 255 });
    return canvas;
  };
}

function pairsNear({ distances, same, groups, names, group, uneven }, examples, threshold, photos) {
  const fits = examples.map((_, place) => place).filter((place) => group === "all" || names[groups[examples[place]]] === group);
  const values = fits.map((place) => distances[uneven ? 1 : 0][examples[place]]);
  if (!fits.length) return [h("li", { class: "fv-pair" }, "No example of this group.")];
  return nearest(values, threshold).map((number) => {
    const place = fits[number];
    const truth = Boolean(same[examples[place]]);
    const yes = values[number] <= threshold;
    const verdict = yes === truth ? "right" : truth ? "refused" : "confused";
    return h("li", { class: "fv-pair" },
      h("span", { class: "fv-faces" }, photos(2 * place), photos(2 * place + 1)),
      h("span", {}, `${truth ? "same" : "different"}, at ${values[number].toFixed(2)}`),
      h("span", { class: verdict === "right" ? "" : "fv-wrong" }, `${yes ? "accepted" : "not accepted"}: ${verdict}`));
  });
}

function keys() {
  const key = (kind, text) => h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { class: kind, x: 2, y: 2, width: 12, height: 12 })), text);
  return h("div", { class: "cnn-legend" }, key("fv-same", "same person"), key("fv-different", "different people"));
}

function drawHills({ same, different }, threshold) {
  const [left, right] = [histogram(same), histogram(different)];
  const most = Math.max(1, ...left, ...right);
  const [x, y] = [(distance) => 10 + 105 * distance, (count) => 108 - (96 * count) / most];
  const bars = (counts, kind) => counts.map((count, bin) => count > 0 && svg("rect", {
    class: kind, x: x((bin * TOP) / BINS), y: y(count), width: (105 * TOP) / BINS - 0.6, height: y(0) - y(count),
  })).filter(Boolean);
  return svg("svg", {
    class: "fv-chart", viewBox: "0 0 230 138", role: "img",
    "aria-label": `Histograms of ${same.length} same and ${different.length} different pairs, cut at ${threshold.toFixed(2)}`,
  },
  bars(left, "fv-same"), bars(right, "fv-different"),
  svg("path", { class: "fv-axis", d: `M${x(0)} ${y(0)}H${x(TOP)}` }),
  svg("line", { class: "fv-cut", x1: x(threshold), x2: x(threshold), y1: 6, y2: y(0) }),
  [0, 0.5, 1, 1.5, 2].map((value) => svg("text", { x: x(value), y: 121 }, String(value))),
  svg("text", { x: x(1), y: 135 }, "distance"));
}

function drawCurve({ same, different }, points, threshold, rate) {
  const [x, y] = [(far) => 22 + 150 * far, (tar) => 108 - 98 * tar];
  const [tar, far] = [accepted(same, threshold), accepted(different, threshold)];
  const whole = same.length > 0 && different.length > 0;
  const path = whole ? points.map((point, index) => `${index ? "L" : "M"}${x(point.far)} ${y(point.tar)}`).join("") : "";
  return svg("svg", {
    class: "fv-chart", viewBox: "0 0 184 138", role: "img",
    "aria-label": whole ? `ROC curve; the threshold is at TAR ${tar.toFixed(3)} and FAR ${far.toFixed(3)}` : "No curve without both kinds of pairs",
  },
  svg("line", { class: "fv-diagonal", x1: x(0), y1: y(1), x2: x(1), y2: y(0) }),
  svg("path", { class: "fv-axis", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}` }),
  whole && svg("path", { class: "fv-line", d: path }),
  whole && svg("circle", { class: "fv-eer", cx: x(rate), cy: y(1 - rate), r: 6 }),
  whole && svg("circle", { class: "fv-dot", cx: x(far), cy: y(tar), r: 4 }),
  [0, 0.5, 1].map((part) => [svg("text", { x: x(part), y: 121 }, String(part)), svg("text", { x: 10, y: y(part) + 3 }, String(part))]),
  svg("text", { x: x(0.5), y: 135 }, "FAR; TAR upwards; green: EER"));
}

export default { render };
