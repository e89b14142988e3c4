/** What several figures share: a text's tokens over two panels. */

import { axes, curve, legend, sheet, shortened, ticks, title } from "../drawing/svg.js";
import { tokens, tokensHeight } from "../drawing/tokens.js";

/**
 * Draw the tokens under a heading; return the sheet and the boxes of two panels, side
 * by side or, on a phone, one below the other.
 */
export function overPanels(width, heading, pieces, { shades, chosen, choose }, rows = 6) {
  const field = tokensHeight(pieces, width - 16);
  const narrow = width < 560;
  const tall = 40 + 27 * rows;
  const top = field + 90;
  const svg = sheet(width, top + (narrow ? 2 * tall + 135 : tall + 50));
  const size = narrow ? 10.5 : 16;
  svg.append(title(8, 26, shortened(heading, width - 12, size), size));
  tokens(svg, 8, 38, width - 16, pieces, { shades, chosen, choose });
  const half = narrow ? width - 16 : (width - 40) / 2;
  const left = { x: 8, y: top, width: half, height: tall };
  const right = narrow
    ? { x: 56, y: top + tall + 85, width: width - 72, height: tall }
    : { x: half + 82, y: top, width: width - half - 98, height: tall };
  return { svg, left, right, narrow };
}

/** Draw how surprises add up. `sums`: [{name, colour, nats}]. */
export function addingUp(svg, box, sums, unit, chosen) {
  const totals = sums.map(({ nats }) => {
    let total = 0;
    return [0, ...nats.map((each) => (total += each))];
  });
  const n = totals[0].length - 1;
  const most = Math.max(1, ...totals.map((total) => total.at(-1))) * 1.05;
  const at = axes(
    svg,
    box,
    { from: 0, to: n, ticks: ticks(n, 4).map((t) => [t, String(t)]), label: `${unit} read` },
    { from: 0, to: most, ticks: ticks(most).map((t) => [t, String(t)]), label: "nats so far" },
    "How it adds up",
  );
  const here = at.x(chosen + 0.5);
  svg.append(curve([[here, box.y], [here, box.y + box.height]], { stroke: "#333", "stroke-width": 1 }));
  sums.forEach(({ colour }, i) => {
    const points = totals[i].map((total, t) => [at.x(t), at.y(total)]);
    svg.append(curve(points, { stroke: colour, "stroke-dasharray": i ? "6 4" : null }));
  });
  const names = sums.map(({ name, colour }, i) => [
    `${name}: ${totals[i].at(-1).toFixed(1)}`,
    colour,
  ]);
  legend(svg, box.x + box.width - 2, box.y + box.height - 12 - 19 * (sums.length - 1), names);
}
