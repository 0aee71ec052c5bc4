/**
 * Detections: overlaps, suppression, verdicts, precision and recall, and how they are drawn. Shared by several widgets.
 * The functions mirror `cnncourse.applications`; tests/vectors/boxes.json checks both.
 */
import { h, svg } from "./kit.mjs";

/** @typedef {[number, number, number, number]} Box x1, y1, x2, y2; x2 and y2 lie one past the last pixel */

export const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);

/** Intersection over union; a box without area overlaps nothing. @param {Box} a @param {Box} b */
export function iou(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const shared = width * height;
  return shared > 0 ? shared / (area(a) + area(b) - shared) : 0;
}

/** Indices from the best score to the worst; of equals the earlier one first. @param {number[]} scores */
export function ranked(scores) {
  return scores.map((_, index) => index).sort((a, b) => scores[b] - scores[a] || a - b);
}

/** Greedy suppression: indices of the boxes that stay, best first. */
export function suppress(boxes, scores, threshold) {
  const kept = [];
  for (const index of ranked(scores)) {
    if (kept.every((better) => iou(boxes[better], boxes[index]) <= threshold)) kept.push(index);
  }
  return kept;
}

/** For each box 1 if it is the first on an object that it overlaps most and by at least `threshold`, else 0. */
export function judge(boxes, scores, truth, threshold = 0.5) {
  const verdicts = boxes.map(() => 0);
  const taken = new Set();
  for (const index of ranked(scores)) {
    const overlaps = truth.map((object) => iou(boxes[index], object));
    const best = Math.max(0, ...overlaps);
    const target = overlaps.indexOf(best);
    if (best > 0 && best >= threshold && !taken.has(target)) {
      taken.add(target);
      verdicts[index] = 1;
    }
  }
  return verdicts;
}

/** Precision and recall after each verdict; the verdicts are sorted from the best score to the worst. */
export function curveOf(verdicts, positives) {
  let found = 0;
  return verdicts.map((verdict, index) => {
    found += verdict;
    return { precision: found / (index + 1), recall: found / positives };
  });
}

/** Area under the best precision still to come. */
export function averagePrecision(curve) {
  let [sum, best] = [0, 0];
  for (let index = curve.length - 1; index >= 0; index -= 1) {
    best = Math.max(best, curve[index].precision);
    sum += best * (curve[index].recall - (curve[index - 1]?.recall ?? 0));
  }
  return sum;
}

// Pictures --------------------------------------------------------------------------------------------------------

export const CURVE_STYLE = `
.dt-curve { display: block; width: 100%; max-width: 20rem; height: auto; overflow: visible; }
.dt-curve text { font-size: 10px; fill: var(--cnn-muted); text-anchor: middle; }
.dt-axis { fill: none; stroke: var(--cnn-line); }
.dt-area { fill: color-mix(in srgb, var(--cnn-blue) 18%, transparent); }
.dt-line { fill: none; stroke: var(--cnn-blue); stroke-width: 2; }
.dt-dot { fill: var(--cnn-orange); }`;

/** A square picture, one canvas pixel each. @param {Uint8Array} rgb three bytes for each pixel @param {number} side */
export function scenery(rgb, side) {
  const canvas = h("canvas", { width: side, height: side });
  paintScene(canvas, rgb, side);
  return canvas;
}

/** Paint another picture onto the canvas of `scenery`. */
export function paintScene(canvas, rgb, side) {
  const bytes = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let index = 0; index < side * side; index += 1) bytes.set(rgb.subarray(3 * index, 3 * index + 3), 4 * index);
  canvas.getContext("2d").putImageData(new ImageData(bytes, side, side), 0, 0);
}

/** Precision over recall under its envelope, with a dot where the list is cut. */
export function drawCurve({ curve, number, whole }) {
  const [x, y] = [(recall) => 22 + 150 * recall, (precision) => 108 - 98 * precision];
  const steps = [];
  let best = 0;
  for (const point of [...curve].reverse()) {
    best = Math.max(best, point.precision);
    steps.unshift({ recall: point.recall, precision: best });
  }
  let path = `M${x(0)} ${y(steps[0]?.precision ?? 0)}`;
  steps.forEach(({ recall, precision }) => { path += `V${y(precision)}H${x(recall)}`; });
  const dot = curve[number - 1];
  return svg("svg", { class: "dt-curve", viewBox: "0 0 184 138", role: "img", "aria-label": `Precision over recall; the area is ${whole.toFixed(2)}` },
    svg("path", { class: "dt-area", d: `${path}V${y(0)}H${x(0)}Z` }),
    svg("path", { class: "dt-axis", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}` }),
    svg("path", { class: "dt-line", d: path }),
    dot && svg("circle", { class: "dt-dot", cx: x(dot.recall), cy: y(dot.precision), r: 4 }),
    [0, 0.5, 1].map((part) => [svg("text", { x: x(part), y: 121 }, String(part)), svg("text", { x: 10, y: y(part) + 3 }, String(part))]),
    svg("text", { x: x(0.5), y: 135 }, "recall"));
}
