/**
 * A compressed network on typed arrays: only the weights that are not zero are kept, and only they are multiplied.
 *
 * Each convolution runs over one long line: its padded input is cut into stride² phases, in which every tap of the
 * window is one offset, so that a weight meets eight neighbouring places at once. The file is what
 * `cnncourse.applications.own_picture.page_file` writes.
 *
 * @typedef {{ channels: number, height: number, width: number }} Shape
 * @typedef {{ starts: Int32Array, taps: Int32Array, weights: Float32Array, bias: Float32Array }} Sparse for each output
 *   its weights from starts[o] to starts[o + 1], and where in the phases each of them begins
 * @typedef {{ name: string, kind: string, input: Shape, output: Shape, window?: number, stride?: number,
 *   padding?: number, parts?: { outputs: number, window: number }[], plane?: Plane } & Partial<Sparse>} Layer
 * @typedef {{ rows: number, columns: number, size: number }} Plane one phase of one channel
 */

const CODES = 256;
const TILE = 8;

// The file --------------------------------------------------------------------------------------------------------

/** The header alone: four bytes with its length, then JSON. @param {Uint8Array} bytes */
export function headerOf(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return { ...JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))), length: 4 + length };
}

/** What a file of the name `deflate` (RFC 1950) holds. @param {Uint8Array} bytes @returns {Promise<Uint8Array>} */
export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The network with its weights. @param {Uint8Array} bytes */
export async function readCompressed(bytes) {
  const { length, ...header } = headerOf(bytes);
  const weights = await inflate(bytes.subarray(length));
  return { ...header, layers: readLayers(header, weights) };
}

/**
 * Layers with their shapes and weights. `content` is what `cnncourse.models.deep_compression.encode` makes: how many
 * weights each part stores; then for each its 256 shared values, its biases, its codes (8 bits) and gaps (4 bits).
 * @param {{ input: Shape, layers: any[] }} header @param {Uint8Array} content @returns {Layer[]}
 */
export function readLayers({ input, layers }, content) {
  const number = layers.reduce((sum, { parts = [] }) => sum + parts.length, 0);
  const stored = new Uint32Array(content.slice(0, 4 * number).buffer);
  let [place, part, shape] = [4 * number, 0, input];
  const take = (size) => content.subarray(place, (place += size));
  const floats = (size) => new Float32Array(take(4 * size).slice().buffer);
  const result = layers.map((entry) => {
    const layer = { ...entry, input: shape, output: outputOf(entry, shape) };
    shape = layer.output;
    if (!entry.parts) return layer;
    const plane = planeOf(layer);
    const pieces = entry.parts.map(({ outputs, window }) => {
      const count = stored[part++];
      return { outputs, window, shared: floats(CODES), bias: floats(outputs), codes: take(count), gaps: take(Math.ceil(count / 2)) };
    });
    return { ...layer, plane, ...sparse(layer, plane, pieces) };
  });
  if (place !== content.length) throw new Error(`${content.length - place} bytes are left over: not a file for these layers`);
  return result;
}

/** Shape that a layer makes of its input's; pooling keeps a last window that sticks out. @returns {Shape} */
export function outputOf({ kind, window, stride, padding, parts }, { channels, height, width }) {
  if (kind === "average") return { channels, height: 1, width: 1 };
  if (kind === "maximum") {
    const size = (length) => Math.ceil((length - window) / stride) + 1;
    return { channels, height: size(height), width: size(width) };
  }
  if (kind !== "convolution") throw new Error(`a layer of a kind that this page does not know: ${kind}`);
  const size = (length) => Math.floor((length + 2 * padding - window) / stride) + 1;
  return { channels: parts.reduce((sum, { outputs }) => sum + outputs, 0), height: size(height), width: size(width) };
}

function planeOf({ input, stride, padding }) {
  const [rows, columns] = [input.height, input.width].map((length) => Math.ceil((length + 2 * padding) / stride));
  return { rows, columns, size: rows * columns };
}

/** The weights of all parts, side by side as outputs; a smaller window lies in the middle of the layer's. */
function sparse({ input, window, stride, padding }, plane, pieces) {
  const total = pieces.reduce((sum, { codes }) => sum + codes.length, 0);
  const outputs = pieces.reduce((sum, piece) => sum + piece.outputs, 0);
  const [starts, taps, weights, bias] = [new Int32Array(outputs + 1), new Int32Array(total), new Float32Array(total), new Float32Array(outputs)];
  let [kept, output] = [0, 0];
  for (const piece of pieces) {
    const [area, shift] = [piece.window ** 2, (window - piece.window) / 2];
    const fan = input.channels * area;
    bias.set(piece.bias, output);
    let [place, end] = [-1, output];
    for (let index = 0; index < piece.codes.length; index += 1) {
      const pair = piece.gaps[index >> 1];
      place += 1 + (index & 1 ? pair >> 4 : pair & 15);
      const value = piece.shared[piece.codes[index]];
      if (value === 0) continue; // only there because a gap was too long
      const [own, rest] = [Math.floor(place / fan), place % fan];
      if (own >= piece.outputs) throw new Error("a weight lies outside of its layer: the file is damaged");
      while (end < output + own) starts[(end += 1)] = kept;
      const [channel, y, x] = [Math.floor(rest / area), shift + Math.floor((rest % area) / piece.window), shift + (rest % piece.window)];
      const phase = (channel * stride + (y % stride)) * stride + (x % stride);
      taps[kept] = phase * plane.size + Math.floor(y / stride) * plane.columns + Math.floor(x / stride);
      weights[kept] = value;
      kept += 1;
    }
    while (end < output + piece.outputs) starts[(end += 1)] = kept;
    output += piece.outputs;
  }
  return { starts, taps: taps.slice(0, kept), weights: weights.slice(0, kept), bias };
}

