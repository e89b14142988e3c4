/** What a model's tokens say of whole words: course_utils/sampling/next_word.py. */

import { softmax } from "./sampling.js";
import { splitPattern } from "./tokenizer.js";

const AT_ONCE = 32; // how many beginnings of words one pass of the model takes further

/** Decode; half a character, as long as it is alone, counts as a letter. */
const textOf = (bytes) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replaceAll("\ufffd", "x");

/** Which tokens go on with a word that has begun; the others end it. */
export class WordEnds {
  constructor(tokenizer) {
    const { letter, digit, space } = tokenizer.classes;
    this.tokenizer = tokenizer;
    this.texts = tokenizer.bytes.map(textOf);
    this.whole = new RegExp(`^(?:${splitPattern(tokenizer.classes).source})$`, "u");
    // Words after which the same tokens go on, and one that stands for them all.
    this.alike = [
      [new RegExp(`^ ?[${letter}]+$`, "u"), "a"],
      [new RegExp(`^ ?[${digit}]+$`, "u"), "1"],
      [new RegExp(`^(?!'$) ?[^${space}${letter}${digit}]+$`, "u"), "!"],
      [new RegExp(`^(?! $)[${space}]+$`, "u"), "\n"],
    ];
    this.known = new Map();
  }

  goesOn(bytes) {
    let text = textOf(bytes);
    text = this.alike.find(([pattern]) => pattern.test(text))?.[1] ?? text;
    if (!this.known.has(text)) {
      const goes = this.texts.map((token) => text === "" || this.whole.test(text + token));
      goes[this.tokenizer.endOfText] = false;
      this.known.set(text, goes);
    }
    return this.known.get(text);
  }
}

/** The n-th highest of some numbers. */
const nth = (numbers, n) => [...numbers].sort((a, b) => b - a)[n - 1];

/**
 * The model's n likeliest next words: a list of [word, probability], likeliest first.
 * Each probability is a lower bound; together they are at most 1.
 */
export async function nextWords(model, tokenizer, ends, prompt, n, minMass = 1e-4) {
  const ids = [tokenizer.endOfText, ...tokenizer.encode(prompt.replace(/ +$/, ""))];
  const read = await model.read(ids, model.emptyMemory());
  let first = softmax(read.scores);
  const spaced = prompt.replaceAll(" ", "") !== "" && prompt.endsWith(" ");
  if (spaced) {
    first = first.map((chance, id) => (tokenizer.bytes[id][0] === 32 ? chance : 0));
    const total = first.reduce((a, b) => a + b);
    first = first.map((chance) => chance / total);
  }
  const room = model.config.n_positions - ids.length;
  const words = new Map();
  let begun = [];
  let floor = minMass;
  let batch = [{ mass: 1, tokens: [] }];
  let rows = [first];
  while (batch.length) {
    const on = batch.map(({ tokens }) => ends.goesOn(tokenizer.decodeBytes(tokens)));
    batch.forEach(({ mass, tokens }, i) => {
      let ended = 0;
      rows[i].forEach((chance, id) => (ended += on[i][id] ? 0 : chance));
      const word = tokenizer.decode(tokens);
      words.set(word, (words.get(word) ?? 0) + mass * ended);
    });
    if (words.size >= n) floor = Math.max(minMass, nth(words.values(), n));
    batch.forEach(({ mass, tokens }, i) => {
      rows[i].forEach((chance, id) => {
        if (on[i][id] && mass * chance > floor && tokens.length < room) {
          begun.push({ mass: mass * chance, tokens: [...tokens, id] });
        }
      });
    });
    begun.sort((a, b) => b.mass - a.mass);
    const likely = begun.filter(({ mass }) => mass > floor).slice(0, AT_ONCE);
    begun = begun.slice(likely.length);
    batch = likely;
    if (batch.length) rows = await after(model, read.memory, batch);
  }
  const found = [...words].sort((a, b) => b[1] - a[1]).slice(0, n);
  return found.map(([word, mass]) => [spaced ? word.slice(1) : word, mass]);
}

/** What follows the text in `memory` and each of some beginnings: rows of (V,). */
async function after(model, memory, batch) {
  const T = Math.max(...batch.map(({ tokens }) => tokens.length));
  // Filled up on the right, which the causal mask hides from what is read off.
  const rows = batch.map(({ tokens }) => [
    ...tokens,
    ...Array(T - tokens.length).fill(0),
  ]);
  const { logits } = await model.run(rows, { memory });
  const V = logits.dims[2];
  return batch.map(({ tokens }, b) => {
    const start = (b * T + tokens.length - 1) * V;
    return softmax(logits.data.subarray(start, start + V));
  });
}
