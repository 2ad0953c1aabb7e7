// The picture of lines over time: a stretch is chosen by drag or by keyboard, and shown alone.
import { request } from "../http.js";
import { element, plural } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const LEAST_DRAG = 4; // pixels; less is a click

// Fetches the picture where the page did not wait for it, and brings it to life.
export async function overTime(section, { account, query, from, to, order, wrap }, zoom) {
  const wait = section.querySelector(".histogram-wait");
  if (wait) {
    try {
      const params = { account, query, from: from || "all", to, order, wrap: wrap ? "1" : "" };
      const answer = await request("/logs/histogram", { params });
      section.innerHTML = await answer.text(); // the server's own template, in which nothing of a line is markup
    } catch (problem) {
      wait.replaceChildren(element("p", { class: "error", role: "status" }, `The lines cannot be counted: ${problem.message}`));
      return;
    }
  }
  const picture = section.querySelector(".histogram");
  if (picture) new Picture(picture, zoom);
}

class Picture {
  constructor(root, zoom) {
    const { start, end, step, steps, counts } = root.dataset;
    this._start = Number(start);
    this._end = Number(end);
    this._step = Number(step);
    this._steps = Number(steps);
    this._counts = new Map(counts.trim().split(" ").map((pair) => pair.split(":").map(Number)));
    this._zoom = zoom;
    this._frame = root.querySelector(".histogram-picture");
    this._svg = this._frame.querySelector("svg");
    this._chosen = document.createElementNS(SVG, "rect");
    this._chosen.setAttribute("class", "chosen");
    this._chosen.setAttribute("height", "100");
    this._told = element("span", { id: "over-time-told" });
    root.querySelector(".histogram-table").before(this._told);
    this._from = null;
    this._to = this._steps - 1;
    this._mouse();
    this._keyboard();
  }

  _mouse() {
    let began = null;
    let moved = false;
    this._frame.addEventListener("dragstart", (event) => event.preventDefault());
    this._frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      began = event.clientX;
      moved = false;
    });
    this._frame.addEventListener("pointermove", (event) => {
      const at = this._number(event.clientX);
      if (began === null) {
        this._tell(at, at);
        return;
      }
      if (!moved && Math.abs(event.clientX - began) < LEAST_DRAG) return;
      if (!moved) this._frame.setPointerCapture(event.pointerId);
      moved = true;
      const first = this._number(began);
      this._choose(Math.min(first, at), Math.max(first, at));
    });
    this._frame.addEventListener("pointerup", (event) => {
      if (began === null) return;
      const first = this._number(began);
      const at = this._number(event.clientX);
      const bar = event.target.closest?.("a");
      began = null;
      if (moved || !bar) this._go(Math.min(first, at), Math.max(first, at));
    });
    this._frame.addEventListener("pointercancel", () => { began = null; this._forget(); });
    this._frame.addEventListener("pointerleave", () => { if (began === null) this._told.textContent = ""; });
    this._frame.addEventListener("click", (event) => { if (moved) event.preventDefault(); }, true);
  }

  // A slider: arrows move along the steps, with shift they choose a stretch, Enter shows it.
  _keyboard() {
    const slider = element("div", { class: "histogram-slider" });
    this._frame.append(slider);
    this._slider = slider;
    const named = { role: "slider", tabindex: "0", "aria-label": "Step of time; shift and arrows choose a stretch, Enter shows it", "aria-valuemin": "0", "aria-valuemax": this._steps - 1 };
    for (const [name, value] of Object.entries(named)) slider.setAttribute(name, value);
    this._value();
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity, PageUp: -10, PageDown: 10 };
    slider.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in moves) {
        event.preventDefault();
        if (event.shiftKey) this._from ??= this._to;
        else this._from = null;
        this._to = Math.max(0, Math.min(this._steps - 1, this._to + moves[event.key]));
        this._choose(...this._stretch());
        this._value();
      } else if (event.key === "Enter") {
        event.preventDefault();
        this._go(...this._stretch());
      } else if (event.key === "Escape") {
        this._from = null;
        this._forget();
      }
    });
    slider.addEventListener("blur", () => this._forget());
  }

  _stretch() {
    const other = this._from ?? this._to;
    return [Math.min(other, this._to), Math.max(other, this._to)];
  }

  _value() {
    this._slider.setAttribute("aria-valuenow", this._to);
    this._slider.setAttribute("aria-valuetext", this._words(...this._stretch()));
  }

  _number(x) {
    const box = this._svg.getBoundingClientRect();
    const share = (x - box.left) / box.width;
    return Math.max(0, Math.min(this._steps - 1, Math.floor(share * this._steps)));
  }

  _choose(first, last) {
    this._chosen.setAttribute("x", first * 10);
    this._chosen.setAttribute("width", (last - first + 1) * 10);
    if (!this._chosen.isConnected) this._svg.append(this._chosen);
    this._tell(first, last);
  }

  _forget() {
    this._chosen.remove();
    this._told.textContent = "";
  }

  _tell(first, last) {
    this._told.textContent = this._words(first, last);
  }

  _words(first, last) {
    let lines = 0;
    for (let n = first; n <= last; n += 1) lines += this._counts.get(n) ?? 0;
    const [start, end] = this._range(first, last);
    const text = (ms) => new Date(ms).toISOString().replace("T", " ").replace(/(:00)?\.000Z$|Z$/, "");
    return `${text(start)} to ${text(end)}: ${plural(lines, "line")}`;
  }

  _range(first, last) {
    const base = Math.floor(this._start / this._step);
    return [
      Math.max(this._start, (base + first) * this._step),
      Math.min(this._end, (base + last + 1) * this._step),
    ];
  }

  _go(first, last) {
    this._zoom(...this._range(first, last));
  }
}
