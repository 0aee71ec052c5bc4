/**
 * The reader's own picture: dropped, chosen or taken, answered by a network in a worker of this page, never uploaded.
 * The network's file is fetched at the first picture. All computing is done by `recognizer.mjs`.
 */
import { openCrew } from "./crew.mjs";
import { arrived, bytesOf, h, panel, put, short, update } from "./kit.mjs";
import { aboutNetwork, recognizer } from "./recognizer.mjs";

const LARGEST_FILE = 40e6; // bytes
const LARGEST_PICTURE = 80e6; // pixels
const UNSURE = 0.2; // below this calibrated confidence fewer than one answer in five was right
const ENOUGH = 1024; // pixels of the shorter side that are kept

// What is computed here: words and sizes ------------------------------------------------------------------------------

/**
 * Width and height that a picture file states in its first bytes, or null where it states none that is known here.
 * @param {Uint8Array} bytes of a PNG, GIF, WebP or JPEG file @returns {[number, number] | null}
 */
export function statedSize(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
  if (bytes.length < 30) return null;
  if (text(1, 4) === "PNG") return [view.getUint32(16), view.getUint32(20)];
  if (text(0, 3) === "GIF") return [view.getUint16(6, true), view.getUint16(8, true)];
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") {
    const kind = text(12, 16);
    const three = (at) => 1 + (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16));
    if (kind === "VP8X") return [three(24), three(27)];
    if (kind === "VP8 ") return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
    const packed = view.getUint32(21, true);
    return kind === "VP8L" ? [1 + (packed & 0x3fff), 1 + ((packed >> 14) & 0x3fff)] : null;
  }
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  for (let place = 2; place + 9 < bytes.length && bytes[place] === 0xff;) {
    const mark = bytes[place + 1];
    const frame = mark >= 0xc0 && mark <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(mark);
    if (frame) return [view.getUint16(place + 7), view.getUint16(place + 5)];
    place += 2 + view.getUint16(place + 2);
  }
  return null;
}

/** Why a file is refused before it is decoded, in words, or "" if it is not. */
export function refusal(name, size, stated) {
  if (!size) return `${name} is empty.`;
  if (size > LARGEST_FILE) return `${name} has ${short(size / 1e6, 0)} MB; this page takes pictures of at most ${LARGEST_FILE / 1e6} MB.`;
  if (stated && stated[0] * stated[1] > LARGEST_PICTURE) {
    return `${name} has ${stated[0]}×${stated[1]} pixels; this page takes at most ${LARGEST_PICTURE / 1e6} million.`;
  }
  return "";
}

/** Probabilities softmax(z / T). @param {ArrayLike<number>} logits @param {number} temperature */
export function softened(logits, temperature) {
  const top = Array.from(logits).reduce((most, value) => Math.max(most, value), -Infinity);
  const parts = Array.from(logits, (value) => Math.exp((value - top) / temperature));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}

/** log Σ exp z: how much evidence there is for anything. @param {ArrayLike<number>} logits */
export function evidence(logits) {
  const top = Array.from(logits).reduce((most, value) => Math.max(most, value), -Infinity);
  return top + Math.log(Array.from(logits).reduce((sum, value) => sum + Math.exp(value - top), 0));
}

const percent = (value) => `${Math.round(100 * value)}\u00a0%`;

/** The answer in a sentence, and a warning where the picture gives little evidence for anything. */
export function verdict(names, probabilities, total, threshold) {
  const [first, second] = names;
  if (total < threshold) {
    return `This picture is unlike those that the network knows: evidence ${short(total, 1)}, and 95\u00a0% of known photographs have more than ${short(threshold, 1)}. Do not believe the names; the first is ${first}.`;
  }
  if (probabilities[0] < UNSURE) return `I do not recognize this: no name reaches ${percent(UNSURE)}. The first is ${first}, with ${percent(probabilities[0])}.`;
  if (probabilities[0] >= 0.7) return `I see: ${first}, with ${percent(probabilities[0])}.`;
  return `I am not sure: ${first} with ${percent(probabilities[0])}, or ${second} with ${percent(probabilities[1])}.`;
}

