/** Page 06: a recorded run among others, by peak and warm-up of its learning rate. */

import { axes, curve, MODEL, sheet, shortened, ticks, title, words } from "../drawing/svg.js";
import { bringToLife, slider } from "./figure.js";

export async function setUp(place, { runs, rates, peaks, warmups, start }) {
  async function draw({ peak, warmup }, width) {
    const key = `${peak},${warmup}`;
    const run = runs[key];
    const shares = rates[warmup];
    const steps = shares.length;
    const every = steps / run.length;
    const svg = sheet(width, 430);
    const heading = `AdamW: peak ${peak}, ${warmup} steps of warm-up`;
    svg.append(title(8, 26, shortened(heading, width - 12, 15.5)));
    const along = { from: 0, to: steps, ticks: [], label: "" };
    const top = { x: 56, y: 42, width: width - 70, height: 220 };
    const losses = { from: 1, to: 8, ticks: [2, 4, 6, 8].map((t) => [t, String(t)]), label: "loss (nats per token)" };
    const at = axes(svg, top, along, losses);
    const points = (losses) =>
      losses.map((loss, i) => [at.x(every * (i + 0.5)), at.y(Math.min(8, loss))]);
    for (const other of Object.values(runs)) {
      svg.append(curve(points(other), { stroke: "#CCCCCC", "stroke-width": 1 }));
    }
    svg.append(curve(points(run), { stroke: MODEL, "stroke-width": 3 }));
    const low = { x: 56, y: 285, width: width - 70, height: 70 };
    const below = axes(
      svg,
      low,
      { from: 0, to: steps, ticks: ticks(steps).map((t) => [t, String(t)]), label: "step" },
      { from: 0, to: 1.1, ticks: [[0, "0"], [1, "1"]], label: "rate / peak" },
    );
    svg.append(curve(shares.map((share, t) => [below.x(t), below.y(share)]), { stroke: "#333333" }));
    const note = `One of ${Object.keys(runs).length} recorded runs: made beforehand.`;
    svg.append(words(8, 420, note, { "font-size": 12 }));
    return { svg, alt: `${heading}: the loss ends at ${run.at(-1).toFixed(2)}. ${note}` };
  }

  await bringToLife(place, {
    controls: {
      peak: slider("peak", start.peak, { options: peaks }),
      warmup: slider("warmup", start.warmup, { options: warmups }),
    },
    draw,
  });
}
