/** The knobs and the choice of a token, as course_utils/sampling/knobs.py. */

/** Probabilities of scores, computed in double precision; -Infinity has none. */
export function softmax(scores) {
  let largest = -Infinity;
  for (const score of scores) if (score > largest) largest = score;
  const chances = Float64Array.from(scores, (score) => Math.exp(score - largest));
  let total = 0;
  for (const chance of chances) total += chance;
  return chances.map((chance) => chance / total);
}

/** The places of the n highest numbers, highest first; of equals the first. */
export function highest(numbers, n = numbers.length) {
  const places = Array.from(numbers, (_, i) => i);
  return places.sort((a, b) => numbers[b] - numbers[a] || a - b).slice(0, n);
}

/** Scores after temperature, top-k and top-p, in this order. */
export function adjust(scores, { temperature = 1, topK = null, topP = null }) {
  let adjusted = Float64Array.from(scores, (score) => score / (temperature || 1));
  if (topK !== null) {
    const kth = adjusted[highest(adjusted, topK).at(-1)];
    adjusted = adjusted.map((score) => (score < kth ? -Infinity : score));
  }
  if (topP !== null) {
    // From the least likely on: a token goes if it and all less likely ones together
    // have at most 1 - p. The likeliest always stays.
    const chances = softmax(adjusted);
    const ascending = highest(adjusted).reverse();
    let sum = 0;
    for (const place of ascending.slice(0, -1)) {
      sum += chances[place];
      if (sum > 1 - topP) break;
      adjusted[place] = -Infinity;
    }
  }
  return adjusted;
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function random(seed) {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draw a place with these probabilities. */
export function draw(chances, next) {
  let left = next();
  let last = 0;
  for (let place = 0; place < chances.length; place++) {
    if (chances[place] > 0) {
      last = place;
      left -= chances[place];
      if (left < 0) break;
    }
  }
  return last;
}

/** Write up to n tokens after `ids`; `choose` takes scores and returns a token. */
export async function write(model, ids, n, end, choose) {
  const written = [];
  const chances = [];
  let read = { memory: model.emptyMemory() };
  let fresh = ids;
  while (written.length < n && ids.length + written.length < model.config.n_positions) {
    read = await model.read(fresh, read.memory);
    const token = choose(read.scores);
    written.push(token);
    chances.push(softmax(read.scores));
    if (token === end) break;
    fresh = [token];
  }
  return { written, chances };
}

/** The token with the highest score. */
export const likeliest = (scores) => highest(scores, 1)[0];
