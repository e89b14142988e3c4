/**
 * A figure with knobs: controls above one picture, drawn anew while a hand moves one.
 *
 * It takes the place of the still picture once its first drawing is there. If a drawing
 * fails, the reason stands above the last picture that worked.
 */

import { newest } from "../engine/client.js";

let count = 0;

/** Make an HTML element. */
function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** One control: its row, its value, and how it is set. */
class Control {
  constructor({ kind, label, value, ...given }) {
    const id = `course-control-${++count}`;
    this.kind = kind;
    this.options = given.options?.map((option) =>
      Array.isArray(option) ? option : [String(option), option],
    );
    const name = html("label", { for: id }, label);
    if (kind === "text") {
      this.box = html("input", { id, type: "text", maxlength: "1500", autocomplete: "off" });
      this.box.setAttribute("spellcheck", "false");
    } else if (kind === "check") {
      this.box = html("input", { id, type: "checkbox" });
    } else {
      const { min = 0, max = this.options?.length - 1, step = 1 } = given;
      this.box = html("input", { id, type: "range", min, max, step });
      this.shown = html("output", { for: id });
    }
    this.row = html("div", { class: `course-control course-control-${kind}` }, name, this.box);
    if (this.shown) this.row.append(this.shown);
    this.value = value;
  }

  get value() {
    if (this.kind === "text") return this.box.value;
    if (this.kind === "check") return this.box.checked;
    const number = Number(this.box.value);
    return this.options ? this.options[number][1] : number;
  }

  set value(value) {
    if (this.kind === "check") this.box.checked = value;
    else if (this.options) {
      this.box.value = this.options.findIndex(([, each]) => each === value);
    } else this.box.value = value;
    this.tell();
  }

  /** Write a slider's value beside it, and let screen readers say it. */
  tell() {
    if (!this.shown) return;
    const number = Number(this.box.value);
    const words = this.options ? this.options[number][0] : String(number);
    this.shown.textContent = words;
    this.box.setAttribute("aria-valuetext", words);
  }
}

/** A slider that walks through `options`, or from `min` to `max`. */
export const slider = (label, value, given) => ({ kind: "range", label, value, ...given });
export const text = (label, value) => ({ kind: "text", label, value });
export const check = (label, value) => ({ kind: "check", label, value });

/**
 * Bring a figure to life in its place. `controls` maps names to what the functions
 * above return; `draw(values, width, set)` returns {svg, alt, above?}, where `set` sets
 * a control by name. `choices`: {label, name, options}: buttons that set a control.
 */
export async function bringToLife(place, { controls, draw, choices }) {
  const all = Object.fromEntries(
    Object.entries(controls).map(([name, given]) => [name, new Control(given)]),
  );
  const values = () =>
    Object.fromEntries(Object.entries(all).map(([name, { value }]) => [name, value]));
  const above = html("div", { class: "course-above" });
  const frame = html("div", { class: "course-drawing" });
  const problem = html("p", { class: "course-problem", role: "alert", hidden: "" });
  const said = html("p", { class: "course-said", role: "status" });
  const form = html("form", { class: "course-controls" });
  form.append(...Object.values(all).map(({ row }) => row));
  form.addEventListener("submit", (event) => event.preventDefault());

  const set = (name, value) => {
    all[name].value = value;
    redraw();
  };
  if (choices) form.prepend(buttons(choices, (value) => set(choices.name, value)));

  let silence;
  let drawnFor; // the place's width
  const show = async () => {
    drawnFor = place.clientWidth;
    const width = Math.max(300, Math.min(672, Math.floor(drawnFor)));
    const { svg, alt, above: lines = [] } = await draw(values(), width, set);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", alt);
    frame.replaceChildren(svg);
    above.replaceChildren(...lines.map((line) => html("p", {}, line)));
    problem.hidden = true;
    place.dataset.drawn = String(Number(place.dataset.drawn ?? 0) + 1);
    clearTimeout(silence); // to be read out when the hand has come to rest
    silence = setTimeout(() => (said.textContent = alt), 700);
  };
  const redraw = newest(async () => {
    try {
      await show();
    } catch (error) {
      problem.textContent =
        `This setting cannot be drawn. ${error.message} ` +
        "Change it and go on; below is the last picture that worked.";
      problem.hidden = false;
      place.dataset.drawn = String(Number(place.dataset.drawn ?? 0) + 1);
    }
  });

  await show(); // raises, and the still picture stays, if there is nothing to show
  clearTimeout(silence);
  place.replaceChildren(form, problem, above, frame, said);
  form.addEventListener("input", () => {
    for (const control of Object.values(all)) control.tell();
    redraw();
  });
  new ResizeObserver(() => {
    if (Math.abs(place.clientWidth - drawnFor) >= 8) redraw();
  }).observe(place);
}

function buttons({ label, options }, take) {
  const group = html("div", { class: "course-choices", role: "group", "aria-label": label });
  group.append(html("span", {}, label));
  for (const [name, value] of options) {
    const button = html("button", { type: "button" }, name);
    button.addEventListener("click", () => take(value));
    group.append(button);
  }
  return group;
}
