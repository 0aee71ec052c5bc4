/**
 * The static page's side of the widgets: mounts each one when it comes near, with a model that needs no kernel.
 *
 * `<div class="cnn-widget" data-widget="topic.mjs"><script type="application/json">{state}</script>still</div>`
 * becomes live by importing the module beside this file. An attribute `data-shared='{"stride": "geometry"}'` keeps
 * the value equal among all widgets of the page that share it under the same name, here "geometry".
 */

/** The models of this page's widgets; the only thing that widgets of one page have in common. */
export const models = new Set();

/** State without a kernel: the part of a Jupyter model that widgets use. */
export class PageModel {
  #state;
  #listeners = new Map();

  /** @param {Record<string, any>} state */
  constructor(state) {
    this.#state = state;
  }

  get(name) {
    return this.#state[name];
  }

  /** Set a value and tell the listeners, unless it is what it was. */
  set(name, value) {
    if (JSON.stringify(this.#state[name]) === JSON.stringify(value)) return;
    this.#state[name] = value;
    this.#tell(`change:${name}`);
    this.#tell("change");
  }

  save_changes() {}

  on(event, callback) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(callback);
  }

  off(event, callback) {
    this.#listeners.get(event)?.delete(callback);
  }

  #tell(event) {
    for (const callback of [...(this.#listeners.get(event) ?? [])]) callback();
  }
}

/** Read a widget's state; `{"$bytes": "…"}` is base64 and becomes a DataView, as Jupyter sends bytes. */
export function readState(text) {
  return JSON.parse(text, (_, value) => (typeof value?.$bytes === "string" ? decode(value.$bytes) : value));
}

/**
 * Fetch what stands in files beside this module: `{"$file": "network.bin"}` becomes a DataView too; with `"$later"` it
 * becomes a function that fetches it when the widget needs it.
 * @param {Record<string, any>} state @param {(name: string) => Promise<ArrayBuffer>} get
 */
export async function fetchFiles(state, get = file) {
  const names = Object.keys(state).filter((name) => typeof state[name]?.$file === "string");
  await Promise.all(names.map(async (name) => {
    const { $file, $later } = state[name];
    const arrive = async () => new DataView(await get($file));
    state[name] = $later ? arrive : await arrive();
  }));
  return state;
}

async function file(name) {
  if (!/^\w+\.bin$/.test(name)) throw new Error(`${name} is not the name of a widget's file`);
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} did not arrive (${response.status}).`);
  return response.arrayBuffer();
}

function decode(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new DataView(bytes.buffer);
}

/**
 * Keep a model's shared values equal to those of the models that share them, now and later.
 * @param {PageModel} model @param {Record<string, string>} names the channel of each shared value
 * @param {Iterable<PageModel>} all read again at each change
 */
export function share(model, names, all) {
  for (const [name, channel] of Object.entries(names)) {
    const others = () => [...all].filter((other) => other !== model && other.channels?.[name] === channel);
    const [first] = others();
    if (first) model.set(name, first.get(name));
    model.on(`change:${name}`, () => others().forEach((other) => other.set(name, model.get(name))));
  }
  model.channels = names;
}

async function mount(place) {
  try {
    const module = place.dataset.widget;
    if (!/^\w+\.mjs$/.test(module)) throw new Error(`${module} is not the name of a widget`);
    const state = readState(place.querySelector("script[type='application/json']").textContent);
    const arriving = import(new URL(module, import.meta.url).href).then(({ default: widget }) => {
      widget.warm?.(); // while files are on their way
      return widget;
    });
    const model = new PageModel(await fetchFiles(state));
    share(model, JSON.parse(place.dataset.shared ?? "{}"), models);
    models.add(model);
    const el = document.createElement("div");
    const widget = await arriving;
    await widget.render({ model, el });
    place.replaceChildren(el);
    place.dataset.state = "live";
  } catch (error) {
    explain(place, error);
  }
}

function explain(place, error) {
  const words = document.createElement("p");
  words.className = "cnn-error";
  words.setAttribute("role", "alert");
  words.textContent = `This picture could not be brought to life: ${error.message} It stays still.`;
  place.append(words);
  place.dataset.state = "failed";
}

function start() {
  const places = document.querySelectorAll(".cnn-widget[data-widget]:not([data-state])");
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter(({ isIntersecting }) => isIntersecting)) {
      watcher.unobserve(entry.target);
      mount(entry.target);
    }
  }, { rootMargin: "800px" });
  for (const place of places) {
    place.dataset.state = "waiting";
    watcher.observe(place);
  }
}

if (typeof document !== "undefined") start();
