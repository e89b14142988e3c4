/** Page 04: what each word of a story costs the model, and what it costs the truth. */

import { ask } from "../engine/client.js";
import { bars, ranked } from "../drawing/bars.js";
import { MODEL, TRUTH } from "../drawing/svg.js";
import { bringToLife, slider } from "./figure.js";
import { addingUp, overPanels } from "./over_panels.js";
import { withTheOneThatCame } from "./token-surprises.js";

const label = (word) => word.replaceAll(" ", "·");

export async function setUp(place, { model, words, truths, word: start }) {
  const all = truths.map((truth) => Object.entries(truth));
  const costs = words.map((word, i) => Math.max(0, -Math.log(truths[i][word])));

  async function draw({ word }, width, set) {
    const { nats, guess } = await ask("words", { model, words, word });
    const i = word - 1;
    const cost = [nats[i].toFixed(2), costs[i].toFixed(2)];
    const told = `costs the model ${cost[0]}, the truth ${cost[1]} nats`;
    const heading = `Word ${word}, “${words[i].trim()}”, ${told}`;
    const series = [
      { name: "model", colour: MODEL, guess },
      { name: "truth", colour: TRUTH, guess: all[i] },
    ];
    const { svg, left, right } = overPanels(width, heading, words.map(label), {
      shades: nats.map((each) => Math.min(1, each / 4)), // 4 nats: one in 55
      chosen: i,
      choose: (place) => set("word", place + 1),
    });
    const shown = withTheOneThatCame(series.map(({ guess }) => guess), words[i]);
    bars(svg, left, series, shown, {
      heading: "Before it came",
      bold: words[i],
      small: true,
    });
    const sums = [
      { name: "model", colour: MODEL, nats },
      { name: "truth", colour: TRUTH, nats: costs },
    ];
    addingUp(svg, right, sums, "words", i);
    return { svg, alt: `${heading}.` };
  }

  await bringToLife(place, {
    controls: { word: slider("word", start, { min: 1, max: words.length }) },
    draw,
  });
}
