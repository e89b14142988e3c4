/** Page 03: parameters by part, work for a token and memory for training. */

import { axes, BLUE, make, sheet, ticks, title, words } from "../drawing/svg.js";
import { bringToLife, slider } from "./figure.js";

const T = 1024; // positions

/** Parameters by part, forward FLOPs a token, training bytes. */
export function cost(L, C, V) {
  const shares = {
    embeddings: (V + T) * C,
    attention: L * (4 * C * C + 4 * C),
    MLPs: L * (8 * C * C + 5 * C),
  };
  const norms = (2 * L + 1) * 2 * C;
  const flops = 2 * (12 * L * C * C + V * C) + 4 * L * T * C;
  const all = Object.values(shares).reduce((a, b) => a + b) + norms;
  return { shares, flops, memory: 16 * all };
}

const grouped = (number) => Math.round(number).toLocaleString("en");

export async function setUp(place, { start, layers, widths, vocabularies }) {
  async function draw({ layer, width: C, vocabulary }, width) {
    const { shares, flops, memory } = cost(layer, C, vocabulary);
    const heading = `${grouped(memory / 16e6)} million parameters`;
    const svg = sheet(width, 215);
    svg.append(title(8, 26, heading));
    const box = { x: 100, y: 40, width: width - 120, height: 105 };
    const millions = Object.values(shares).map((n) => n / 1e6);
    const most = Math.max(...millions) * 1.15;
    const marks = ticks(most, width < 450 ? 3 : 5).map((t) => [t, grouped(t)]);
    const x = { from: 0, to: most, ticks: marks, label: "millions of parameters" };
    const at = axes(svg, box, x, { from: 0, to: 1, ticks: [], label: "" });
    Object.keys(shares).forEach((name, i) => {
      const y = box.y + 6 + i * 34;
      const length = at.x(millions[i]) - box.x;
      svg.append(
        words(box.x - 7, y + 18, name, { "text-anchor": "end" }),
        make("rect", { x: box.x, y, width: length, height: 27, fill: BLUE }),
        words(box.x + length + 4, y + 18, grouped(millions[i])),
      );
    });
    const told =
      `a token costs ${(flops / 1e9).toFixed(2)} billion FLOPs; ` +
      `training takes ${(memory / 1e9).toFixed(1)} GB`;
    const size = width < 450 ? 11 : 13;
    svg.append(words(8, 207, told, { "font-size": size }));
    return { svg, alt: `Bars of parameters by part: ${heading}; ${told}.` };
  }

  await bringToLife(place, {
    controls: {
      layer: slider("n layer", start.layer, layers),
      width: slider("n embd", start.width, widths),
      vocabulary: slider("vocab size", start.vocabulary, { options: vocabularies }),
    },
    draw,
  });
}
