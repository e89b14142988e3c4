/** A text's tokens as boxes in lines, each with its shade; one may be framed. */

import { DARK, make, tint, TRUTH, words } from "./svg.js";

const COLUMN = 7.3; // pixels of a sign
const LINE = 25;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu;
const GROUNDS = ["#CFE5F3", "#F9DCC8"]; // tints of blue and vermilion, in turn

/** How wide a label is: a Chinese character takes two columns. */
const columns = (label) => [...label].length + (label.match(WIDE) ?? []).length;

/** Where each token stands: [column, line], and the number of lines. */
function places(labels, most) {
  const found = [];
  let column = 0;
  let line = 0;
  for (const label of labels) {
    if (column && column + columns(label) > most) [column, line] = [0, line + 1];
    found.push([column, line]);
    column += columns(label);
  }
  return { found, count: line + 1 };
}

/** The height that a text's tokens take at this width. */
export const tokensHeight = (labels, width) =>
  LINE * places(labels, Math.floor(width / COLUMN)).count;

/**
 * Draw the tokens from (x, y) on. Without `shades` their grounds take turns. `choose`
 * is called with a token's place when it is clicked.
 */
export function tokens(svg, x, y, width, labels, { shades, chosen, choose, most } = {}) {
  const { found } = places(labels, Math.floor(width / COLUMN));
  const framed = [];
  labels.forEach((label, i) => {
    const [column, line] = found[i];
    if (most !== undefined && line >= most) return;
    const wide = columns(label) * COLUMN;
    const shade = shades?.[i] ?? 0;
    const box = make("rect", {
      x: x + column * COLUMN + 0.5,
      y: y + line * LINE + 2,
      width: wide - 1,
      height: LINE - 4,
      fill: shades ? tint(shade) : GROUNDS[i % 2],
      stroke: i === chosen ? TRUTH : shades ? "#DDDDDD" : "#FFFFFF",
      "stroke-width": i === chosen ? 2 : 1,
    });
    const text = words(x + (column + columns(label) / 2) * COLUMN, y + line * LINE + 17, label, {
      "text-anchor": "middle",
      "font-family": '"DejaVu Sans Mono", Menlo, Consolas, monospace',
      "font-size": 12,
      textLength: label.length > 1 ? wide - 2 : null,
      lengthAdjust: "spacingAndGlyphs",
      fill: shade > 0.3 ? "#FFFFFF" : DARK,
    });
    const token = make("g", { class: choose ? "course-token" : null }, box, text);
    if (choose) token.addEventListener("click", () => choose(i));
    if (i === chosen) framed.push(token);
    else svg.append(token);
  });
  svg.append(...framed); // last, so that no neighbour covers the frame
}
