/**
 * Boxes to drag over a drawn scene: their IoU, which of them survive, and the precision–recall curve of the list.
 * The functions mirror `cnncourse.applications`; tests/vectors/boxes.json checks both.
 */
import { CURVE_STYLE, averagePrecision, curveOf, drawCurve, iou, judge, ranked, scenery, suppress } from "./detections.mjs";
import { PANE_STYLE, makeDraggable } from "./dragging.mjs";
import { bytesOf, h, panel, put, refill, short, svg, update } from "./kit.mjs";

/** Everything that follows from the list, for the view and for the tests. */
export function evaluate({ boxes, scores, truth, suppression, cut }) {
  const kept = suppress(boxes, scores, suppression);
  const verdicts = judge(kept.map((index) => boxes[index]), kept.map((index) => scores[index]), truth);
  const curve = curveOf(verdicts, truth.length);
  const number = kept.filter((index) => scores[index] >= cut).length;
  return { kept, verdicts, curve, number, whole: averagePrecision(curve), cut: averagePrecision(curve.slice(0, number)) };
}

/** The state of the list in a sentence. */
export function sentence(total, { kept, curve, number, whole, cut }) {
  const dropped = total - kept.length;
  const list = `Suppression drops ${dropped} of ${total} boxes. The list has an average precision of ${whole.toFixed(2)}.`;
  if (number === 0) return `${list} The cut hands in nothing.`;
  const { precision, recall } = curve[number - 1];
  return `${list} The cut hands in ${number}: precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}`
    + `${number < kept.length ? `, and an average precision of ${cut.toFixed(2)} for what is left` : ""}.`;
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `${CURVE_STYLE}${PANE_STYLE}
.bx-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.bx-legend rect { fill: none; stroke-width: 2; }
.bx-true { stroke: var(--cnn-green); }
.bx-kept { stroke: var(--cnn-orange); }
.bx-gone { stroke: var(--cnn-grey); stroke-dasharray: 3 3; }
.bx-table { width: 100%; border-collapse: collapse; font-size: 0.88em; margin: 0; }
.bx-table :is(th, td) { padding: 0.1rem 0.4rem; text-align: right; border: 0; background: none; }
.bx-table th { font-weight: 400; color: var(--cnn-muted); }
.bx-table :is(th, td):last-child { text-align: left; }
.bx-pick { min-width: 3.4em; min-height: 26px; padding: 0 0.5em; border: 1px solid var(--cnn-line); border-radius: 7px; background: var(--cnn-faint); color: inherit; font: inherit; cursor: pointer; }
.bx-pick[aria-pressed="true"] { border: 2px solid var(--cnn-accent); font-weight: 700; }
@container (min-width: 34rem) { .bx-stage { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "Detections to drag, and how good their list is", style: STYLE });
  const side = model.get("side");
  const marks = svg("svg", { viewBox: `0 0 ${side} ${side}`, "aria-hidden": "true" });
  const pane = h("div", {}, scenery(bytesOf(model.get("picture")), side), marks);
  const [table, chart] = [h("div"), h("div", { class: "cnn-part" })];
  const [say, overlap] = [h("p", { class: "cnn-say" }), h("p", { class: "cnn-say" })];
  const start = model.get("boxes").map((box) => [...box]);
  const chosen = () => Math.min(model.get("chosen"), model.get("boxes").length - 1);
  const change = (box) => put(model, { boxes: model.get("boxes").map((old, index) => (index === chosen() ? box : old)) });
  makeDraggable(pane, model, change, chosen, side);

  ui.add(
    h("div", { class: "cnn-controls" },
      ui.slider("suppression", { label: "Suppress above IoU", min: 0, max: 1, step: 0.05, format: (value) => value.toFixed(2) }),
      ui.slider("cut", { label: "Hand in from score", min: 0, max: 1, step: 0.05, format: (value) => value.toFixed(2) }),
      h("div", { class: "cnn-row" }, ui.button("Back to the start", () => put(model, { boxes: start })))),
    h("div", { class: "bx-stage" },
      h("div", { class: "cnn-part" },
        h("div", { class: "cnn-title" }, h("b", {}, "Scene"), ": drag a box, or its corner"), pane,
        h("div", { class: "cnn-legend bx-legend" }, key("bx-true", "object"), key("bx-kept", "stays"), key("bx-gone", "suppressed"))),
      h("div", { class: "cnn-part" }, table, chart)),
    overlap, say);

  ui.watch(["boxes", "scores", "suppression", "cut", "chosen"], () => {
    const state = Object.fromEntries(["boxes", "scores", "truth", "suppression", "cut"].map((name) => [name, model.get(name)]));
    const { boxes, scores, truth } = state;
    const result = evaluate(state);
    const now = chosen();
    const frame = (kind, [x1, y1, x2, y2]) => svg("rect", { class: kind, x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
    const kind = (index) => `${result.kept.includes(index) ? "bx-kept" : "bx-gone"}${index === now ? " bx-chosen" : ""}`;
    const corner = boxes[now];
    refill(marks, truth.map((box) => frame("bx-true", box)), boxes.map((box, index) => frame(kind(index), box)),
      corner && svg("rect", { class: "bx-handle", x: corner[2] - 2, y: corner[3] - 2, width: 4, height: 4 }));
    const best = boxes.map((box) => truth.map((object) => iou(box, object)))
      .map((values) => ({ value: Math.max(0, ...values), object: values.indexOf(Math.max(...values)) }));
    const verdict = (index) => {
      const place = result.kept.indexOf(index);
      if (place < 0) return "suppressed";
      return result.verdicts[place] ? "true" : best[index].value >= 0.5 ? "false, a second one" : "false";
    };
    const hadFocus = table.contains(table.ownerDocument.activeElement);
    refill(table, rows(ranked(scores), scores, best, verdict, now, (index) => put(model, { chosen: index })));
    if (hadFocus) table.querySelector("[aria-pressed=true]")?.focus();
    refill(chart, h("div", { class: "cnn-title" }, h("b", {}, `Average precision ${result.whole.toFixed(2)}`)), drawCurve(result));
    const nearest = best[now];
    overlap.textContent = nearest?.value
      ? `The chosen box, score ${short(scores[now])}, has IoU ${nearest.value.toFixed(2)} with the ${model.get("names")[nearest.object]}: ${verdict(now)}.`
      : "The chosen box overlaps no object.";
    say.textContent = sentence(boxes.length, result);
    update(pane, { "aria-label": `Scene. Chosen box ${corner?.join(", ")}; arrow keys move it, with shift they change its size` });
    ui.announce(`${overlap.textContent} ${say.textContent}`);
  });
  return ui.dispose;
}

function key(kind, text) {
  return h("span", {}, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { class: kind, x: 2, y: 2, width: 12, height: 12 })), text);
}

function rows(order, scores, best, verdict, chosen, pick) {
  const line = (index) => h("tr", {},
    h("td", {}, h("button", {
      type: "button", class: "bx-pick", "aria-pressed": String(index === chosen), onclick: () => pick(index),
      "aria-label": `Choose the box with score ${scores[index].toFixed(2)}`,
    }, scores[index].toFixed(2))),
    h("td", {}, best[index].value.toFixed(2)), h("td", {}, verdict(index)));
  return h("table", { class: "bx-table" },
    h("thead", {}, h("tr", {}, ["score", "IoU", "verdict"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, order.map(line)));
}

export default { render };
