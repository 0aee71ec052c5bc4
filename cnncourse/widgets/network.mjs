/**
 * A trained network on typed arrays, forwards and backwards: one function for each operation and its way back.
 *
 * Volumes are Float32Arrays, channel by channel, each channel row by row. Every convolution is the product of its
 * weights with a matrix of windows (im2col), in tiles of 4 channels by 4 places whose sums stay in registers.
 * A tape holds all that one run needs; nothing is allocated while it runs.
 *
 * @typedef {{ channels: number, height: number, width: number }} Shape
 * @typedef {{ bias: Float32Array, window: number, stride: number, padding: number, outputs: number,
 *   forwards: Float32Array, backwards: Float32Array | null }} Convolution its weights, packed for both directions
 * @typedef {{ name: string, kind: string, input: Shape, output: Shape, window?: number, stride?: number,
 *   padding?: number, weight?: Float32Array, bias?: Float32Array } & Partial<Convolution>} Layer
 * @typedef {{ name: string, input: Shape, mean: number[], std: number[], classes: string[], layers: Layer[] }} Network
 * @typedef {{ maps: Float32Array[], gradients: Float32Array[], switches: (Int32Array | null)[], scratch: Scratch }} Tape
 *   `maps[0]` is the input and `maps[i + 1]` what layer i makes of it; `gradients` lie beside them
 * @typedef {{ padded: Float32Array, windows: Float32Array, product: Float32Array }} Scratch
 * @typedef {"gradient" | "deconvnet" | "guided"} Rule
 */

export const RULES = ["gradient", "deconvnet", "guided"];

const sizeOf = ({ channels, height, width }) => channels * height * width;
const upToFour = (number) => 4 * Math.ceil(number / 4);

// The file --------------------------------------------------------------------------------------------------------

const SCALES = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(1, exponent) - 25));

/** Numbers of 16 bits (sign, 5 bits of exponent, 10 of fraction) as float32. @param {Uint8Array} bytes */
export function halves(bytes) {
  const result = new Float32Array(bytes.length / 2);
  for (let index = 0; index < result.length; index += 1) {
    const bits = bytes[2 * index] | (bytes[2 * index + 1] << 8);
    const exponent = (bits >> 10) & 31;
    const size = ((bits & 1023) + (exponent ? 1024 : 0)) * SCALES[exponent];
    result[index] = bits & 0x8000 ? -size : size;
  }
  return result;
}

/**
 * What the file says of itself: everything but the weights, with the shapes of all layers.
 * It is what `cnncourse.models.page_format` writes: four bytes that say how long the header is, then the header as JSON.
 * @param {Uint8Array} bytes @returns {Network}
 */
export function describe(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let input = header.input;
  const layers = header.layers.map((entry) => {
    const layer = { ...entry, input, output: outputShape(entry, input) };
    input = layer.output;
    return layer;
  });
  return { ...header, layers, length: 4 + length };
}

/**
 * The network with its weights; after the header stand, for each layer, weights (16 bits), and one factor and one bias
 * for each output (32 bits).
 * @param {Uint8Array} bytes @returns {Network}
 */
export function readNetwork(bytes) {
  const { length, ...network } = describe(bytes);
  let place = length;
  const take = (size) => bytes.slice(place, (place += size));
  for (const layer of network.layers.filter(({ outputs }) => outputs)) {
    const fan = layer.kind === "convolution" ? layer.input.channels * layer.window ** 2 : sizeOf(layer.input);
    const weight = halves(take(2 * fan * layer.outputs));
    const factors = new Float32Array(take(4 * layer.outputs).buffer);
    layer.bias = new Float32Array(take(4 * layer.outputs).buffer);
    factors.forEach((factor, unit) => scale(weight.subarray(unit * fan, (unit + 1) * fan), factor));
    if (layer.kind === "linear") layer.weight = weight;
    else Object.assign(layer, packedBothWays(weight, layer, layer.input.channels));
  }
  return network;
}

function scale(values, factor) {
  for (let index = 0; index < values.length; index += 1) values[index] *= factor;
}

/** Shape that a layer makes of its input's. @returns {Shape} */
export function outputShape({ kind, window, stride, padding = 0, outputs }, { channels, height, width }) {
  const size = (length) => Math.floor((length + 2 * padding - window) / stride) + 1;
  if (kind === "relu") return { channels, height, width };
  if (kind === "linear") return { channels: outputs, height: 1, width: 1 };
  return { channels: outputs ?? channels, height: size(height), width: size(width) };
}

