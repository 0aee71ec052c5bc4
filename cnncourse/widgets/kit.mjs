/**
 * What all widgets of the course share: elements, controls bound to the model, watching, announcing, painting.
 *
 * A widget is `export default { render({ model, el }) { … } }`. It begins with `const ui = panel({ model, el }, {…})`
 * and ends with `return ui.dispose;`. State lives in the model alone, so that a view can be built from it at any time.
 * The page imports this file; in JupyterLab the Python class `Widget` puts its text into the widget's own module.
 *
 * @typedef {{ get(name: string): any, set(name: string, value: any): void, save_changes(): void,
 *   on(event: string, callback: () => void): void, off(event: string, callback: () => void): void }} Model
 * @typedef {Node | string | number | null | undefined | false} Child
 */

const SVG = "http://www.w3.org/2000/svg";

// Elements --------------------------------------------------------------------------------------------------------

/**
 * Make an HTML element: `h("button", { class: "wide", disabled: true, onclick: act }, "Play")`.
 * A function is a listener, `true` an empty attribute; `false`, `null` and `undefined` leave the attribute out.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {...(Child | Child[])} children
 * @returns {any} the element
 */
export function h(tag, attributes = {}, ...children) {
  const element = fill(document.createElement(tag), attributes, children);
  // JupyterLab takes the keys of a focused element for its own shortcuts unless that element forbids it
  if (element.tabIndex >= 0 || "tabindex" in attributes) element.setAttribute("data-lm-suppress-shortcuts", "true");
  return element;
}

/** Make an SVG element, as `h` does for HTML. @returns {any} */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  update(element, attributes);
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** Set, change or remove attributes and listeners of an element, by the rules of `h`. */
export function update(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (value === false || value == null) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  return element;
}

/** Put new children in the place of the old ones. @param {Element} element @param {...(Child | Child[])} children */
export function refill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child != null && child !== false));
}

// The model -------------------------------------------------------------------------------------------------------

/** Set several values and tell Python (or the page) once. @param {Model} model @param {Record<string, any>} values */
export function put(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

/**
 * Call back now, and once after every batch of changes to the named values.
 * @param {Model} model @param {string[]} names @param {() => void} callback
 * @returns {() => void} cleanup
 */
export function watch(model, names, callback) {
  let due = false;
  let alive = true;
  const later = () => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      if (alive) callback();
    });
  };
  for (const name of names) model.on(`change:${name}`, later);
  callback();
  return () => {
    alive = false;
    for (const name of names) model.off(`change:${name}`, later);
  };
}

// The panel and its controls --------------------------------------------------------------------------------------

/**
 * The frame of a widget, with controls that are bound both ways to its model.
 * @param {{ model: Model, el: HTMLElement }} place what `render` was given
 * @param {{ label: string, style?: string }} options `label` names the widget for screen readers, `style` is CSS for
 *   this widget alone: begin every selector with a class of its own
 */
