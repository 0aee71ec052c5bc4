/**
 * Which anchors learn what: drag an object, and see which anchors answer for it, which are background, which are left out.
 * The functions mirror `cnncourse.applications.anchors`; tests/vectors/anchors.json checks both.
 */
import { iou, scenery } from "./detections.mjs";
import { PANE_STYLE, makeDraggable } from "./dragging.mjs";
import { bytesOf, h, panel, put, refill, svg, update } from "./kit.mjs";

export const [BACKGROUND, BETWEEN] = [-1, -2];

/** Anchors of every size and ratio around the centre of every cell, row by row, ratios fastest; float32 as in Python. */
export function anchorGrid(cells, stride, sizes, ratios) {
  const half = (size, root) => [size / root / 2, (size * root) / 2].map(Math.fround);
  const shapes = sizes.flatMap((size) => ratios.map((ratio) => half(size, Math.sqrt(ratio))));
  const centres = Array.from({ length: cells }, (_, index) => (index + 0.5) * stride);
  return centres.flatMap((y) => centres.flatMap((x) => shapes.map(([w, t]) => [x - w, y - t, x + w, y + t].map(Math.fround))));
}

/** For each anchor the index of its object, or −1 for background, or −2 for neither. */
export function match(anchors, truth, high, low, force) {
  const overlaps = anchors.map((anchor) => truth.map((object) => iou(anchor, object)));
  const record = truth.map((_, object) => Math.max(...overlaps.map((row) => row[object])));
  return overlaps.map((row) => {
    const best = Math.max(0, ...row);
    const forced = row.map((value, object) => (force && value > 0 && value === record[object] ? value : -1));
    const most = Math.max(-1, ...forced);
    if (most > 0) return forced.indexOf(most);
    if (truth.length === 0 || best < low) return BACKGROUND;
    return best >= high ? row.indexOf(best) : BETWEEN;
  });
}

/** The matching in a sentence. */
export function sentence(matches, names) {
  const of = (kind) => matches.filter((one) => one === kind).length;
  const each = names.map((name, object) => `the ${name} ${of(object)}`).join(", ");
  return `Of ${matches.length} anchors, ${of(BACKGROUND)} are background, ${of(BETWEEN)} count neither way, and positive are: ${each}.`;
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `${PANE_STYLE}
.an-true { stroke: var(--cnn-green); }
.an-hit { stroke: var(--cnn-orange); }
.an-near { stroke: var(--cnn-blue); stroke-dasharray: 2 3; opacity: 0.7; }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "Objects to drag, and the anchors that answer for them", style: STYLE });
  const side = model.get("side");
  const anchors = anchorGrid(model.get("cells"), side / model.get("cells"), model.get("sizes"), model.get("ratios"));
  const marks = svg("svg", { viewBox: `0 0 ${side} ${side}`, "aria-hidden": "true" });
  const pane = h("div", {}, scenery(bytesOf(model.get("picture")), side), marks);
  const say = h("p", { class: "cnn-say" });
  const start = model.get("boxes").map((box) => [...box]);
  const chosen = () => Math.min(model.get("chosen"), model.get("boxes").length - 1);
  const change = (box) => put(model, { boxes: model.get("boxes").map((old, index) => (index === chosen() ? box : old)) });
  makeDraggable(pane, model, change, chosen, side);
  const format = (value) => value.toFixed(2);

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("high", { label: "Positive from IoU", min: 0, max: 1, step: 0.05, format }),
      ui.slider("low", { label: "Background below IoU", min: 0, max: 1, step: 0.05, format }),
      ui.toggle("force", { label: "The best anchor of each object is positive" }),
      ui.choice("chosen", { label: "Object for the keys", options: model.get("names").map((name, index) => [index, name]) }),
      h("div", { class: "cnn-row" }, ui.button("Back to the start", () => put(model, { boxes: start })))),
    h("div", { class: "cnn-part" },
      h("div", { class: "cnn-title" }, h("b", {}, "Scene"), ": drag an object, or its corner"), pane,
      h("div", { class: "cnn-legend" }, key("an-true", "object"), key("an-hit", "positive anchor"), key("an-near", "counts neither way"))),
    say);

  ui.watch(["boxes", "high", "low", "force", "chosen"], () => {
    const boxes = model.get("boxes");
    const matches = match(anchors, boxes, model.get("high"), Math.min(model.get("low"), model.get("high")), model.get("force"));
    const frame = (kind, [x1, y1, x2, y2]) => svg("rect", { class: kind, x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
    const shown = (kind, test) => anchors.filter((_, index) => test(matches[index])).map((box) => frame(kind, box));
    const corner = boxes[chosen()];
    refill(marks, shown("an-near", (one) => one === BETWEEN), shown("an-hit", (one) => one >= 0),
      boxes.map((box, index) => frame(`an-true${index === chosen() ? " bx-chosen" : ""}`, box)),
      svg("rect", { class: "bx-handle", x: corner[2] - 2, y: corner[3] - 2, width: 4, height: 4 }));
    say.textContent = sentence(matches, model.get("names"));
    update(pane, { "aria-label": `Scene. Chosen object ${corner.join(", ")}; arrow keys move it, with shift they change its size` });
    ui.announce(say.textContent);
  });
  return ui.dispose;
}

function key(kind, text) {
  return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { class: kind, x: 2, y: 2, width: 12, height: 12 })), text);
}

export default { render };
