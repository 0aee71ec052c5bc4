/**
 * Networks drawn from the models themselves: volumes to scale, and what each layer makes, costs and sees.
 * The tables are those of `cnncourse.models.layer_table`; tests/vectors/architecture.json checks what is read off them.
 */
import { h, moveInGrid, panel, put, refill, svg, update } from "./kit.mjs";

/**
 * @typedef {{ name: string, group: string, words: string, shape: number[], parameters: number, multiplyAdds: number,
 *   field: number, jump: number, block: string, reads: number[], then: string }} Layer `field` 0 sees everything
 * @typedef {{ name: string, rows: number[], group: string, shape: number[], parameters: number, multiplyAdds: number,
 *   field: number, jump: number }} Block what a block makes is what its last layer makes
 */

export const GROUPS = ["input", "convolution", "pooling", "dense", "join"];
const COLOURS = ["grey", "blue", "green", "orange", "purple"];
// Pixels of a drawing; the same numbers stand in architecture.py.
const [SIDE, THICKNESS, DEPTH] = [7, 0.5, 0.22];

/** A row of the state's table as an object. @param {any[]} row @returns {Layer} */
export function unpack([name, group, words, channels, height, width, parameters, multiplyAdds, field, jump, block, reads, then]) {
  return {
    name, group: GROUPS[group], words, shape: [channels, height, width], parameters, multiplyAdds, field, jump,
    block: block || name, reads, then,
  };
}

/** The blocks of a network in order; a layer outside of blocks is one of its own. @param {Layer[]} layers @returns {Block[]} */
export function blocksOf(layers) {
  const rows = new Map();
  layers.forEach(({ block }, row) => rows.set(block, [...(rows.get(block) ?? []), row]));
  const sum = (list, cost) => total(list.map((row) => layers[row]), cost);
  return [...rows].map(([name, list]) => {
    const { shape, field, jump, group } = layers[list.at(-1)];
    const weighted = list.map((row) => layers[row]).find(({ parameters }) => parameters > 0);
    return {
      name, rows: list, group: weighted?.group ?? group, shape, field, jump,
      parameters: sum(list, "parameters"), multiplyAdds: sum(list, "multiplyAdds"),
    };
  });
}

/**
 * What stands inside a block: layers that all branches share, the branches, and the layer that brings them together.
 * A branch without layers is a shortcut. Without a join all layers are one chain.
 * @param {Layer[]} layers of the network @param {number[]} rows of the block
 * @returns {{ before: number[], lanes: number[][], after: number[] }}
 */
export function lanesOf(layers, rows) {
  const last = rows.at(-1);
  if (rows.length < 2 || layers[last].group !== "join") return { before: rows, lanes: [], after: [] };
  const inside = new Set(rows);
  const readers = (row) => rows.filter((other) => layers[other].reads.includes(row)).length;
  const lanes = layers[last].reads.map((end) => {
    const lane = [];
    for (let row = end; inside.has(row) && readers(row) === 1; [row] = layers[row].reads) lane.unshift(row);
    return lane;
  });
  const taken = new Set(lanes.flat());
  return {
    before: rows.filter((row) => row !== last && !taken.has(row)),
    lanes: [...lanes.filter((lane) => lane.length), ...lanes.filter((lane) => !lane.length)],
    after: [last],
  };
}

/** Share of each group of layers in a cost. @param {Layer[]} layers @param {"parameters" | "multiplyAdds"} cost */
export function shares(layers, cost) {
  const all = total(layers, cost) || 1;
  return Object.fromEntries(GROUPS.map((group) => [group, total(layers.filter((layer) => layer.group === group), cost) / all]));
}

/** Where a name leads: the block, and the row if a layer inside of it is meant. @param {Block[]} blocks @param {Layer[]} layers */
export function find(blocks, layers, name) {
  const place = blocks.findIndex((block) => block.name === name);
  if (place >= 0) return { place, row: null };
  const row = layers.findIndex((layer) => layer.name === name);
  if (row < 0) return { place: 0, row: null };
  return { place: blocks.findIndex(({ rows }) => rows.includes(row)), row };
}

