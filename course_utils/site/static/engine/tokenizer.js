/**
 * GPT-2's tokenizer, as course_utils/tokenization.py: text to token ids and back.
 *
 * It reads GPT-2's own files, vocab.json and merges.txt. What counts as a letter, a
 * digit or white space comes with the page (`classes`), so that a browser of another
 * Unicode version cuts every text as Python does.
 */

export const END_OF_TEXT = "<|endoftext|>";

/** The visible character that stands for each byte in GPT-2's files. */
function byteCharacters() {
  const visible = (byte) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const characters = [];
  let hidden = 0;
  for (let byte = 0; byte < 256; byte++) {
    characters.push(String.fromCharCode(visible(byte) ? byte : 256 + hidden++));
  }
  return characters;
}

/** GPT-2's pattern as a regular expression; `classes` holds ranges as in [a-z]. */
export function splitPattern({ letter, digit, space }, flags = "gu") {
  const alternatives = [
    "'s|'t|'re|'ve|'m|'ll|'d",
    ` ?[${letter}]+`,
    ` ?[${digit}]+`,
    ` ?[^${space}${letter}${digit}]+`,
    `[${space}]+(?![^${space}])`,
    `[${space}]+`,
  ];
  return new RegExp(alternatives.join("|"), flags);
}

export class Tokenizer {
  /** `merges`: the lines of merges.txt; the first n of them make an earlier stage. */
  constructor(vocab, merges, classes) {
    this.vocab = vocab;
    this.classes = classes;
    this.pattern = splitPattern(classes);
    this.size = Object.keys(vocab).length;
    this.endOfText = vocab[END_OF_TEXT];
    const characters = byteCharacters();
    const byteOf = new Map(characters.map((character, byte) => [character, byte]));
    this.byteIds = characters.map((character) => vocab[character]);
    this.bytes = [];
    for (const [token, id] of Object.entries(vocab)) {
      this.bytes[id] =
        token === END_OF_TEXT
          ? new TextEncoder().encode(token)
          : Uint8Array.from(token, (character) => byteOf.get(character));
    }
    this.merges = merges
      .split("\n")
      .filter((line) => line && !line.startsWith("#version"))
      .map((line) => line.split(" "))
      .map(([left, right]) => [vocab[left], vocab[right], vocab[left + right]]);
    this.ranks = this.ranksOf(this.merges.length);
    this.cache = new Map();
  }

  /** The first n merges: "left,right" -> the id of the token that joins them. */
  ranksOf(n) {
    return new Map(this.merges.slice(0, n).map(([a, b, id]) => [`${a},${b}`, id]));
  }

  /** Ids of one word's bytes after all merges, earliest learnt first. */
  encodeWord(word, ranks = this.ranks) {
    let ids = [...new TextEncoder().encode(word)].map((byte) => this.byteIds[byte]);
    for (;;) {
      let earliest = Infinity;
      for (let i = 1; i < ids.length; i++) {
        const id = ranks.get(`${ids[i - 1]},${ids[i]}`);
        if (id < earliest) earliest = id;
      }
      if (earliest === Infinity) return ids;
      const merged = [];
      for (const id of ids) {
        const last = merged.length - 1;
        if (last >= 0 && ranks.get(`${merged[last]},${id}`) === earliest) {
          merged[last] = earliest;
        } else {
          merged.push(id);
        }
      }
      ids = merged;
    }
  }

  /** The ids of a text. A special token in it is read as ordinary characters. */
  encode(text) {
    if (/\p{Surrogate}/u.test(text)) throw new Error("text must be valid Unicode");
    const ids = [];
    for (const [word] of text.matchAll(this.pattern)) {
      let known = this.cache.get(word);
      if (!known) {
        known = this.encodeWord(word);
        if (this.cache.size > 20000) this.cache.clear();
        if (word.length <= 32) this.cache.set(word, known);
      }
      for (const id of known) ids.push(id);
    }
    return ids;
  }

  /** The ids that a tokenizer with only the first n merges gives a text. */
  encodeWith(text, n) {
    const ranks = this.ranksOf(n);
    return [...text.matchAll(this.pattern)].flatMap(([w]) => this.encodeWord(w, ranks));
  }

  /** The joined bytes of tokens. */
  decodeBytes(ids) {
    return Uint8Array.from(ids.flatMap((id) => [...this.bytes[id]]));
  }

  /** The text of the ids; bytes that are not UTF-8 become U+FFFD. */
  decode(ids) {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.decodeBytes(ids));
  }

  /** A token as a figure shows it: half a character as bytes, a space as a dot. */
  label(id) {
    try {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      const text = decoder.decode(this.bytes[id]);
      return text.replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "→");
    } catch {
      const hex = (byte) => `<${byte.toString(16).padStart(2, "0")}>`;
      return [...this.bytes[id]].map(hex).join("");
    }
  }
}
