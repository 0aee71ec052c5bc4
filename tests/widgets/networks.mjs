// Networks with random weights for tests, always the same ones.
import { outputShape } from "../../cnncourse/widgets/network.mjs";

let state = 1;
const random = () => ((state = (state * 16807) % 2147483647) / 2147483647) * 2 - 1;

/** Numbers in (−1, 1). */
export const numbers = (length) => Float32Array.from({ length }, random);

/** The file of a network of any layers, in the format of `cnncourse.models.page_format`. */
export function file(input, entries) {
  const parts = [];
  let shape = input;
  for (const entry of entries) {
    if (entry.outputs) {
      const area = entry.kind === "convolution" ? entry.window ** 2 : shape.height * shape.width;
      const sign = () => (random() < 0 ? 0x80 : 0);
      const halves = { length: 2 * shape.channels * area * entry.outputs }; // ±0.125 to ±0.25
      parts.push(Uint8Array.from(halves, (_, index) => (index % 2 ? 0x30 + sign() : 64 * Math.floor(2 + 2 * random()))));
      parts.push(new Uint8Array(numbers(entry.outputs).map((value) => value + 2).buffer));
      parts.push(new Uint8Array(numbers(entry.outputs).buffer));
    }
    shape = outputShape(entry, shape);
  }
  const text = { name: "invented ✓", input, mean: [0], std: [1], classes: [], layers: entries };
  const header = new TextEncoder().encode(JSON.stringify(text));
  const length = new Uint8Array(Uint32Array.of(header.length).buffer);
  return Uint8Array.from([length, header, ...parts].flatMap((part) => [...part]));
}