/** Room for one network's values, gradients and intermediate results. @param {Network} network @returns {Tape} */
export function newTape({ input, layers }) {
  const sizes = [sizeOf(input), ...layers.map(({ output }) => sizeOf(output))];
  const needs = layers.filter(({ kind }) => kind === "convolution").flatMap((layer) => [
    scratchOf(layer.input, layer.output, layer),
    scratchOf(layer.output, layer.input, { ...layer, padding: layer.window - 1 - layer.padding }),
  ]);
  const most = (name) => new Float32Array(Math.max(1, ...needs.map((need) => need[name])));
  return {
    maps: sizes.map((size) => new Float32Array(size)),
    gradients: sizes.map((size) => new Float32Array(size)),
    switches: layers.map(({ kind, output }) => (kind === "maximum" ? new Int32Array(sizeOf(output)) : null)),
    scratch: { padded: most("padded"), windows: most("windows"), product: most("product") },
  };
}

function scratchOf(input, output, { window, padding }) {
  const places = upToFour(output.height * output.width);
  return {
    padded: input.channels * (input.height + 2 * padding) * (input.width + 2 * padding),
    windows: places * input.channels * window ** 2,
    product: places * upToFour(output.channels),
  };
}

// Convolution -----------------------------------------------------------------------------------------------------

/** Weights (outputs, fan) with four outputs side by side, as the product reads them; missing ones are 0. */
export function packed(weight, outputs, fan) {
  const result = new Float32Array(upToFour(outputs) * fan);
  for (let output = 0; output < outputs; output += 1) {
    const start = (output - (output % 4)) * fan + (output % 4);
    for (let index = 0; index < fan; index += 1) result[start + 4 * index] = weight[output * fan + index];
  }
  return result;
}

/** The way back is a convolution too, with input and output exchanged and each kernel turned by 180°. */
function packedBothWays(weight, { outputs, window, stride }, inputs) {
  const area = window ** 2;
  return {
    forwards: packed(weight, outputs, inputs * area),
    backwards: stride === 1 ? packed(turned(weight, outputs, inputs, area), inputs, outputs * area) : null,
  };
}

/** Weights (outputs, inputs, area) → (inputs, outputs, area), each kernel from its end. */
export function turned(weight, outputs, inputs, area) {
  const result = new Float32Array(weight.length);
  for (let output = 0, place = 0; output < outputs; output += 1) {
    for (let input = 0; input < inputs; input += 1) {
      const end = (input * outputs + output + 1) * area - 1;
      for (let tap = 0; tap < area; tap += 1, place += 1) result[end - tap] = weight[place];
    }
  }
  return result;
}

/** Write a volume into a larger one with zeros around. @param {Float32Array} values @param {Shape} shape */
export function pad(values, { channels, height, width }, padding, result) {
  const [rows, columns] = [height + 2 * padding, width + 2 * padding];
  if (padding) result.fill(0, 0, channels * rows * columns);
  for (let channel = 0; channel < channels; channel += 1) {
    for (let row = 0; row < height; row += 1) {
      const start = (channel * height + row) * width;
      const place = (channel * rows + row + padding) * columns + padding;
      for (let column = 0; column < width; column += 1) result[place + column] = values[start + column];
    }
  }
}

/**
 * The matrix of windows, four places side by side: `result[(place − place % 4)·fan + 4·tap + place % 4]`.
 * @param {Float32Array} padded @param {Shape} shape of the padded volume @param {Shape} output
 */
export function lineUp(padded, { channels, height, width }, output, window, stride, result) {
  const places = output.height * output.width;
  const start = (place) => {
    const inside = Math.min(place, places - 1); // the last tile repeats the last place
    return Math.floor(inside / output.width) * stride * width + (inside % output.width) * stride;
  };
  let target = 0;
  for (let place = 0; place < places; place += 4) {
    const [first, second, third, fourth] = [start(place), start(place + 1), start(place + 2), start(place + 3)];
    for (let channel = 0; channel < channels; channel += 1) {
      for (let y = 0; y < window; y += 1) {
        let source = (channel * height + y) * width;
        for (let x = 0; x < window; x += 1) {
          result[target] = padded[source + first];
          result[target + 1] = padded[source + second];
          result[target + 2] = padded[source + third];
          result[target + 3] = padded[source + fourth];
          target += 4;
          source += 1;
        }
      }
    }
  }
}

/**
 * Product of packed weights (rows, fan) and packed windows (fan, places) → (rows, places), both multiples of 4.
 * Sixteen sums stay in registers while four weights meet four values: eight reads for sixteen products.
 */
