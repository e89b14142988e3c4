/**
 * The worker: models and tokenizers live here, so that a page never waits for them.
 *
 * A message {id, ask, given} is answered by {id, answer} or {id, error}. Each question
 * is a function below.
 */

import { Model } from "./model.js";
import { nextWords, WordEnds } from "./next_words.js";
import { adjust, draw, highest, likeliest, random, softmax, write } from "./sampling.js";
import { END_OF_TEXT, Tokenizer } from "./tokenizer.js";

const ASSETS = new URL("../", import.meta.url);

async function fetched(name, as = "json") {
  const reply = await fetch(new URL(name, ASSETS));
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
  return reply[as]();
}

/** Load what a name stands for once; a failure may be tried again. */
function once(load) {
  const known = new Map();
  return (name) => {
    if (!known.has(name)) {
      const loading = load(name);
      loading.catch(() => known.delete(name));
      known.set(name, loading);
    }
    return known.get(name);
  };
}

const classes = once(() => fetched("models/characters.json"));
const tokenizers = once(async (name) => {
  const [vocab, merges, ranges] = await Promise.all([
    fetched(`models/${name}/vocab.json`),
    fetched(`models/${name}/merges.txt`, "text"),
    classes(""),
  ]);
  return new Tokenizer(vocab, merges, ranges);
});
const models = once(async (name) => {
  const [config, tokenizer] = await Promise.all([
    fetched(`models/${name}/course_config.json`),
    tokenizers(name),
  ]);
  const model = await Model.load(new URL(`models/${name}/model.onnx`, ASSETS), config);
  return { model, tokenizer, ends: new WordEnds(tokenizer) };
});

const promptIds = (tokenizer, text) => [
  tokenizer.endOfText,
  ...tokenizer.encode(text.replace(/ +$/, "")),
];
const labels = (tokenizer, ids) => ids.map((id) => tokenizer.label(id));

/** Losses in nats of the tokens ids[1…], given all before each. */
async function losses(model, ids) {
  const rows = await model.logits(ids.slice(0, -1));
  return rows.map((row, t) => -Math.log(softmax(row)[ids[t + 1]]));
}

const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

