/**
 * Boxes that can be dragged over a square picture, by mouse, finger and keys. Shared by several widgets.
 */
import { area } from "./detections.mjs";
import { put, update } from "./kit.mjs";

/** @typedef {import("./detections.mjs").Box} Box */

/** Index of the smallest box around a point, or −1. */
export function boxAt(boxes, x, y) {
  const around = boxes.map((_, index) => index)
    .filter((index) => boxes[index][0] <= x && x <= boxes[index][2] && boxes[index][1] <= y && y <= boxes[index][3]);
  return around.sort((a, b) => area(boxes[a]) - area(boxes[b]))[0] ?? -1;
}

/** A box moved by whole pixels, as far as the scene allows. @param {Box} box @returns {Box} */
export function moved([x1, y1, x2, y2], right, down, side) {
  const x = Math.max(-x1, Math.min(side - x2, Math.round(right)));
  const y = Math.max(-y1, Math.min(side - y2, Math.round(down)));
  return [x1 + x, y1 + y, x2 + x, y2 + y];
}

/** A box whose lower right corner is moved; one pixel is left at least. @param {Box} box @returns {Box} */
export function resized([x1, y1, x2, y2], right, down, side) {
  const fit = (low, high) => Math.max(low + 1, Math.min(side, Math.round(high)));
  return [x1, y1, fit(x1, x2 + right), fit(y1, y2 + down)];
}

export const PANE_STYLE = `
.bx-pane { position: relative; width: 100%; max-width: 26rem; border-radius: 4px; touch-action: none; user-select: none; cursor: grab; }
.bx-pane canvas { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.bx-pane svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; pointer-events: none; }
.bx-pane rect { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2; }
.bx-pane .bx-chosen { stroke-width: 4; }
.bx-pane .bx-handle { fill: var(--cnn-orange); stroke: #fff; stroke-width: 1; }`;

/** Let the boxes of a model be dragged in a pane by mouse or finger, and moved by arrow keys. */
export function makeDraggable(pane, model, change, chosen, side) {
  let from = null;
  const place = (event) => {
    const frame = pane.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top].map((value) => (value / frame.width) * side);
  };
  update(pane, {
    class: "bx-pane", tabindex: 0, role: "application", "aria-roledescription": "boxes to move",
    onpointerdown: (event) => {
      const [x, y] = place(event);
      const now = model.get("boxes")[chosen()];
      const grip = now && Math.hypot(x - now[2], y - now[3]) < Math.max(4, (14 * side) / pane.clientWidth);
      const index = grip ? chosen() : boxAt(model.get("boxes"), x, y);
      if (index < 0) return;
      pane.setPointerCapture(event.pointerId);
      put(model, { chosen: index });
      from = { x, y, box: model.get("boxes")[index], act: grip ? resized : moved };
    },
    onpointermove: (event) => {
      if (!from) return;
      const [x, y] = place(event);
      change(from.act(from.box, x - from.x, y - from.y, side));
    },
    onpointerup: () => { from = null; },
    onpointercancel: () => { from = null; },
    onkeydown: (event) => {
      const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (!step || chosen() < 0) return;
      event.preventDefault();
      change((event.shiftKey ? resized : moved)(model.get("boxes")[chosen()], ...step, side));
    },
  });
}
