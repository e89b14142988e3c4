/** Page 08: what temperature, top-k and top-p make of a distribution, and of texts. */

import { ask } from "../engine/client.js";
import { axes, CUT, DARK, legend, lines, make, MODEL, sheet, shortened, ticks, title, words } from "../drawing/svg.js";
import { bringToLife, slider } from "./figure.js";

export async function setUp(place, { model, beginning, sizes, start }) {
  async function draw({ temperature, topK, topP, seed }, width) {
    const knobs = { temperature, topK, topP };
    const seeds = [seed, seed + 1, seed + 2];
    const found = await ask("knobs", { model, beginning, knobs, seeds, n: 20 });
    const { tokens, own, after, left, texts } = found;
    const count = left.toLocaleString("en");
    const heading = `After “${beginning}”, tokens left: ${count}`;
    const written = texts.flatMap((each) =>
      lines(each.replaceAll(/\s+/g, " "), width - 20, 12).slice(0, 3),
    );
    const svg = sheet(width, 345 + 19 * written.length);
    svg.append(title(8, 26, shortened(heading, width - 12, 15.5)));
    const box = { x: 56, y: 44, width: width - 66, height: 200 };
    const most = Math.max(...own, ...after) * 105;
    const at = axes(
      svg,
      box,
      { from: 0, to: tokens.length, ticks: [], label: "" },
      { from: 0, to: most, ticks: ticks(most).map((t) => [t, String(+t.toFixed(3))]), label: "probability (%)" },
    );
    const bar = (i, chance, look) =>
      make("rect", {
        x: at.x(i + 0.1),
        width: at.x(i + 0.9) - at.x(i + 0.1),
        y: at.y(100 * chance),
        height: Math.max(0, box.y + box.height - at.y(100 * chance)),
        ...look,
      });
    tokens.forEach((token, i) => {
      const cut = after[i] === 0;
      const [x, y] = [at.x(i + 0.5) + 4, box.y + box.height + 14];
      svg.append(
        bar(i, after[i], { fill: MODEL }),
        bar(i, own[i], { fill: cut ? CUT : "none", stroke: cut ? CUT : DARK }),
        words(x, y, shortened(token, 90, 11), {
          "text-anchor": "end",
          "font-size": 11,
          transform: `rotate(-60 ${x} ${y})`,
        }),
      );
    });
    legend(svg, width - 12, box.y + 8, [
      ["with the knobs", MODEL],
      ["the model's own", "#FFFFFF", DARK],
      ["cut off", CUT],
    ]);
    written.forEach((line, i) => {
      svg.append(words(10, 335 + 19 * i, line, { "font-size": 12 }));
    });
    const cut = after.filter((chance) => chance === 0).length;
    const alt =
      "Bar chart of the likeliest next tokens: the model's own probabilities as " +
      "outlines, those with the knobs filled, what is cut off grey. " +
      `${heading}; ${cut} of the ${tokens.length} shown are cut off. ${texts.join(" ")}`;
    return { svg, alt };
  }

  await bringToLife(place, {
    controls: {
      temperature: slider("temperature", start.temperature, { min: 0.1, max: 2, step: 0.1 }),
      topK: slider("top k", start.topK, { options: sizes }),
      topP: slider("top p", start.topP, { min: 0.05, max: 1, step: 0.05 }),
      seed: slider("seed", 0, { max: 90, step: 3 }),
    },
    draw,
  });
}