const questions = {
  async load({ model }) {
    await models(model);
    return true;
  },

  async encode({ model, texts }) {
    const tokenizer = await tokenizers(model);
    return texts.map((text) => tokenizer.encode(text));
  },

  async decode({ model, ids }) {
    return (await tokenizers(model)).decode(ids);
  },

  async logits({ model, ids }) {
    return (await models(model)).model.logits(ids);
  },

  async greedy({ model, ids, n }) {
    const { model: gpt } = await models(model);
    return (await write(gpt, ids, n, null, likeliest)).written;
  },

  async nextWords({ model, prompt, n }) {
    const { model: gpt, tokenizer, ends } = await models(model);
    return nextWords(gpt, tokenizer, ends, prompt, n);
  },

  /** A text after n merges, and its length after each number in `sizes`. */
  async segmentation({ model, text, n, sizes }) {
    const tokenizer = await tokenizers(model);
    const ids = tokenizer.encodeWith(text, n);
    return {
      pieces: labels(tokenizer, ids),
      bytes: new TextEncoder().encode(text).length,
      lengths: sizes.map((size) => tokenizer.encodeWith(text, size).length),
    };
  },

  /** Where a head looks, and the next word and the loss with and without it. */
  async head({ model, prompt, layer, head, off }) {
    const { model: gpt, tokenizer, ends } = await models(model);
    const ids = promptIds(tokenizer, prompt);
    if (ids.length < 2) throw new Error("Write at least one word.");
    const { weights } = await gpt.run([ids], { outputs: ["weights"] });
    const T = ids.length;
    const start = (layer * gpt.config.n_head + head) * T * T;
    const states = {};
    for (const state of off ? ["on", "off"] : ["on"]) {
      const seen = state === "off" ? gpt.without(layer, head) : gpt;
      const nats = await losses(seen, ids);
      const guess = await nextWords(seen, tokenizer, ends, prompt, 5);
      states[state] = { loss: mean(nats), guess };
    }
    return {
      pieces: labels(tokenizer, ids),
      weights: weights.data.slice(start, start + T * T),
      states,
    };
  },

  /** The surprise at each token, and what was expected in the place of one. */
  async surprises({ model, text, token }) {
    const { model: gpt, tokenizer } = await models(model);
    const ids = promptIds(tokenizer, text);
    if (ids.length < 2) throw new Error("Write at least one word.");
    const rows = await gpt.logits(ids.slice(0, -1));
    const nats = rows.map((row, t) => -Math.log(softmax(row)[ids[t + 1]]));
    const chosen = Math.min(token, nats.length) - 1;
    const chances = softmax(rows[chosen]);
    const came = tokenizer.decode([ids[chosen + 1]]);
    const guess = new Map(
      highest(chances, 8).map((id) => [tokenizer.decode([id]), chances[id]]),
    );
    if (!guess.has(came)) guess.set(came, Math.exp(-nats[chosen]));
    const pieces = labels(tokenizer, ids.slice(1));
    return { pieces, nats, chosen, came, guess: [...guess] };
  },

  /** The surprise at each word of a text, and the next words at one place. */
  async words({ model, words, word }) {
    const { model: gpt, tokenizer, ends } = await models(model);
    const parts = words.map((each) => tokenizer.encode(each));
    const nats = await losses(gpt, [tokenizer.endOfText, ...parts.flat()]);
    let place = 0;
    const perWord = parts.map((part) => {
      place += part.length;
      return nats.slice(place - part.length, place).reduce((a, b) => a + b, 0);
    });
    const before = words.slice(0, word - 1).join("");
    return {
      nats: perWord,
      guess: await nextWords(gpt, tokenizer, ends, before, 50),
    };
  },

  /** What the knobs make of the next token's chances, and texts written with them. */
  async knobs({ model, beginning, knobs, seeds, n }) {
    const { model: gpt, tokenizer } = await models(model);
    const ids = promptIds(tokenizer, beginning);
    const { scores } = await gpt.read(ids, gpt.emptyMemory());
    const own = softmax(scores);
    const after = softmax(adjust(scores, knobs));
    const best = highest(own, 24);
    const texts = [];
    for (const seed of seeds) {
      const next = random(seed);
      const choose = (row) => draw(softmax(adjust(row, knobs)), next);
      const { written } = await write(gpt, ids, n, tokenizer.endOfText, choose);
      const kept = written.filter((id) => id !== tokenizer.endOfText);
      texts.push(beginning + tokenizer.decode(kept));
    }
    return {
      tokens: labels(tokenizer, best),
      own: best.map((id) => own[id]),
      after: best.map((id) => after[id]),
      left: after.filter((chance) => chance > 0).length,
      texts,
    };
  },

  /** A greedy answer, with the chances in each of its places. */
  async answer({ model, prompt }) {
    const { model: gpt, tokenizer } = await models(model);
    const end = tokenizer.endOfText;
    const ids = promptIds(tokenizer, prompt);
    const { written, chances } = await write(gpt, ids, 100, end, likeliest);
    return {
      prompt: labels(tokenizer, ids.slice(1)),
      answer: labels(tokenizer, written),
      text: tokenizer.decode(written.filter((id) => id !== end)),
      chances: written.map((id, i) => chances[i][id]),
      guesses: chances.map((row) =>
        highest(row, 6).map((id) => [tokenizer.decode([id]), row[id]]),
      ),
      came: written.map((id) => (id === end ? END_OF_TEXT : tokenizer.decode([id]))),
    };
  },
};

let queue = Promise.resolve();
self.onmessage = ({ data: { id, ask, given } }) => {
  // One after the other: a model has one session.
  queue = queue.then(async () => {
    try {
      self.postMessage({ id, answer: await questions[ask](given) });
    } catch (error) {
      self.postMessage({ id, error: error.message });
    }
  });
};