export function panel({ model, el }, { label, style = "" }) {
  const root = h("section", { class: "cnn-panel", "aria-label": label }, style && h("style", {}, style));
  const region = h("p", { class: "cnn-hidden", role: "status", "aria-live": "polite" });
  const cleanups = [];
  root.append(region);
  el.append(root);
  const bound = (name, show) => cleanups.push(watch(model, [name], () => show(model.get(name))));

  return {
    root,

    /** Add children to the panel, above the live region. @param {...(Child | Child[])} children */
    add(...children) {
      region.before(...children.flat(Infinity).filter((child) => child != null && child !== false));
    },

    /** As `watch`, until the widget goes. @param {string[]} names @param {() => void} callback */
    watch(names, callback) {
      cleanups.push(watch(model, names, callback));
    },

    /** Say something politely to screen readers, after a moment of quiet. */
    announce: announcer(region),

    /** Do something when the widget goes, for example stop a timer. @param {() => void} callback */
    onDispose(callback) {
      cleanups.push(callback);
    },

    /**
     * A whole number or any number between two ends.
     * @param {string} name @param {{ label: string, min: number, max: number, step?: number, mark?: string,
     *   format?: (value: number) => string }} options `mark` is the letter of the formula
     */
    slider(name, { label, min, max, step = 1, mark = "", format = String }) {
      const input = h("input", {
        type: "range", min, max, step, "aria-label": label,
        oninput: () => put(model, { [name]: Number(input.value) }),
      });
      const value = h("span", { class: "cnn-value", "aria-hidden": "true" });
      bound(name, (now) => {
        input.value = String(now);
        const text = format(now);
        value.textContent = text;
        update(input, { "aria-valuetext": text });
        input.style.setProperty("--cnn-part", String(Math.min(1, Math.max(0, (now - min) / (max - min || 1)))));
      });
      return h("label", { class: "cnn-control cnn-slider" }, caption(label, mark), value, input);
    },

    /**
     * One of several choices: buttons in a row, or a menu if there are many.
     * @param {string} name @param {{ label: string, options: [any, string][], menu?: boolean }} options
     *   pairs of value and text
     */
    choice(name, { label, options, menu = options.length > 5 }) {
      const pick = (index) => put(model, { [name]: options[index][0] });
      const indexOf = (now) => options.findIndex(([value]) => value === now);
      if (menu) {
        const select = h("select", { "aria-label": label, onchange: () => pick(select.selectedIndex) },
          options.map(([, text]) => h("option", {}, text)));
        bound(name, (now) => { select.selectedIndex = indexOf(now); });
        return h("label", { class: "cnn-control cnn-choice" }, caption(label), select);
      }
      const group = unique();
      const radios = options.map((_, index) => h("input", { type: "radio", name: group, onchange: () => pick(index) }));
      bound(name, (now) => radios.forEach((radio, index) => { radio.checked = index === indexOf(now); }));
      return h("div", { class: "cnn-control cnn-choice", role: "radiogroup", "aria-label": label },
        caption(label),
        h("div", { class: "cnn-segments" },
          options.map(([, text], index) => h("label", {}, radios[index], h("span", {}, text)))));
    },

    /** On or off. @param {string} name @param {{ label: string }} options */
    toggle(name, { label }) {
      const input = h("input", {
        type: "checkbox", role: "switch", onchange: () => put(model, { [name]: input.checked }),
      });
      bound(name, (now) => { input.checked = Boolean(now); });
      return h("label", { class: "cnn-control cnn-toggle" }, input, h("span", {}, label));
    },

    /** A button. @param {string} text @param {() => void} act @param {Record<string, any>} [attributes] */
    button(text, act, attributes = {}) {
      return h("button", { type: "button", class: "cnn-button", ...attributes, onclick: act }, text);
    },

    /** Let go of the model and clear the place; `render` returns this. */
    dispose() {
      for (const cleanup of cleanups.splice(0)) cleanup();
      root.remove();
    },
  };
}

function caption(label, mark = "") {
  return h("span", { class: "cnn-name" }, label, mark && h("i", { class: "cnn-mark", "aria-hidden": "true" }, mark));
}

let counter = 0;

/** A name that no other element of the page has, for radio groups and references. */
export function unique() {
  counter += 1;
  return `cnn-${counter}-${Math.random().toString(36).slice(2, 8)}`;
}

/**
 * A function that puts text into a live region once it has been quiet for `wait` milliseconds; its first call is
 * only remembered, because a widget that was just built has no news.
 * @param {{ textContent: string | null }} region @param {number} [wait]
 * @returns {(text: string) => void}
 */
export function announcer(region, wait = 400) {
  let timer;
  let last = null;
  return (text) => {
    clearTimeout(timer);
    if (last === null || text === last) {
      last = text;
      return;
    }
    timer = setTimeout(() => {
      last = text;
      region.textContent = text;
    }, wait);
  };
}

/** Whether the reader asked for less motion. */
export function reducedMotion() {
  return globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
}

// Grids and keys --------------------------------------------------------------------------------------------------

/**
 * Where a key leads in a grid, or null if it is no key of grids.
 * @param {{ key: string, ctrlKey?: boolean, shiftKey?: boolean }} event
 *   arrows move by one (with shift by five), Home and End along the row, with ctrl to the first or last cell
 * @param {number} row @param {number} column @param {number} rows @param {number} columns
 * @returns {[number, number] | null}
 */
export function moveInGrid({ key, ctrlKey = false, shiftKey = false }, row, column, rows, columns) {
  const far = shiftKey ? 5 : 1;
  const clamp = (value, size) => Math.max(0, Math.min(size - 1, value));
  const moves = {
    ArrowUp: [row - far, column], ArrowDown: [row + far, column],
    ArrowLeft: [row, column - far], ArrowRight: [row, column + far],
    PageUp: [row - 10, column], PageDown: [row + 10, column],
    Home: [ctrlKey ? 0 : row, 0], End: [ctrlKey ? rows - 1 : row, columns - 1],
  };
  if (!Object.hasOwn(moves, key)) return null;
  return [clamp(moves[key][0], rows), clamp(moves[key][1], columns)];
}