/** Pixels of a volume's drawing. @param {number[]} shape (C, H, W) */
export function drawnSize([channels, height]) {
  const side = SIDE * Math.sqrt(height);
  return { side, thickness: Math.max(2, THICKNESS * Math.sqrt(channels)), depth: DEPTH * side };
}

/** 61,100,840 as "61.1 M". @param {number} value */
export function rough(value) {
  const [unit, size] = [["G", 1e9], ["M", 1e6], ["k", 1e3]].find(([, least]) => value >= least) ?? ["", 1];
  return unit ? `${Number((value / size).toPrecision(3))} ${unit}` : String(value);
}

/** A share in words that never calls something nothing, nor almost all of it everything. @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.001) return "under 0.1 %";
  if (share > 0.999 && share < 1) return "over 99.9 %";
  return `${(100 * share).toFixed(1).replace(/\.0$/, "")} %`;
}

const count = (value) => value.toLocaleString("en-US");

/** An output in words. @param {{ shape: number[], group: string }} layer */
export function madeBy({ shape: [channels, height, width], group }) {
  if (group === "input") return `${channels} ${channels === 1 ? "channel" : "channels"} of ${height}×${width} pixels`;
  return height * width === 1 ? `${count(channels)} values` : `${count(channels)} maps of ${height}×${width}`;
}

/** A receptive field in words. @param {{ field: number, jump: number, shape: number[] }} layer @param {number} side of the picture */
export function seenBy({ field, jump, shape }, side) {
  if (field === 0) return "the whole picture";
  if (field === 1) return "one pixel";
  const beyond = field > side ? ", more than the picture has" : "";
  const apart = shape[1] > 1 ? `; its neighbour looks ${jump} ${jump === 1 ? "pixel" : "pixels"} further` : "";
  return `${field}×${field} pixels${beyond}${apart}`;
}

/** What a layer or block is, in words. @param {Layer | Block} chosen @param {Layer[]} layers of the network */
export function whatIs(chosen, layers) {
  if (chosen.rows?.length > 1) return `block of ${chosen.rows.length} layers`;
  const { words, then } = chosen.rows ? layers[chosen.rows[0]] : chosen;
  return [words, then].filter(Boolean).join(", then ");
}

/** All about a layer or a block in three sentences. @param {Layer | Block} chosen @param {Layer[]} layers of the network */
export function sentence(chosen, layers) {
  if (chosen.group === "input") return `The picture: ${madeBy(chosen)}.`;
  const cost = (key, noun) => (chosen[key] ? `${count(chosen[key])} ${noun}, ${percent(chosen[key] / total(layers, key))} of all` : `no ${noun}`);
  return `${chosen.name}: ${whatIs(chosen, layers)}. It makes ${madeBy(chosen)}, with ${cost("parameters", "parameters")}, and ${
    cost("multiplyAdds", "multiply-adds")}. A unit sees ${seenBy(chosen, layers[0].shape[1])}.`;
}

