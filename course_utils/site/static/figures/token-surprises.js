/** Page 09: what each token of one's own text costs the model. */

import { ask } from "../engine/client.js";
import { bars, ranked } from "../drawing/bars.js";
import { MODEL } from "../drawing/svg.js";
import { bringToLife, slider, text } from "./figure.js";
import { addingUp, overPanels } from "./over_panels.js";

/** The six likeliest, and among them the one that came. */
export function withTheOneThatCame(guesses, came) {
  const best = ranked(guesses).slice(0, 6);
  return best.includes(came) ? best : [...best.slice(0, 5), came];
}

export async function setUp(place, { model, text: start, token }) {
  async function draw(values, width, set) {
    const found = await ask("surprises", { model, ...values });
    const { pieces, nats, chosen, came, guess } = found;
    const costs = `costs ${nats[chosen].toFixed(2)} nats`;
    const heading = `Token ${chosen + 1}, “${came.trim()}”, ${costs}`;
    const shown = withTheOneThatCame([guess], came);
    const { svg, left, right } = overPanels(width, heading, pieces, {
      shades: nats.map((each) => Math.min(1, each / 4)), // 4 nats: one in 55
      chosen,
      choose: (i) => set("token", i + 1),
    });
    const series = [{ name: "model", colour: MODEL, guess }];
    bars(svg, left, series, shown, { heading: "Before it came", bold: came, small: true });
    addingUp(svg, right, [{ name: "model", colour: MODEL, nats }], "tokens", chosen);
    const alt = `${heading}. The framed token ${pieces[chosen]} ${costs}.`;
    return { svg, alt };
  }

  await bringToLife(place, {
    controls: {
      text: text("Your text", start),
      token: slider("token", token, { min: 1, max: 60 }),
    },
    draw,
  });
}
