/** A square sheet of pixels to draw on, with mouse, pen or finger, and with keys. */
import { h, moveInGrid, svg, update } from "./kit.mjs";

/**
 * A drawing with one more dot of a soft pen, whose middle is at (x, y) in pixels.
 * @param {Uint8Array} ink side·side numbers, 0 for none and 255 for full
 */
export function dotted(ink, side, x, y) {
  return ink.map((old, index) => {
    const distance = Math.hypot((index % side) + 0.5 - x, Math.floor(index / side) + 0.5 - y);
    return Math.max(old, Math.round(255 * Math.min(1, Math.max(0, 1.9 - distance))));
  });
}

/** A drawing with dots all along a line, half a pixel apart. */
export function stroked(ink, side, from, to) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
  let result = ink;
  for (let step = 0; step <= steps; step += 1) {
    const part = step / steps;
    result = dotted(result, side, from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1]));
  }
  return result;
}

const STYLE = `
.sh-pad { position: relative; width: 100%; max-width: 280px; touch-action: none; cursor: crosshair; border: 1px solid var(--cnn-line); border-radius: 4px; }
.sh-pad svg { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
.sh-pen { fill: none; stroke: var(--cnn-orange); stroke-width: 0.25; visibility: hidden; }
.sh-pad:focus-visible .sh-pen { visibility: visible; }
`;

/**
 * The sheet's element, and its canvas, on which the widget paints what is drawn.
 * @param {number} side @param {(from: number[], to: number[]) => void} line a stroke from (x, y) to (x, y)
 * @returns {{ element: any, canvas: any }}
 */
export function drawingSheet(side, line) {
  const canvas = h("canvas", { class: "cnn-map" });
  const pen = svg("circle", { class: "sh-pen", r: 1.4 });
  const element = h("div", {
    class: "sh-pad", tabindex: 0, role: "application", "aria-roledescription": "sheet to draw on",
    "aria-label": `Sheet of ${side} by ${side} pixels: arrow keys move the pen, with shift they draw, space makes a dot`,
  }, h("style", {}, STYLE), canvas, svg("svg", { viewBox: `0 0 ${side} ${side}`, "aria-hidden": "true" }, pen));
  let last = null;
  let [row, column] = [side / 2, side / 2];
  const at = (event) => {
    const box = element.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * side, ((event.clientY - box.top) / box.height) * side];
  };
  const place = () => update(pen, { cx: column + 0.5, cy: row + 0.5 });
  place();
  update(element, {
    onpointerdown: (event) => {
      element.setPointerCapture(event.pointerId);
      last = at(event);
      line(last, last);
    },
    onpointermove: (event) => {
      if (!last) return;
      const now = at(event);
      line(last, now);
      last = now;
    },
    onpointerup: () => { last = null; },
    onpointercancel: () => { last = null; },
    onkeydown: (event) => {
      if (event.key === " ") line([column + 0.5, row + 0.5], [column + 0.5, row + 0.5]);
      const next = moveInGrid({ key: event.key }, row, column, side, side);
      if (event.key !== " " && !next) return;
      event.preventDefault();
      if (!next) return;
      if (event.shiftKey) line([column + 0.5, row + 0.5], [next[1] + 0.5, next[0] + 0.5]);
      [row, column] = next;
      place();
    },
  });
  return { element, canvas };
}
