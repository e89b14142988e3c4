/** Page 10: a task, and the model's answer token by token beside the right one. */

import { ask } from "../engine/client.js";
import { bars } from "../drawing/bars.js";
import { axes, make, MODEL, percent, ticks, TRUTH } from "../drawing/svg.js";
import { bringToLife, slider, text } from "./figure.js";
import { overPanels } from "./over_panels.js";
import { withTheOneThatCame } from "./token-surprises.js";

/** The task with one's own words in the place of the example's. */
function inOwnWords({ prompt, answer, template, known }, words) {
  if (!words) return { prompt, answer };
  return { prompt: template.join(words), answer: known[words] ?? null };
}

export async function setUp(place, { model, tasks }) {
  const kinds = Object.keys(tasks);
  let last = {};

  async function answerTo(prompt) {
    if (last.prompt !== prompt) last = { prompt, found: await ask("answer", { model, prompt }) };
    return last.found;
  }

  async function draw({ task, example, own, token }, width, set) {
    const posed = inOwnWords(tasks[task][example], own.trim());
    const found = await answerTo(posed.prompt);
    const chosen = Math.min(token, found.answer.length) - 1;
    const pieces = [...found.prompt, ...found.answer];
    const shades = [...found.prompt.map(() => 0), ...found.chances];
    const heading = "What the model reads, and in blue what it answers";
    const { svg, left, right } = overPanels(width, heading, pieces, {
      shades,
      chosen: found.prompt.length + chosen,
      choose: (i) => {
        if (i >= found.prompt.length) set("token", i - found.prompt.length + 1);
      },
    });
    const came = found.came[chosen];
    const guess = [...new Map([[came, found.chances[chosen]], ...found.guesses[chosen]])];
    bars(svg, left, [{ name: "model", colour: MODEL, guess }], withTheOneThatCame([guess], came), {
      heading: "Before it came",
      bold: came,
      small: true,
    });
    const n = found.answer.length;
    const at = axes(
      svg,
      right,
      { from: 0.4, to: n + 0.6, ticks: ticks(n, 5).filter((t) => t >= 1 && t % 1 === 0).map((t) => [t, String(t)]), label: "token of the answer" },
      { from: 0, to: 105, ticks: [0, 50, 100].map((t) => [t, String(t)]), label: "probability (%)" },
      "How sure of each token",
    );
    found.chances.forEach((chance, i) => {
      svg.append(
        make("rect", {
          x: at.x(i + 0.6),
          width: at.x(1.4) - at.x(0.6),
          y: at.y(100 * chance),
          height: right.y + right.height - at.y(100 * chance),
          fill: i === chosen ? TRUTH : MODEL,
        }),
      );
    });
    const verdict =
      posed.answer === null
        ? "Right answer: not known here."
        : `Right answer: ${posed.answer.trim()} (${found.text === posed.answer ? "the same" : "not the same"})`;
    const above = [`The model: ${found.text.trim()}`, verdict];
    const alt =
      `A prompt and a model's answer. ${above.join(" ")} The framed token ` +
      `${found.answer[chosen]} had ${percent(found.chances[chosen])} percent.`;
    return { svg, alt, above };
  }

  await bringToLife(place, {
    controls: {
      task: slider("task", kinds[0], { options: kinds }),
      example: slider("example", 0, { max: Math.min(...kinds.map((k) => tasks[k].length)) - 1 }),
      own: text("Your own words", ""),
      token: slider("token of the answer", 1, { min: 1, max: 40 }),
    },
    draw,
  });
}
