/** Page 01: a text cut into tokens, beside what the merges buy. */

import { ask } from "../engine/client.js";
import { axes, curve, make, MODEL, sheet, shortened, title, TRUTH } from "../drawing/svg.js";
import { tokens, tokensHeight } from "../drawing/tokens.js";
import { bringToLife, slider, text } from "./figure.js";

const LINES = 9; // of tokens that are drawn

export async function setUp(place, { model, passage, sizes, merges }) {
  async function draw({ n, passage }, width) {
    const { pieces, bytes, lengths } = await ask("segmentation", {
      model,
      text: passage,
      n,
      sizes,
    });
    const narrow = width < 560;
    const left = narrow ? width - 16 : Math.floor(0.62 * width) - 12;
    const field = Math.min(tokensHeight(pieces, left), LINES * 25);
    const svg = sheet(width, narrow ? field + 300 : Math.max(field + 50, 290));
    const heading = `${bytes} bytes, ${pieces.length} tokens after ${n} merges`;
    svg.append(title(8, 26, shortened(heading, left, 15.5)));
    tokens(svg, 8, 38, left, pieces, { most: LINES });
    const box = narrow
      ? { x: 52, y: field + 85, width: width - 70, height: 160 }
      : { x: left + 70, y: 40, width: width - left - 86, height: 195 };
    const most = Math.max(1, ...lengths) * 1.05;
    const step = Math.max(1, Math.ceil(most / 5 / 10) * 10);
    const heights = Array.from({ length: 6 }, (_, i) => i * step).filter((h) => h <= most);
    // As matplotlib's "symlog": evenly up to 1, then by powers.
    const place = (size) => (size < 1 ? size : 1 + Math.log10(size));
    const at = axes(
      svg,
      box,
      {
        from: 0,
        to: place(sizes.at(-1)),
        ticks: [0, 1, 10, 100, 1000].map((size) => [place(size), String(size)]),
        label: "merges",
      },
      { from: 0, to: most, ticks: heights.map((h) => [h, String(h)]), label: "tokens" },
      "What merges buy",
    );
    const points = lengths.map((length, i) => [at.x(place(sizes[i])), at.y(length)]);
    const [cx, cy] = points[sizes.indexOf(n)];
    svg.append(
      curve(points, { stroke: MODEL }),
      make("circle", { cx, cy, r: 5, fill: TRUTH }),
    );
    const alt =
      `A text of ${bytes} bytes cut into ${pieces.length} tokens by ${n} merges, ` +
      `beside the curve of its length: ${lengths[0]} tokens without merges, ` +
      `${lengths.at(-1)} with ${sizes.at(-1)}. Tokens: ${pieces.join(" | ")}`;
    return { svg, alt };
  }

  await bringToLife(place, {
    controls: {
      n: slider("merges", merges, { options: sizes }),
      passage: text("text", passage),
    },
    draw,
  });
}
