/** Page 00: what comes next, the model's bars beside the true ones. */

import { ask } from "../engine/client.js";
import { bars, barsInWords, ranked } from "../drawing/bars.js";
import { MODEL, sheet, shortened, title, TRUTH } from "../drawing/svg.js";
import { bringToLife, text } from "./figure.js";

/** Words that begin so, and their chances given that one does. */
function withBeginning(chances, begun) {
  const fitting = chances.filter(([word]) => word.startsWith(begun));
  const total = fitting.reduce((sum, [, chance]) => sum + chance, 0);
  return fitting.map(([word, chance]) => [word, chance / total]);
}

/** The true next words after every beginning of the offered stories. */
async function readTruths() {
  const reply = await fetch(new URL("../data/stories.json", import.meta.url));
  if (!reply.ok) throw new Error(`stories.json: ${reply.status}`);
  const stories = await reply.json();
  const truths = new Map();
  for (const { words, truths: each } of stories) {
    each.forEach((truth, n) => truths.set(words.slice(0, n).join(""), Object.entries(truth)));
  }
  return { stories, truths };
}

/** The offered beginning that a text goes on from inside a word, and the word's start. */
function insideAWord(prompt, truths) {
  const begun = prompt.match(/ ?\p{L}+$/u)?.[0];
  if (!begun) return null;
  const before = prompt.slice(0, -begun.length);
  const truth = truths.get(before);
  const fits = truth?.some(([word]) => word.startsWith(begun) && word !== begun);
  const whole = truth?.some(([word]) => word === begun);
  return fits && !whole ? { before, begun, truth } : null;
}

export async function setUp(place, { model, prompt }) {
  const { stories, truths } = await readTruths();

  async function draw({ prompt }, width) {
    const inside = insideAWord(prompt, truths);
    let guess;
    let truth;
    let heading;
    if (inside) {
      const { before, begun } = inside;
      const all = await ask("nextWords", { model, prompt: before, n: 1000 });
      guess = withBeginning(all, begun);
      truth = withBeginning(inside.truth, begun);
      heading = `Which word begins with “${begun.trim()}”?`;
    } else {
      guess = await ask("nextWords", { model, prompt, n: 100 });
      const spaced = prompt.trim() !== "" && prompt.endsWith(" ");
      truth = truths.get(prompt.replace(/ +$/, "")) ?? [];
      if (spaced) truth = truth.map(([word, chance]) => [word.slice(1), chance]);
      const most = Math.floor(width / 11) - 16;
      const end = prompt.length <= most ? prompt : `…${prompt.slice(1 - most)}`;
      heading = `What follows “${end}”?`;
    }
    const series = [{ name: "model", colour: MODEL, guess }];
    if (truth.length) series.push({ name: "truth", colour: TRUTH, guess: truth });
    const shown = ranked(series.map(({ guess }) => guess)).slice(0, 8);
    const height = 115 + 35 * shown.length;
    const svg = sheet(width, height);
    svg.append(title(8, 24, shortened(heading, width - 10, 15.5)));
    bars(svg, { x: 8, y: 40, width: width - 16, height: height - 90 }, series, shown, {});
    const above = truth.length
      ? []
      : ["The model alone: the truth is known here for the offered stories only."];
    return { svg, alt: barsInWords(heading, series, shown), above };
  }

  const starts = stories.map(({ name, words }) => [name, words.join("")]);
  await bringToLife(place, {
    controls: { prompt: text("The story so far", prompt) },
    choices: { label: "Offered:", name: "prompt", options: starts },
    draw,
  });
  addSteps(place, stories);
}

/** A slider that takes away and gives back the words of an offered story. */
function addSteps(place, stories) {
  const box = place.querySelector("input[type=text]");
  const row = document.createElement("div");
  row.className = "course-control course-control-range";
  const label = document.createElement("label");
  label.textContent = "words of it";
  const range = document.createElement("input");
  const shown = document.createElement("output");
  Object.assign(range, { type: "range", min: 1, id: `${box.id}-words` });
  label.htmlFor = range.id;
  row.append(label, range, shown);
  place.querySelector("form").append(row);

  let story;
  const follow = () => {
    story =
      stories.find(({ words }) => words.join("") === box.value) ??
      (story?.words.join("").startsWith(box.value) ? story : undefined) ??
      stories.find(({ words }) => words.join("").startsWith(box.value));
    range.disabled = !story;
    if (!story) return;
    let n = 0;
    for (let length = 0; length < box.value.length; n++) length += story.words[n].length;
    range.max = story.words.length;
    range.value = n;
    shown.textContent = `${n} of ${story.words.length}`;
    range.setAttribute("aria-valuetext", shown.textContent);
  };
  range.addEventListener("input", () => {
    box.value = story.words.slice(0, Number(range.value)).join("");
  });
  place.querySelector("form").addEventListener("input", follow);
  place.querySelector(".course-choices").addEventListener("click", () => setTimeout(follow));
  follow();
}