export function multiply(weight, windows, rows, places, fan, result) {
  for (let place = 0; place < places; place += 4) {
    for (let row = 0; row < rows; row += 4) {
      let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      let c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
      let [left, right] = [row * fan, place * fan];
      for (const end = left + 4 * fan; left < end; left += 4, right += 4) {
        const x0 = windows[right], x1 = windows[right + 1], x2 = windows[right + 2], x3 = windows[right + 3];
        const a = weight[left], b = weight[left + 1], c = weight[left + 2], d = weight[left + 3];
        a0 += a * x0; a1 += a * x1; a2 += a * x2; a3 += a * x3;
        b0 += b * x0; b1 += b * x1; b2 += b * x2; b3 += b * x3;
        c0 += c * x0; c1 += c * x1; c2 += c * x2; c3 += c * x3;
        d0 += d * x0; d1 += d * x1; d2 += d * x2; d3 += d * x3;
      }
      let target = row * places + place;
      result[target] = a0; result[target + 1] = a1; result[target + 2] = a2; result[target + 3] = a3;
      target += places;
      result[target] = b0; result[target + 1] = b1; result[target + 2] = b2; result[target + 3] = b3;
      target += places;
      result[target] = c0; result[target + 1] = c1; result[target + 2] = c2; result[target + 3] = c3;
      target += places;
      result[target] = d0; result[target + 1] = d1; result[target + 2] = d2; result[target + 3] = d3;
    }
  }
}

function correlate(values, input, output, { window, stride, padding, weight, bias }, scratch, result) {
  const larger = { channels: input.channels, height: input.height + 2 * padding, width: input.width + 2 * padding };
  const [places, tiled] = [output.height * output.width, upToFour(output.height * output.width)];
  pad(values, input, padding, scratch.padded);
  lineUp(scratch.padded, larger, output, window, stride, scratch.windows);
  multiply(weight, scratch.windows, upToFour(output.channels), tiled, input.channels * window * window, scratch.product);
  for (let channel = 0; channel < output.channels; channel += 1) {
    const start = bias ? bias[channel] : 0;
    const [from, to] = [channel * tiled, channel * places];
    for (let place = 0; place < places; place += 1) result[to + place] = scratch.product[from + place] + start;
  }
}

/** Convolution of any window, stride and padding, with a bias. @param {Float32Array} values @param {Layer} layer */
export function convolve(values, layer, scratch, result) {
  correlate(values, layer.input, layer.output, { ...layer, weight: layer.forwards }, scratch, result);
}

/** Its gradient with respect to the input, for stride 1: transposed filtering. */
export function convolveBack(gradient, layer, scratch, result) {
  if (!layer.backwards) throw new Error(`${layer.name} has stride ${layer.stride}; the way back is written for stride 1`);
  const way = { window: layer.window, stride: 1, padding: layer.window - 1 - layer.padding, weight: layer.backwards, bias: null };
  correlate(gradient, layer.output, layer.input, way, scratch, result);
}

// The other operations --------------------------------------------------------------------------------------------

/** max(0, x). */
export function rectify(values, result) {
  for (let index = 0; index < values.length; index += 1) result[index] = values[index] > 0 ? values[index] : 0;
}

/**
 * Back through the rectifier, in which alone the three methods differ: the gradient passes where the input was
 * positive, the deconvnet where the signal is positive, guided backpropagation where both are.
 * @param {Float32Array} gradient @param {Float32Array} values what went in @param {Rule} rule
 */
export function rectifyBack(gradient, values, rule, result) {
  const [byInput, bySignal] = [rule !== "deconvnet", rule !== "gradient"];
  for (let index = 0; index < gradient.length; index += 1) {
    const stopped = (byInput && values[index] <= 0) || (bySignal && gradient[index] <= 0);
    result[index] = stopped ? 0 : gradient[index];
  }
}

/** The first maximum of each window, and in `switches` where in the input it was. */
export function maximum(values, { input, output, window, stride }, switches, result) {
  for (let channel = 0, target = 0; channel < output.channels; channel += 1) {
    for (let row = 0; row < output.height; row += 1) {
      for (let column = 0; column < output.width; column += 1, target += 1) {
        const corner = (channel * input.height + row * stride) * input.width + column * stride;
        let best = corner;
        for (let y = 0; y < window; y += 1) {
          for (let x = 0; x < window; x += 1) {
            const place = corner + y * input.width + x;
            if (values[place] > values[best]) best = place;
          }
        }
        switches[target] = best;
        result[target] = values[best];
      }
    }
  }
}

/** Unpooling: each value returns to the place that its switch remembers. */
export function maximumBack(gradient, switches, result) {
  result.fill(0);
  for (let index = 0; index < gradient.length; index += 1) result[switches[index]] += gradient[index];
}