/** Which sample this picture is a near-duplicate of, mirrored or not: place and bits that differ. */
export function seenBefore(bits, samples, most = 8) {
  const mirror = bits.map((_, place) => !bits[8 * Math.floor(place / 8) + 7 - (place % 8)]);
  const apart = (one, other) => one.reduce((sum, bit, place) => sum + (bit !== other[place]), 0);
  const found = samples.map((sample, index) => ({ index, bits: Math.min(apart(bits, sample), apart(mirror, sample)) }));
  return found.filter((one) => one.bits <= most).sort((one, other) => one.bits - other.bits)[0] ?? null;
}

// Pictures ------------------------------------------------------------------------------------------------------------

/**
 * Pixels of a file, turned as its EXIF says, what is transparent in white, at most ENOUGH pixels on the shorter side.
 * @param {Blob} file
 */
async function pixelsOf(file) {
  return drawn(await createImageBitmap(file, { imageOrientation: "from-image" }));
}

function drawn(source, width = source.width, height = source.height) {
  const scale = Math.min(1, ENOUGH / Math.min(width, height), 4096 / Math.max(width, height));
  const [columns, rows] = [width, height].map((length) => Math.max(1, Math.round(length * scale)));
  const context = h("canvas", { width: columns, height: rows }).getContext("2d");
  Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, columns, rows);
  context.drawImage(source, 0, 0, columns, rows);
  source.close?.();
  return context.getImageData(0, 0, columns, rows);
}

/** The files that stand one behind another: their number and lengths (32 bits each), then their bytes. */
export function unpackSamples(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = view.getUint32(0, true);
  let place = 4 + 4 * number;
  return Array.from({ length: number }, (_, index) => bytes.slice(place, (place += view.getUint32(4 + 4 * index, true))));
}

// The view --------------------------------------------------------------------------------------------------------

const STYLE = `
.op-stage { display: grid; gap: 1rem 1.4rem; grid-template-columns: minmax(0, 1fr); align-items: start; width: 100%; }
.op-part { display: flex; flex-direction: column; gap: 0.5rem; min-width: 0; }
.op-frame { position: relative; width: 100%; max-width: 320px; aspect-ratio: 1; border: 1px solid var(--cnn-line); border-radius: 6px; background: var(--cnn-faint); overflow: hidden; }
.op-frame canvas, .op-frame video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
.op-over { opacity: 0.62; mix-blend-mode: multiply; }
.op-thumb { padding: 2px; line-height: 0; }
.op-thumb img { width: 52px; height: 52px; object-fit: cover; border-radius: 6px; }
.op-thumb[aria-pressed="true"] { border-color: var(--cnn-orange); box-shadow: 0 0 0 1px var(--cnn-orange); }
.op-file { display: block; width: 100%; min-width: 0; min-height: 34px; font-size: 0.88em; }
.op-choose { flex: 1 1 16em; min-width: 0; }
.op-bars { display: grid; gap: 2px; }
.op-bar { display: grid; grid-template-columns: minmax(0, 9.5em) minmax(0, 1fr) 3.2em; gap: 0.5rem; align-items: center; min-height: 30px; padding: 0 0.35rem; border: 1px solid transparent; border-radius: 6px; background: none; color: inherit; font: inherit; font-size: 0.9em; text-align: left; cursor: pointer; }
.op-bar:hover { background: var(--cnn-faint); }
.op-bar[aria-pressed="true"] { border-color: var(--cnn-orange); }
.op-bar > :last-child { text-align: right; }
.op-track { height: 0.7em; border-radius: 3px; background: var(--cnn-line); overflow: hidden; }
.op-track > span { display: block; height: 100%; background: var(--cnn-blue); transform-origin: left; }
.op-small { font-size: 0.84em; color: var(--cnn-muted); margin: 0; }
.op-strange { border-left: 4px solid var(--cnn-orange); padding-left: 0.7rem; }
.op-drop { outline: 2px dashed var(--cnn-orange); outline-offset: 4px; }
@container (min-width: 34rem) { .op-stage { grid-template-columns: minmax(0, 20rem) minmax(0, 1fr); } }
`;