/**
 * A grid of buttons of which one at a time can be tabbed to; arrow keys move on.
 * @param {number} rows @param {number} columns
 * @param {{ label: string, name?: (row: number, column: number) => string,
 *   select: (row: number, column: number) => void }} options `name` says a cell in words
 * @returns {{ element: any, cells: any[], mark: (row: number, column: number) => void }}
 *   `cells` row by row; `mark` makes one cell the current one
 */
export function cellGrid(rows, columns, { label, name = placeName, select }) {
  const cells = Array.from({ length: rows * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    return h("button", {
      type: "button", role: "gridcell", class: "cnn-cell", tabindex: -1, "aria-label": name(row, column),
      onclick: () => select(row, column),
      onkeydown: (event) => {
        const place = moveInGrid(event, row, column, rows, columns);
        if (!place) return;
        event.preventDefault();
        select(...place);
        cells[place[0] * columns + place[1]].focus();
      },
    });
  });
  const lines = Array.from({ length: rows }, (_, row) =>
    h("div", { role: "row" }, cells.slice(row * columns, (row + 1) * columns)));
  const element = h("div", { role: "grid", class: "cnn-grid", "aria-label": label }, lines);
  element.style.setProperty("--cnn-columns", String(columns));
  let current = null;
  const mark = (row, column) => {
    if (current) update(current, { tabindex: -1, "aria-selected": null });
    current = cells[row * columns + column];
    update(current, { tabindex: 0, "aria-selected": "true" });
  };
  if (cells.length) mark(0, 0);
  return { element, cells, mark };
}

/** @param {number} row @param {number} column */
export function placeName(row, column) {
  return `row ${row + 1}, column ${column + 1}`;
}

// Numbers and pixels ----------------------------------------------------------------------------------------------

/** A number short enough to read: at most `digits` decimals, a true minus sign, never "−0". */
export function short(value, digits = 2) {
  const text = Number(value.toFixed(digits)).toString();
  return (text === "-0" ? "0" : text).replace("-", "−");
}

// matplotlib's RdBu_r, so that a map has the colours of the figures: blue negative, pale zero, red positive.
const SIGNED = [
  [5, 48, 97], [33, 102, 172], [67, 147, 195], [146, 197, 222], [209, 229, 240], [247, 247, 247],
  [253, 219, 199], [244, 165, 130], [214, 96, 77], [178, 24, 43], [103, 0, 31],
];

/** Colour of a value in [−1, 1] as [red, green, blue]; values outside take the colour of the nearer end. */
export function signedColour(value) {
  const place = ((Math.max(-1, Math.min(1, value)) + 1) / 2) * (SIGNED.length - 1);
  const below = Math.min(SIGNED.length - 2, Math.floor(place));
  const part = place - below;
  return SIGNED[below].map((low, channel) => Math.round(low + part * (SIGNED[below + 1][channel] - low)));
}

/**
 * RGBA bytes of a map of numbers.
 * @param {ArrayLike<number>} values row by row
 * @param {{ signed?: boolean, limit?: number, floor?: number }} [options] grey from `floor` to `limit`, or signed
 *   colours from −limit to limit; without a limit the largest magnitude is taken
 */
export function colours(values, { signed = false, limit, floor = 0 } = {}) {
  const top = limit ?? (Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1);
  const bytes = new Uint8ClampedArray(values.length * 4);
  for (let index = 0; index < values.length; index += 1) {
    const grey = ((values[index] - floor) / (top - floor || 1)) * 255;
    const [red, green, blue] = signed ? signedColour(values[index] / top) : [grey, grey, grey];
    bytes.set([red, green, blue, 255], index * 4);
  }
  return bytes;
}

/**
 * Draw a map of numbers, one canvas pixel each; the style sheet makes them large and sharp.
 * @param {any} canvas @param {ArrayLike<number>} values row by row @param {number} height @param {number} width
 * @param {{ signed?: boolean, limit?: number, floor?: number }} [options] see `colours`
 */
export function paint(canvas, values, height, width, options = {}) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(colours(values, options), width, height), 0, 0);
}

/** The bytes of a value that Python sent as `bytes`. @param {DataView} view */
export function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A large value when it is needed: the page's host may give a function that fetches it. @returns {Promise<DataView>} */
export async function arrived(value) {
  return typeof value === "function" ? value() : value;
}

/** The float32 numbers of a value that Python sent as `bytes`. @param {DataView} view */
export function floatsOf(view) {
  return new Float32Array(bytesOf(view).slice().buffer);
}