/** A cost of all layers. @param {Layer[]} layers @param {"parameters" | "multiplyAdds"} cost */
export function total(layers, cost) {
  return layers.reduce((sum, layer) => sum + layer[cost], 0);
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.ar-row { --ar-scale: 1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.2rem 1px; }
.ar-volume { display: flex; flex-direction: column; align-items: center; justify-content: center; min-width: 24px; min-height: 28px; padding: 4px 2px; border: 1px solid transparent; border-radius: 6px; background: none; color: inherit; font: inherit; cursor: pointer; }
.ar-volume:hover { background: var(--cnn-faint); }
.ar-volume[aria-current="true"] { border-color: var(--cnn-accent); background: color-mix(in srgb, var(--cnn-accent) 12%, var(--cnn-ground)); }
.ar-volume svg { flex: none; width: calc(var(--ar-width) * var(--ar-scale) * 1px); height: calc(var(--ar-height) * var(--ar-scale) * 1px); overflow: visible; }
.ar-volume path { fill: var(--ar-colour); stroke: var(--ar-colour); stroke-width: 1; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.ar-volume path:nth-child(1) { fill-opacity: 0.55; } .ar-volume path:nth-child(2) { fill-opacity: 0.25; } .ar-volume path:nth-child(3) { fill-opacity: 0.8; }
.ar-name, .ar-shape { font-size: 0.74em; line-height: 1.25; font-variant-numeric: tabular-nums; }
.ar-shape { color: var(--cnn-muted); white-space: nowrap; }
.ar-many .ar-name::after { content: " ▾"; color: var(--cnn-muted); }
.ar-top .ar-volume { flex-direction: row; justify-content: flex-start; gap: 0.7rem; width: 100%; padding: 2px 8px; text-align: left; }
.ar-top { --ar-scale: 0.55; flex-direction: column; flex-wrap: nowrap; align-items: stretch; }
.ar-top .ar-picture { flex: none; display: flex; justify-content: center; width: 84px; }
.ar-top .ar-name { flex: 1; font-size: 0.86em; } .ar-top .ar-shape { font-size: 0.82em; }
.ar-long { max-height: 34rem; overflow-y: auto; }
@container (min-width: 34rem) {
  .ar-top { --ar-scale: var(--ar-fit, 1); flex-direction: row; flex-wrap: wrap; align-items: center; row-gap: 0.6rem; }
  .ar-top .ar-volume { flex-direction: column; width: auto; gap: 0.2rem; padding: 4px 2px; }
  .ar-top .ar-picture { width: auto; align-items: center; min-height: calc(var(--ar-tallest) * var(--ar-scale) * 1px); }
  .ar-top .ar-name { flex: none; writing-mode: vertical-rl; min-height: 5.2em; font-size: 0.74em; }
  .ar-top .ar-shape { display: none; }
  .ar-long { max-height: none; } .ar-long .ar-picture { min-height: 0; } .ar-long .ar-name { height: 6.4em; }
}
.ar-facts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.5rem 1.2rem; }
.ar-facts > div > * { display: block; font-size: 0.8em; color: var(--cnn-muted); }
.ar-facts > div > b { font-size: 1em; font-weight: 600; color: var(--cnn-ink); }
.ar-about { display: flex; flex-direction: column; gap: 0.5rem; position: sticky; bottom: 0; z-index: 2; padding: 0.5rem 0; border-top: 1px solid var(--cnn-line); background: var(--cnn-ground); }
.ar-chosen { min-height: 3em; } .ar-chosen b { font-weight: 650; }
.ar-inside { --ar-scale: 1; display: flex; flex-direction: column; align-items: stretch; gap: 0.3rem; padding: 0.6rem 0.7rem; border: 1px solid var(--cnn-line); border-radius: 10px; background: var(--cnn-faint); }
.ar-chain { display: flex; align-items: center; justify-content: center; }
.ar-lanes { flex: 1; display: flex; flex-direction: column; border-inline: 2px solid var(--cnn-line); border-radius: 6px; }
.ar-lane { display: flex; align-items: center; min-height: 2rem; } .ar-lane::before, .ar-lane::after, .ar-lane > i { content: ""; flex: 1; min-width: 6px; border-top: 2px solid var(--cnn-line); }
.ar-lane > em { font-size: 0.78em; color: var(--cnn-muted); padding: 0 0.5rem; }
@container (min-width: 34rem) { .ar-about { position: static; padding: 0; border: 0; } .ar-facts { grid-template-columns: repeat(4, auto); } .ar-inside { flex-direction: row; align-items: center; } }
.ar-bars { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.35rem 0.7rem; align-items: center; font-size: 0.88em; }
.ar-bar { display: flex; height: 1.35rem; border-radius: 4px; overflow: hidden; background: var(--cnn-line); }
.ar-bar > span { flex: none; height: 100%; background: var(--ar-colour); box-shadow: inset -1px 0 0 var(--cnn-ground); cursor: pointer; }
.ar-bar > span.ar-here { outline: 2px solid var(--cnn-ink); outline-offset: -2px; }
.ar-words { grid-column: 2; font-size: 0.9em; color: var(--cnn-muted); margin-top: -0.2rem; }
.ar-scale { display: grid; grid-template-columns: auto minmax(0, 1fr) minmax(0, 1fr); gap: 0.3rem 0.9rem; align-items: center; font-size: 0.86em; }
.ar-scale .ar-bar { height: 0.8rem; background: none; } .ar-scale .ar-bar > span { cursor: default; box-shadow: none; }
.ar-scale .ar-now { font-weight: 650; } .cnn-panel .ar-scale small { font-size: 0.85em; color: var(--cnn-muted); }
@container (max-width: 33.9rem) { .ar-scale { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } .ar-scale > b, .ar-scale > .ar-title { grid-column: 1 / -1; } .ar-scale > b { font-weight: 500; } .ar-scale > .ar-empty { display: none; } }
`;

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "Networks drawn to scale", style: STYLE });
  const tables = model.get("tables");
  const names = Object.keys(tables);
  const networks = Object.fromEntries(names.map((name) => {
    const layers = tables[name].layers.map(unpack);
    return [name, { ...tables[name], layers, blocks: blocksOf(layers) }];
  }));
  const top = h("div", { role: "group" });
  const inside = h("div", { class: "ar-inside", role: "group" });
  const chosen = h("p", { class: "cnn-say ar-chosen" });
  const facts = h("div", { class: "ar-facts" });
  const bars = h("div", { class: "ar-bars" });
  const idle = h("p", { class: "cnn-title" });
  const legend = h("div", { class: "cnn-legend" });
  const scale = names.length > 1 && h("div", { class: "ar-scale" });
  const choose = (layer) => put(model, { layer });
  let [drawn, opened, above, below] = ["", "", [], []];
  const now = () => networks[model.get("network")] ?? networks[names[0]];
  const preview = (one) => describe(now(), one ?? current(now()).one, chosen, facts);

  ui.add(
    names.length > 1 && ui.choice("network", { label: "Network", options: names.map((name) => [name, tables[name].title]) }),
    top,
    h("p", { class: "cnn-title" }, "Drawn to scale: a face with four times as many pixels has twice the area, and four times as many maps are twice as thick."),
    legend,
    h("div", { class: "ar-about" }, chosen, facts), inside, bars, idle, scale);

  ui.watch(["network", "layer"], () => {
    const network = now();
    const { place, row, one } = current(network);
    const block = network.blocks[place];
    if (drawn !== network.title) {
      const held = top.contains(document.activeElement);
      above = network.blocks.map((each) => volume(each, each.name, () => choose(each.name), preview));
      walkable(above);
      update(top, { "aria-label": `Layers of ${network.title}, arrow keys move`, class: above.length > 26 ? "ar-row ar-top ar-long" : "ar-row ar-top" });
      refill(top, above);
      fit(top, network.blocks);
      const groups = GROUPS.slice(1).filter((group) => network.layers.some((layer) => layer.group === group));
      refill(legend, groups.map((group) => h("span", {}, swatch(group), LEGEND[group])));
      if (held) above[place].focus();
      [drawn, opened] = [network.title, ""];
    }
    const many = block.rows.length > 1;
    if (opened !== block.name) {
      below = many ? openBlock(inside, network, block, choose, preview) : new Map();
      inside.hidden = !many;
      opened = block.name;
    }
    mark(above, above[place]);
    mark([...below.values()], row == null ? null : below.get(row));
    describe(network, one, chosen, facts);
    refill(bars, barsOf(network, block, choose));
    idle.textContent = network.idle ? `Not drawn: parts with ${count(network.idle)} parameters that only help in training.` : "";
    idle.hidden = !network.idle;
    if (scale) refill(scale, oneScale(names.map((name) => networks[name]), network));
    ui.announce(sentence(one, network.layers));
  });
  return ui.dispose;

  function current(network) {
    const { place, row } = find(network.blocks, network.layers, model.get("layer"));
    return { place, row, one: row == null ? network.blocks[place] : network.layers[row] };
  }
}

const LEGEND = {
  convolution: "convolution, or a block of them", pooling: "pooling", dense: "fully connected", join: "branches meet",
};

function swatch(group) {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { x: 2, y: 2, width: 12, height: 12, rx: 3, fill: colourOf(group) }));
}

function colourOf(group) {
  return `var(--cnn-${COLOURS[GROUPS.indexOf(group)]})`;
}

/** A layer or block as a button with its volume. */
function volume(one, label, act, preview) {
  const button = h("button", {
    type: "button", class: one.rows?.length > 1 ? "ar-volume ar-many" : "ar-volume", tabindex: -1,
    "aria-label": `${one.name}, ${madeBy(one)}${one.rows?.length > 1 ? `, ${one.rows.length} layers inside` : ""}`,
    onclick: act, onpointerenter: (event) => { if (event.pointerType === "mouse") preview(one); }, onpointerleave: () => preview(null),
  }, h("span", { class: "ar-picture" }, box(one.shape)), h("span", { class: "ar-name" }, label), h("span", { class: "ar-shape" }, one.shape.join("×")));
  button.style.setProperty("--ar-colour", colourOf(one.group));
  return button;
}

/** A volume seen from its left: thickness to the right, the map's face drawn aslant. */
function box(shape) {
  const { side, thickness, depth } = drawnSize(shape);
  const [width, height] = [thickness + depth, side + depth];
  const picture = svg("svg", { viewBox: `0 0 ${width.toFixed(1)} ${height.toFixed(1)}`, "aria-hidden": "true" },
    svg("path", { d: `M0 ${depth}h${thickness}v${side}h${-thickness}z` }),
    svg("path", { d: `M0 ${depth}l${depth} ${-depth}h${thickness}l${-depth} ${depth}z` }),
    svg("path", { d: `M${thickness} ${depth}l${depth} ${-depth}v${side}l${-depth} ${depth}z` }));
  picture.style.setProperty("--ar-width", width.toFixed(1));
  picture.style.setProperty("--ar-height", height.toFixed(1));
  return picture;
}

/** Heights that all volumes of a row need. */
function fit(row, blocks) {
  const tallest = Math.max(...blocks.map(({ shape }) => drawnSize(shape).side * (1 + DEPTH)));
  row.style.setProperty("--ar-tallest", tallest.toFixed(1));
}

/** Arrow keys move along a list of buttons and choose. */
function walkable(buttons) {
  buttons.forEach((button, index) => update(button, {
    onkeydown: (event) => {
      const vertical = { ArrowUp: "ArrowLeft", ArrowDown: "ArrowRight" };
      const to = moveInGrid({ key: vertical[event.key] ?? event.key, shiftKey: event.shiftKey }, 0, index, 1, buttons.length);
      if (!to) return;
      event.preventDefault();
      buttons[to[1]].focus();
      buttons[to[1]].click();
    },
  }));
}

function mark(buttons, chosen) {
  buttons.forEach((button, index) => update(button, {
    "aria-current": button === chosen ? "true" : null, tabindex: button === chosen || (!chosen && index === 0) ? 0 : -1,
  }));
}

/** Draw what is inside a block; returns the buttons by row. */
function openBlock(place, { layers }, block, choose, preview) {
  const { before, lanes, after } = lanesOf(layers, block.rows);
  const buttons = new Map(block.rows.map((row) => {
    const layer = layers[row];
    return [row, volume(layer, shortName(layer), () => choose(layer.name), preview)];
  }));
  const chain = (rows) => rows.length > 0 && h("div", { class: "ar-chain" }, rows.map((row) => buttons.get(row)));
  const lane = (rows) => h("div", { class: "ar-lane" }, rows.length
    ? rows.flatMap((row, index) => [index > 0 && h("i"), buttons.get(row)])
    : h("em", {}, "shortcut: as it came"));
  walkable([...buttons.values()]);
  update(place, { "aria-label": `Inside ${block.name}, arrow keys move` });
  refill(place, chain(before), lanes.length > 0 && h("div", { class: "ar-lanes" }, lanes.map(lane)), chain(after));
  return buttons;
}

function shortName({ words, group }) {
  if (group === "join") return words.startsWith("sum") ? "sum" : words.startsWith("shortcut") ? "pad" : "join";
  return `${words.split(" ")[0]} ${group === "pooling" ? "pool" : "conv"}${words.includes("stride 2") ? " /2" : ""}`;
}

function describe({ layers }, one, chosen, facts) {
  const fact = (term, value, more) => h("div", {}, h("span", {}, term), h("b", {}, value), h("small", {}, more));
  refill(chosen, ...(one.group === "input"
    ? [h("b", {}, "The picture"), `: ${madeBy(one)}.`]
    : [h("b", {}, one.name), `: ${whatIs(one, layers)}. A unit sees ${seenBy(one, layers[0].shape[1])}.`]));
  refill(facts,
    fact("Output", one.shape.map(count).join(" × "), one.group === "input" ? "channels, height, width" : "maps, height, width"),
    fact("Parameters", count(one.parameters), `${percent(one.parameters / total(layers, "parameters"))} of all`),
    fact("Multiply-adds", count(one.multiplyAdds), `${percent(one.multiplyAdds / total(layers, "multiplyAdds"))} of all`),
    fact("Receptive field", one.field ? `${one.field} × ${one.field}` : "everything", one.field && one.shape[1] > 1 ? `effective stride ${one.jump}` : "one position is left"));
}

/** Two bars of a network: where its parameters are, and where its work is done. */
function barsOf({ layers, blocks }, here, choose) {
  return [["parameters", "Parameters", "parameters"], ["multiplyAdds", "Multiply-adds", "multiply-adds"]].flatMap(([cost, title, noun]) => {
    const all = total(layers, cost);
    const share = shares(layers, cost);
    const words = `${percent(share.dense)} in fully connected layers, ${percent(share.convolution)} in convolutions`;
    const bar = h("div", { class: "ar-bar", role: "img", "aria-label": `${count(all)} ${noun}: ${words}` },
      blocks.filter((block) => block[cost] > 0).map((block) => part(block.group, block[cost] / all, {
        title: `${block.name}: ${percent(block[cost] / all)}`, class: block === here ? "ar-here" : null, onclick: () => choose(block.name),
      })));
    return [h("span", {}, title), bar, h("span", { class: "ar-words" }, `${rough(all)}: ${words}`)];
  });
}

function part(group, share, attributes = {}) {
  const element = h("span", attributes);
  element.style.cssText = `--ar-colour:${colourOf(group)};width:${(100 * share).toFixed(2)}%`;
  return element;
}

/** All networks with bars of one scale. */
function oneScale(networks, now) {
  const bar = (network, cost) => {
    const most = Math.max(...networks.map(({ layers }) => total(layers, cost)));
    const share = shares(network.layers, cost);
    const size = total(network.layers, cost);
    return h("span", {}, h("span", { class: "ar-bar", "aria-hidden": "true" },
      ["convolution", "dense"].map((group) => part(group, (share[group] * size) / most))), h("small", {}, rough(size)));
  };
  return [
    h("span", { class: "cnn-title ar-empty" }), h("span", { class: "cnn-title" }, "parameters"), h("span", { class: "cnn-title" }, "multiply-adds"),
    ...networks.flatMap((network) => [
      h("b", { class: network === now ? "ar-now" : "", style: network === now ? "" : "font-weight:400" }, network.title), bar(network, "parameters"), bar(network, "multiplyAdds")]),
  ];
}

export default { render };