/** The mean of each window. */
export function average(values, { input, output, window, stride }, result) {
  forWindows(input, output, stride, (corner, target) => {
    let sum = 0;
    for (let y = 0; y < window; y += 1) for (let x = 0; x < window; x += 1) sum += values[corner + y * input.width + x];
    result[target] = sum / window ** 2;
  });
}

/** Each value returns in equal parts to all that it is the mean of. */
export function averageBack(gradient, { input, output, window, stride }, result) {
  result.fill(0);
  forWindows(input, output, stride, (corner, target) => {
    const part = gradient[target] / window ** 2;
    for (let y = 0; y < window; y += 1) for (let x = 0; x < window; x += 1) result[corner + y * input.width + x] += part;
  });
}

function forWindows(input, output, stride, act) {
  for (let target = 0; target < sizeOf(output); target += 1) {
    const [line, column] = [Math.floor(target / output.width), target % output.width];
    const [channel, row] = [Math.floor(line / output.height), line % output.height];
    act((channel * input.height + row * stride) * input.width + column * stride, target);
  }
}

/** A layer in which every output sees every input. */
export function linear(values, { weight, bias }, result) {
  for (let unit = 0, place = 0; unit < result.length; unit += 1) {
    let sum = bias[unit];
    for (let index = 0; index < values.length; index += 1, place += 1) sum += weight[place] * values[index];
    result[unit] = sum;
  }
}

/** Its gradient with respect to the input: the transposed weights. */
export function linearBack(gradient, { weight }, result) {
  result.fill(0);
  for (let unit = 0; unit < gradient.length; unit += 1) {
    const [share, start] = [gradient[unit], unit * result.length];
    if (share === 0) continue;
    for (let index = 0; index < result.length; index += 1) result[index] += share * weight[start + index];
  }
}

/** Probabilities from logits. @param {ArrayLike<number>} logits @returns {number[]} */
export function softmax(logits) {
  const top = Array.from(logits).reduce((most, value) => Math.max(most, value), -Infinity);
  const parts = Array.from(logits, (value) => Math.exp(value - top));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}

// The whole network -----------------------------------------------------------------------------------------------

/** Values in [0, 1] of all channels, centred and scaled as the network was trained. */
export function prepare({ input, mean, std }, picture, result) {
  const area = input.height * input.width;
  for (let index = 0; index < result.length; index += 1) {
    const channel = Math.floor(index / area);
    result[index] = (picture[index] - mean[channel]) / std[channel];
  }
}

/**
 * Run the network on `tape.maps[0]`; every layer's values stay on the tape for the way back.
 * @param {Network} network @param {Tape} tape @returns {Float32Array} the logits
 */
export function forward({ layers }, { maps, switches, scratch }) {
  layers.forEach((layer, index) => {
    const [values, result] = [maps[index], maps[index + 1]];
    if (layer.kind === "convolution") convolve(values, layer, scratch, result);
    else if (layer.kind === "relu") rectify(values, result);
    else if (layer.kind === "maximum") maximum(values, layer, switches[index], result);
    else if (layer.kind === "average") average(values, layer, result);
    else if (layer.kind === "linear") linear(values, layer, result);
    else throw new Error(`${layer.name} is a layer of a kind that this page does not know: ${layer.kind}`);
  });
  return maps.at(-1);
}

/**
 * Go back from one layer's output to the input, with a signal that the caller has written into `tape.gradients[from]`.
 * @param {Network} network @param {Tape} tape after `forward` @param {number} from 1 is the output of the first layer
 * @param {Rule} rule for the rectifiers
 * @returns {Float32Array} `tape.gradients[0]`, with respect to the prepared input
 */
export function backward({ layers }, { maps, gradients, switches, scratch }, from, rule = "gradient") {
  for (let index = from - 1; index >= 0; index -= 1) {
    const [layer, gradient, result] = [layers[index], gradients[index + 1], gradients[index]];
    if (layer.kind === "convolution") convolveBack(gradient, layer, scratch, result);
    else if (layer.kind === "relu") rectifyBack(gradient, maps[index], rule, result);
    else if (layer.kind === "maximum") maximumBack(gradient, switches[index], result);
    else if (layer.kind === "average") averageBack(gradient, layer, result);
    else linearBack(gradient, layer, result);
  }
  return gradients[0];
}

/**
 * The gradient of one unit, or its projection by another rule.
 * @param {Network} network @param {Tape} tape @param {number} from @param {number} unit place in that layer's output
 * @param {Rule} [rule]
 */
export function inputGradient(network, tape, from, unit, rule = "gradient") {
  tape.gradients[from].fill(0)[unit] = 1;
  return backward(network, tape, from, rule);
}
