/** The primer: steps down a parabola, by the learning rate. */

import { axes, curve, DARK, make, sheet, shortened, title, VERMILION } from "../drawing/svg.js";
import { bringToLife, slider } from "./figure.js";

const STEPS = 12;

/** The places on the way down from -2 on the loss (x - 1)². */
export function walk(rate) {
  const places = [-2];
  for (let step = 0; step < STEPS; step++) {
    const x = places[step];
    places.push(x - rate * 2 * (x - 1));
  }
  return places;
}

export async function setUp(place, { rate }) {
  async function draw({ rate }, width) {
    const places = walk(rate);
    const end = Math.abs(places.at(-1) - 1);
    const verdict = end < 0.05 ? "arrived" : end < 2.9 ? "on the way" : "no nearer";
    const heading = `Learning rate ${rate.toFixed(2)}: after ${STEPS} steps ${verdict}`;
    const svg = sheet(width, 350);
    svg.append(title(8, 26, shortened(heading, width - 12, 15.5)));
    const box = { x: 50, y: 42, width: width - 64, height: 255 };
    const marks = (numbers) => numbers.map((n) => [n, String(n)]);
    const at = axes(
      svg,
      box,
      { from: -4, to: 6, ticks: marks([-4, -2, 0, 2, 4, 6]), label: "x" },
      { from: -1, to: 26, ticks: marks([0, 5, 10, 15, 20, 25]), label: "loss", room: 34 },
    );
    const loss = (x) => (x - 1) ** 2;
    const point = (x) => [at.x(x), at.y(loss(x))];
    const grid = Array.from({ length: 200 }, (_, i) => -4 + i / 19.9);
    const seen = places.filter((x) => x >= -4 && x <= 6 && loss(x) <= 26);
    svg.append(
      curve(grid.map(point), { stroke: DARK }),
      curve(seen.map(point), { stroke: VERMILION }),
      ...seen.map((x) => {
        const [cx, cy] = point(x);
        return make("circle", { cx, cy, r: 4, fill: VERMILION });
      }),
    );
    return { svg, alt: `Steps down a parabola. ${heading}.` };
  }

  await bringToLife(place, {
    controls: {
      rate: slider("learning rate", rate, { min: 0.02, max: 1.1, step: 0.02 }),
    },
    draw,
  });
}
