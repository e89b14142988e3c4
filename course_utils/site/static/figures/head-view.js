/** Page 02: what a head looks at, and what the model is without it. */

import { ask } from "../engine/client.js";
import { bars, ranked } from "../drawing/bars.js";
import { make, MODEL, percent, PURPLE, tint, title, TRUTH, words } from "../drawing/svg.js";
import { bringToLife, check, slider, text } from "./figure.js";
import { overPanels } from "./over_panels.js";

/** The whole head: who (row) looks at whom (column), darker where more. */
function matrix(svg, box, weights, T, chosen) {
  svg.append(title(box.x, box.y - 10, "The whole head"));
  const side = [box.width / T, box.height / T];
  for (let query = 0; query < T; query++) {
    for (let key = 0; key <= query; key++) {
      const weight = weights[query * T + key];
      if (weight < 0.004) continue;
      svg.append(
        make("rect", {
          x: box.x + key * side[0],
          y: box.y + query * side[1],
          width: side[0] + 0.3,
          height: side[1] + 0.3,
          fill: tint(weight),
        }),
      );
    }
  }
  const y = box.y + (chosen + 0.5) * side[1];
  svg.append(
    make("rect", { ...box, fill: "none", stroke: "#333333" }),
    make("line", { x1: box.x, x2: box.x + box.width, y1: y, y2: y, stroke: TRUTH }),
    words(box.x + box.width / 2, box.y + box.height + 20, "token looked at (key)", {
      "text-anchor": "middle",
    }),
  );
}

export async function setUp(place, settings) {
  const { model, prompt, layer, head, layers, heads } = settings;

  async function draw({ back, ...values }, width, set) {
    const { pieces, weights, states } = await ask("head", { model, ...values });
    const T = pieces.length;
    const chosen = Math.max(T - 1 - back, 0);
    const row = Array.from(weights.slice(chosen * T, (chosen + 1) * T));
    const heading = `Layer ${values.layer}, head ${values.head}: where the framed token looks`;
    const { svg, left, right, narrow } = overPanels(width, heading, pieces, {
      shades: row,
      chosen,
      choose: (i) => set("back", T - 1 - i),
    });
    const first = narrow ? { ...left, x: 12, width: left.width - 8 } : left;
    matrix(svg, { ...first, height: first.height - 10 }, weights, T, chosen);
    const colours = { on: MODEL, off: PURPLE };
    const series = Object.entries(states).map(([name, { loss, guess }]) => ({
      name: `${name}, loss ${loss.toFixed(2)}`,
      colour: colours[name],
      guess,
    }));
    const likely = ranked(series.map(({ guess }) => guess)).filter((word) =>
      series.some(({ guess }) => (new Map(guess).get(word) ?? 0) >= 0.005),
    );
    const box = narrow
      ? { ...right, x: 8, width: width - 16 }
      : { ...right, x: right.x - 46, width: right.width + 46 };
    const shown = likely.slice(0, 5);
    bars(svg, box, series, shown, { heading: "The next word", small: true });
    const most = row.map((_, i) => i).sort((a, b) => row[b] - row[a]).slice(0, 3);
    const seen = most.map((i) => `${pieces[i]} ${percent(row[i])}%`).join(", ");
    const losses = Object.entries(states)
      .map(([name, { loss }]) => `loss ${loss.toFixed(2)} with the head ${name}`)
      .join("; ");
    return { svg, alt: `${heading}. It looks most at ${seen}. ${losses}.` };
  }

  await bringToLife(place, {
    controls: {
      prompt: text("Text", prompt),
      layer: slider("layer", layer, { max: layers - 1 }),
      head: slider("head", head, { max: heads - 1 }),
      back: slider("tokens back from the end", 0, { max: 100 }),
      off: check("switch this head off", false),
    },
    draw,
  });
}
