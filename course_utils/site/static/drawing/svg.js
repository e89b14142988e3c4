/** Pictures as SVG, in the look of the notebooks' (course_utils/figures/plots.py). */

// After Okabe and Ito, as in the notebooks: one colour, one meaning, on every page.
export const BLUE = "#0072B2";
export const VERMILION = "#D55E00";
export const GREEN = "#009E73";
export const PURPLE = "#CC79A7";
export const DARK = "#333333";
export const MODEL = BLUE;
export const TRUTH = VERMILION;
export const CUT = "#BBBBBB";

const SPACE = "http://www.w3.org/2000/svg";

/** Make an SVG element; null attributes are left out. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** A white sheet of this size. */
export function sheet(width, height) {
  const svg = make("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    fill: DARK,
    "font-family": '"DejaVu Sans", Verdana, "Noto Sans", sans-serif',
    "font-size": 13,
  });
  svg.append(make("rect", { width, height, fill: "#ffffff" }));
  return svg;
}

export function words(x, y, content, attributes = {}) {
  return make("text", { x, y, ...attributes }, String(content));
}

export function title(x, y, content, size = 16) {
  return words(x, y, content, { "font-size": size, "font-weight": "bold" });
}

/** Cut a text to about so many pixels at a font's size. */
export function shortened(text, pixels, size = 13) {
  const most = Math.max(4, Math.floor(pixels / (0.6 * size)));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** Break a text into lines of about so many pixels. */
export function lines(text, pixels, size = 13) {
  const most = Math.max(8, Math.floor(pixels / (0.6 * size)));
  const found = [""];
  for (const word of text.split(" ")) {
    const last = found[found.length - 1];
    if (last && last.length + word.length + 1 > most) found.push(word);
    else found[found.length - 1] = last ? `${last} ${word}` : word;
  }
  return found;
}

/** "<1", "0" to "100": a probability in percent, as the notebooks write it. */
export function percent(chance) {
  const hundredths = Math.round(1e8 * chance) / 1e6;
  if (hundredths > 0 && hundredths < 0.5) return "<1";
  const whole = Math.floor(hundredths);
  const rest = hundredths - whole;
  return String(rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? whole + 1 : whole);
}

export const readable = (word) => word.trim() || (word === "" ? "(the end)" : "(a space)");

/** The tint of a share in [0, 1]: white to blue, over its square root. */
export function tint(share) {
  const strength = Math.sqrt(Math.min(1, Math.max(0, share)));
  const channel = (blue) => Math.round(255 + strength * (blue - 255));
  return `rgb(${channel(0)},${channel(114)},${channel(178)})`;
}

/** Round numbers in [0, most], about n of them. */
export function ticks(most, n = 5) {
  const rough = most / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let tick = 0; tick <= most * 1.0001; tick += step) found.push(tick);
  return found;
}

/**
 * Axes in a box: scales from numbers to pixels, grid, ticks and labels.
 * `x` and `y` are {from, to, log?, ticks: [[number, words]…], label}.
 */
export function axes(svg, box, x, y, heading) {
  const scale = ({ from, to, log }, start, length) => {
    const place = log ? Math.log10 : (number) => number;
    return (number) =>
      start + (length * (place(number) - place(from))) / (place(to) - place(from));
  };
  const at = {
    x: scale(x, box.x, box.width),
    y: scale(y, box.y + box.height, -box.height),
  };
  const bottom = box.y + box.height;
  const line = (x1, y1, x2, y2, stroke = "#DDDDDD") =>
    make("line", { x1, y1, x2, y2, stroke });
  for (const [number, label] of x.ticks) {
    const place = at.x(number);
    svg.append(line(place, box.y, place, bottom));
    svg.append(words(place, bottom + 17, label, { "text-anchor": "middle" }));
  }
  for (const [number, label] of y.ticks) {
    const place = at.y(number);
    svg.append(line(box.x, place, box.x + box.width, place));
    svg.append(words(box.x - 7, place + 4.5, label, { "text-anchor": "end" }));
  }
  svg.append(line(box.x, box.y, box.x, bottom, DARK));
  svg.append(line(box.x, bottom, box.x + box.width, bottom, DARK));
  const middle = box.x + box.width / 2;
  svg.append(words(middle, bottom + 36, x.label, { "text-anchor": "middle" }));
  if (y.label) {
    const [left, centre] = [box.x - (y.room ?? 44), box.y + box.height / 2];
    const turned = `rotate(-90 ${left} ${centre})`;
    svg.append(
      words(left, centre, y.label, { "text-anchor": "middle", transform: turned }),
    );
  }
  if (heading) svg.append(title(box.x, box.y - 10, heading));
  return at;
}

/** A curve through points given in pixels. */
export function curve(points, attributes = {}) {
  const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`);
  return make("path", { d: d.join(""), fill: "none", "stroke-width": 2, ...attributes });
}

/** Small squares with names, from (x, y) downwards; `x` is their right edge. */
export function legend(svg, x, y, entries, size = 12) {
  entries.forEach(([name, colour, edge], i) => {
    const middle = y + i * (size + 7);
    svg.append(words(x, middle + 4, name, { "text-anchor": "end", "font-size": size }));
    const left = x - 0.62 * size * name.length - 22;
    svg.append(
      make("rect", {
        x: left,
        y: middle - 5,
        width: 14,
        height: 10,
        fill: colour,
        stroke: edge ?? colour,
      }),
    );
  });
}