// Forwards --------------------------------------------------------------------------------------------------------

/** Room for all values of a run; `maps[0]` is the input, `maps[i + 1]` what layer i makes of it. */
export function newRoom({ input, layers }) {
  const size = ({ channels, height, width }) => channels * height * width;
  const lines = layers.filter(({ plane }) => plane).map((layer) => layer.plane.size * layer.input.channels * layer.stride ** 2);
  return {
    maps: [input, ...layers.map(({ output }) => output)].map((shape) => new Float32Array(size(shape))),
    phases: new Float32Array(Math.max(0, ...lines) + TILE * 64 + Math.max(0, ...layers.map(({ plane }) => plane?.size ?? 0))),
  };
}

/** Run the network on `room.maps[0]`. @returns {Float32Array} the logits */
export function run({ layers }, { maps, phases }) {
  layers.forEach((layer, index) => {
    const [values, result] = [maps[index], maps[index + 1]];
    if (layer.kind === "convolution") {
      cutIntoPhases(values, layer, phases);
      convolveRectified(layer, phases, result);
    } else if (layer.kind === "maximum") maximumInside(values, layer, result);
    else meanOfMaps(values, layer, result);
  });
  return maps.at(-1);
}

/** The padded input, its rows and columns dealt out to stride² phases. */
export function cutIntoPhases(values, { input, stride, padding, plane }, phases) {
  const { channels, height, width } = input;
  phases.fill(0, 0, channels * stride ** 2 * plane.size);
  for (let channel = 0, source = 0; channel < channels; channel += 1) {
    for (let row = padding; row < height + padding; row += 1) {
      const line = (channel * stride + (row % stride)) * stride;
      const start = Math.floor(row / stride) * plane.columns;
      for (let column = padding; column < width + padding; column += 1, source += 1) {
        phases[(line + (column % stride)) * plane.size + start + Math.floor(column / stride)] = values[source];
      }
    }
  }
}

/**
 * max(0, w·x + b) of the weights that there are. Eight places share each weight; places in a row's end that belong to
 * no window are computed too and left out.
 */
export function convolveRectified({ output, plane, starts, taps, weights, bias }, phases, result) {
  const { height, width } = output;
  const { columns } = plane;
  for (let channel = 0; channel < output.channels; channel += 1) {
    const [first, last, start] = [starts[channel], starts[channel + 1], bias[channel]];
    for (let row = 0; row < height; row += 1) {
      const target = (channel * height + row) * width;
      for (let column = 0; column < width; column += TILE) {
        const corner = row * columns + column;
        let a = start, b = start, c = start, d = start, e = start, f = start, g = start, i = start;
        for (let index = first; index < last; index += 1) {
          const weight = weights[index];
          const place = taps[index] + corner;
          a += weight * phases[place];
          b += weight * phases[place + 1];
          c += weight * phases[place + 2];
          d += weight * phases[place + 3];
          e += weight * phases[place + 4];
          f += weight * phases[place + 5];
          g += weight * phases[place + 6];
          i += weight * phases[place + 7];
        }
        const end = target + column;
        const left = width - column;
        result[end] = a > 0 ? a : 0;
        if (left > 1) result[end + 1] = b > 0 ? b : 0;
        if (left > 2) result[end + 2] = c > 0 ? c : 0;
        if (left > 3) result[end + 3] = d > 0 ? d : 0;
        if (left > 4) result[end + 4] = e > 0 ? e : 0;
        if (left > 5) result[end + 5] = f > 0 ? f : 0;
        if (left > 6) result[end + 6] = g > 0 ? g : 0;
        if (left > 7) result[end + 7] = i > 0 ? i : 0;
      }
    }
  }
}

/** The maximum of each window, or of what of it lies inside. */
export function maximumInside(values, { input, output, window, stride }, result) {
  for (let channel = 0, target = 0; channel < output.channels; channel += 1) {
    for (let row = 0; row < output.height; row += 1) {
      const [top, bottom] = [row * stride, Math.min(input.height, row * stride + window)];
      for (let column = 0; column < output.width; column += 1, target += 1) {
        const [left, right] = [column * stride, Math.min(input.width, column * stride + window)];
        let best = -Infinity;
        for (let y = top; y < bottom; y += 1) {
          const line = (channel * input.height + y) * input.width;
          for (let x = left; x < right; x += 1) if (values[line + x] > best) best = values[line + x];
        }
        result[target] = best;
      }
    }
  }
}

/** The mean of each map: so a logit is nothing but the mean of its class's map. */
export function meanOfMaps(values, { input }, result) {
  const area = input.height * input.width;
  for (let channel = 0; channel < input.channels; channel += 1) {
    let sum = 0;
    for (let place = channel * area; place < (channel + 1) * area; place += 1) sum += values[place];
    result[channel] = sum / area;
  }
}
