/** Bars that lie: pairs of probabilities, one row for each word. */

import { axes, legend, make, percent, readable, shortened, title, words } from "./svg.js";

/** The words that are likeliest in any of the guesses, likeliest first. */
export function ranked(guesses) {
  const chances = guesses.map((guess) => new Map(guess));
  const all = [...new Set(chances.flatMap((guess) => [...guess.keys()]))];
  const of = (word) => chances.map((guess) => guess.get(word) ?? 0);
  return all.sort(
    (a, b) =>
      Math.max(...of(b)) - Math.max(...of(a)) ||
      of(b).at(-1) - of(a).at(-1) ||
      (a < b ? -1 : 1),
  );
}

/**
 * Draw rows of bars in a box. `series`: [{name, colour, guess: [[word, chance]…]}];
 * `shown`: the words, on top first; `bold`: the one that came.
 */
export function bars(svg, box, series, shown, { heading, bold, small = false }) {
  const size = small ? 11 : 13;
  const longest = Math.max(4, ...shown.map((word) => readable(word).length));
  const left = Math.min(box.width * 0.4, 0.62 * size * longest + 12);
  const inner = { x: box.x + left, y: box.y, width: box.width - left, height: box.height };
  const top = small ? 118 : 108;
  const at = axes(
    svg,
    inner,
    {
      from: 0,
      to: top,
      ticks: [0, 20, 40, 60, 80, 100].filter((n) => inner.width > 260 || n % 40 === 0)
        .map((n) => [n, String(n)]),
      label: "probability (%)",
    },
    { from: 0, to: 1, ticks: [], label: "" },
  );
  if (heading) svg.append(title(box.x, box.y - 10, shortened(heading, box.width, 15)));
  const room = small ? 26 : 0; // below the rows, for the legend
  const row = (inner.height - room) / Math.max(1, shown.length);
  const thick = (0.8 * row) / series.length;
  shown.forEach((word, place) => {
    const middle = inner.y + (place + 0.5) * row;
    svg.append(
      words(inner.x - 7, middle + 4, shortened(readable(word), left - 6, size), {
        "text-anchor": "end",
        "font-size": size,
        "font-weight": word === bold ? "bold" : null,
      }),
    );
    series.forEach(({ colour, guess }, i) => {
      const chance = new Map(guess).get(word) ?? 0;
      const y = middle + (i - series.length / 2) * thick;
      const length = at.x(100 * chance) - inner.x;
      svg.append(
        make("rect", { x: inner.x, y, width: length, height: thick * 0.95, fill: colour }),
        words(inner.x + length + 4, y + thick / 2 + 4, percent(chance), { "font-size": 11 }),
      );
    });
  });
  const low = inner.y + inner.height - 12 - (series.length - 1) * 19;
  legend(svg, box.x + box.width - 4, low, series.map(({ name, colour }) => [name, colour]));
}

/** The bars in words, as the notebooks' text alternative. */
export function barsInWords(heading, series, shown) {
  const rows = shown.map((word) => {
    const numbers = series.map(
      ({ name, guess }) => `${name} ${percent(new Map(guess).get(word) ?? 0)}%`,
    );
    return `${readable(word)}: ${numbers.join(", ")}`;
  });
  return `${heading.replaceAll(/\s+/g, " ")} (${rows.join("; ")})`;
}