const HINT = { map: "Bright: where the network found the chosen name. The mean of this map is the name's logit.", hidden: "Bright: where hiding a square lowers the name's logit.", none: "" };

function render({ model, el }) {
  const ui = panel({ model, el }, { label: "A network in this page that looks at pictures", style: STYLE });
  const names = model.get("names");
  const files = unpackSamples(bytesOf(model.get("samples")));
  const hashesOfSamples = model.get("hashes").map((text) => Array.from(text, (bit) => bit === "1"));
  let [crew, about, seen, own, ticket, busy, hidden] = [null, null, null, "", 0, false, null];

  const picture = h("canvas", { width: 227, height: 227, role: "img", "aria-label": "No picture yet" });
  const over = h("canvas", { class: "op-over", hidden: true, "aria-hidden": "true" });
  const frame = h("div", { class: "op-frame" }, picture, over);
  const status = h("p", { class: "op-small" }, "Choose a photograph, or bring your own. The network is fetched at the first picture, once.");
  const say = h("p", { class: "cnn-say" });
  const known = h("p", { class: "op-small" });
  const trouble = h("p", { class: "cnn-say cnn-trouble", hidden: true });
  const bars = Array.from({ length: 5 }, (_, rank) => {
    const [name, fill, number] = [h("span", {}, `Answer ${rank + 1}`), h("span"), h("span")];
    const bar = h("button", { type: "button", class: "op-bar", hidden: true, onclick: () => put(model, { rank }) }, name, h("span", { class: "op-track" }, fill), number);
    return { bar, name, fill, number };
  });
  const hint = h("p", { class: "op-small" });

  const complain = (words) => {
    trouble.textContent = words;
    update(trouble, { hidden: words ? null : true });
    if (words) ui.announce(words);
  };

  // The crew, and the network at the first picture
  const hears = {
    loaded() {},
    failed({ words }) {
      busy = false;
      status.textContent = "";
      complain(`That did not work: ${words}`);
    },
    seen(message) {
      if (message.ticket !== ticket) return;
      busy = false;
      seen = message;
      hidden = null;
      showSeen();
    },
    hidden(message) {
      if (message.ticket !== ticket || !seen) return;
      hidden = message;
      hide.textContent = message.done ? "Hide and look" : "Stop";
      const place = message.values.indexOf(Math.min(...message.values));
      const [row, column] = [Math.floor(place / 7) + 1, (place % 7) + 1];
      status.textContent = message.done
        ? `Hiding row ${row}, column ${column} of 7 hurts most: the logit falls from ${short(seen.logits[message.target], 1)} to ${short(message.values[place], 1)}.`
        : `${message.count} of ${message.total} places hidden`;
      if (message.done) ui.announce(status.textContent);
      showOver();
    },
  };
  async function ready() {
    if (crew) return;
    status.textContent = "Fetching the network …";
    const bytes = bytesOf(await arrived(model.get("weights")));
    if (crew) return;
    about = aboutNetwork(bytes);
    const start = () => new Worker(new URL("./recognizer.mjs", import.meta.url), { type: "module" });
    crew = openCrew(start, recognizer, (message) => hears[message.type](message));
    ui.onDispose(crew.end);
    crew.send({ type: "load", bytes });
  }
  async function look(image, name) {
    own = name;
    complain("");
    try {
      await ready();
    } catch (error) {
      status.textContent = "";
      complain(`The network could not be fetched: ${error.message}`);
      return;
    }
    ticket += 1;
    busy = true;
    status.textContent = "Looking …";
    crew.send({ type: "look", ticket, image: { data: image.data, width: image.width, height: image.height } });
  }

  // Where pictures come from
  const take = async (file, name = file?.name) => {
    if (!file) return;
    stopCamera();
    const words = refusal(name, file.size, file.size <= LARGEST_FILE ? statedSize(new Uint8Array(await file.slice(0, 2 ** 20).arrayBuffer())) : null);
    if (words) {
      complain(words);
      return;
    }
    let image;
    try {
      image = await pixelsOf(file);
    } catch {
      complain(`${name} is no picture that this browser can read.`);
      return;
    }
    await look(image, name);
  };
  const takeOwn = (file) => {
    if (!file) return;
    put(model, { picture: -1 });
    take(file);
  };
  const addresses = [];
  const thumbs = names.map((name, index) => {
    const address = URL.createObjectURL(new Blob([files[index]], { type: "image/webp" }));
    addresses.push(address);
    return h("button", {
      type: "button", class: "cnn-button op-thumb", title: name, "aria-label": `Look at the ${name}`, "aria-pressed": "false",
      onclick: () => (model.get("picture") === index ? sample(index) : put(model, { picture: index })),
    }, h("img", { src: address, alt: "", class: "dark-light" }));
  });
  const sample = (index) => take(new Blob([files[index]], { type: "image/webp" }), names[index]);
  ui.onDispose(() => addresses.forEach((address) => URL.revokeObjectURL(address)));
  const chooser = h("input", { type: "file", accept: "image/*", class: "op-file", "aria-label": "Your own picture", onchange: () => { takeOwn(chooser.files[0]); chooser.value = ""; } });

  // The camera
  let stream = null;
  const video = h("video", { autoplay: true, muted: true, playsinline: true, "aria-label": "What the camera sees" });
  const camera = ui.button("Camera", () => (stream ? shoot() : openCamera()));
  async function openCamera() {
    complain("");
    if (!navigator.mediaDevices?.getUserMedia) {
      complain("This browser gives pages no camera here. Choose a file in its place.");
      return;
    }
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      complain(error.name === "NotAllowedError" ? "The camera was not allowed. Choose a file in its place." : "No camera was found. Choose a file in its place.");
      return;
    }
    video.srcObject = stream;
    frame.append(video);
    camera.textContent = "Take the picture";
  }
  function shoot() {
    if (!video.videoWidth) return;
    const image = drawn(video, video.videoWidth, video.videoHeight);
    stopCamera();
    put(model, { picture: -1 });
    look(image, "your camera's picture");
  }
  function stopCamera() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.remove();
    camera.textContent = "Camera";
  }
  ui.onDispose(stopCamera);
  const hover = (event) => {
    event.preventDefault();
    frame.classList.add("op-drop");
  };
  update(ui.root, {
    ondragover: hover,
    ondragenter: hover,
    ondragleave: () => frame.classList.remove("op-drop"),
    ondrop: (event) => {
      event.preventDefault();
      frame.classList.remove("op-drop");
      takeOwn(event.dataTransfer.files[0]);
    },
  });

  // What is shown
  const hide = ui.button("Hide and look", () => {
    if (hidden && !hidden.done) {
      crew.send({ type: "stop" });
      ticket += 1;
      hidden = { ...hidden, done: true };
      hide.textContent = "Hide and look";
      status.textContent = "Stopped.";
      return;
    }
    ticket += 1;
    hidden = { done: false, values: null };
    put(model, { shown: "hidden" });
    hide.textContent = "Stop";
    crew.send({ type: "hide", ticket, target: seen.labels[chosen()] });
  }, { disabled: true });
  const chosen = () => Math.min(model.get("rank"), 4);

  function showSeen() {
    const side = Math.sqrt(seen.picture.length / 3);
    paintPicture(picture, seen.picture, side);
    const classes = seen.labels.map((label) => about.classes[label]);
    const probabilities = softened(seen.logits, model.get("calibrated") ? model.get("temperature") : 1);
    const top = seen.labels.map((label) => probabilities[label]);
    const total = evidence(seen.logits);
    update(picture, { "aria-label": `${own}, as the network sees it` });
    const careful = softened(seen.logits, model.get("temperature"));
    say.textContent = verdict(classes, seen.labels.map((label) => careful[label]), total, model.get("threshold"));
    say.classList.toggle("op-strange", total < model.get("threshold") || careful[seen.labels[0]] < UNSURE);
    bars.forEach(({ bar, name, fill, number }, rank) => {
      name.textContent = classes[rank];
      number.textContent = percent(top[rank]);
      fill.style.transform = `scaleX(${top[rank].toFixed(4)})`;
      update(bar, { hidden: null, "aria-pressed": String(rank === chosen()) });
    });
    const before = seenBefore(seen.bits, hashesOfSamples);
    known.textContent = model.get("picture") < 0 && before
      ? `Its hash differs in ${before.bits} of 64 bits from this page's ${names[before.index]}: a near-duplicate.` : "";
    status.textContent = `Answered in ${short(seen.milliseconds, 0)} ms, in this page.`;
    update(hide, { disabled: null });
    hide.textContent = "Hide and look";
    showOver();
    ui.announce(say.textContent);
  }
  function showOver() {
    const kind = model.get("shown");
    const map = kind === "map" ? seen?.maps[chosen()] : hidden?.values && { values: hidden.values.map((value) => seen.logits[hidden.target] - value), height: 7, width: 7 };
    hint.textContent = kind === "map" && seen && !map ? "This network has no such map; hide and look in its place." : HINT[kind];
    update(over, { hidden: kind === "none" || !map });
    if (kind !== "none" && map) paintMap(over, map);
  }

  const shown = ui.choice("shown", { label: "Over the picture", options: [["map", "where it is"], ["hidden", "what hiding costs"], ["none", "nothing"]] });
  ui.add(
    h("div", { class: "cnn-row", role: "group", "aria-label": "Photographs to begin with" }, thumbs),
    h("div", { class: "cnn-row" },
      h("label", { class: "cnn-control op-choose" }, h("span", { class: "cnn-name" }, "Your own picture"), chooser), camera),
    h("p", { class: "op-small" }, "Or drop one here. It never leaves this page: nothing is uploaded, nothing is kept."),
    model.get("stand_in") && h("p", { class: "op-small" }, "The network for 1,000 classes could not be fetched when this page was made. A small one of the course stands in, which knows ten classes."),
    trouble,
    h("div", { class: "op-stage" },
      h("div", { class: "op-part" }, frame, hint, shown),
      h("div", { class: "op-part" }, say, h("div", { class: "op-bars", role: "group", "aria-label": "The five first names" }, bars.map(({ bar }) => bar)), ui.toggle("calibrated", { label: "Calibrated confidence" }), h("div", { class: "cnn-row" }, hide), status, known)));

  ui.watch(["picture"], () => {
    const index = model.get("picture");
    thumbs.forEach((thumb, place) => update(thumb, { "aria-pressed": String(place === index) }));
    if (index >= 0) sample(index);
  });
  ui.watch(["calibrated", "rank"], () => { if (seen && !busy) showSeen(); });
  ui.watch(["shown"], showOver);
  return ui.dispose;
}

function paintPicture(canvas, values, side) {
  const area = side * side;
  const bytes = new Uint8ClampedArray(4 * area).fill(255);
  for (let index = 0; index < 3 * area; index += 1) bytes[4 * (index % area) + Math.floor(index / area)] = 255 * values[index];
  Object.assign(canvas, { width: side, height: side });
  canvas.getContext("2d").putImageData(new ImageData(bytes, side, side), 0, 0);
}

/** Bright where the map is high: it is multiplied with the picture. */
function paintMap(canvas, { values, height, width }) {
  const top = Math.max(1e-6, ...values);
  const bytes = new Uint8ClampedArray(4 * values.length).fill(255);
  values.forEach((value, index) => bytes.fill(255 * Math.max(0, value) / top, 4 * index, 4 * index + 3));
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
}

export default { render };
