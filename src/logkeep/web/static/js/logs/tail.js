// The live tail: lines as they are accepted, until it is stopped. While it is paused they wait and are counted.
import { Problem, lines, request } from "../http.js";
import { button, element, plural } from "./dom.js";
import { CUT, noteRow, rowOfPart } from "./rows.js";

export const MOST_ROWS = 50_000;
const FLUSH_MS = 100;
const LONGEST_WAIT_MS = 15_000;

export class Tail {
  // `stopped` is called when somebody stops it. The newest stand where the order has them.
  constructor(boot, list, bar, { stopped }) {
    this._boot = boot;
    this._list = list;
    this._waiting = [];
    this._lost = 0;
    this._missed = 0;
    this._came = 0;
    this._paused = false;
    this._newestFirst = boot.order === "newest";
    this._abort = new AbortController();
    this._state = element("p", { role: "status" });
    this._pause = button("Pause", () => this._toggle());
    bar.replaceChildren(
      this._state,
      this._pause,
      button("Clear", () => this._clear()),
      button("Stop", () => { this.close(); stopped(); }),
    );
    this._timer = setInterval(() => this._flush(), FLUSH_MS);
    this._run();
  }

  close() {
    clearInterval(this._timer);
    this._abort.abort();
  }

  // Watches, and watches again when the connection breaks.
  async _run() {
    const { signal } = this._abort;
    let wait = 500;
    while (!signal.aborted) {
      try {
        this._tell("Connecting…");
        const params = { account: this._boot.account, query: this._boot.query, marks: "true", cut: CUT };
        const answer = await request("/v1/tail", { params, signal });
        wait = 500;
        this._tell();
        for await (const part of lines(answer)) this._take(part);
        if (!signal.aborted) this._tell("The server ended the tail; connecting again…");
      } catch (problem) {
        if (signal.aborted) return;
        if (problem instanceof Problem && problem.status < 500) {
          this._tell(problem.message);
          return;
        }
        this._tell("The connection broke; connecting again…");
      }
      await new Promise((resolve) => { setTimeout(resolve, wait); });
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }

  _take(part) {
    if (part.missed) {
      this._missed += part.missed;
      this._waiting.push(noteRow(`${plural(part.missed, "line")} came too fast to be shown`));
    } else {
      this._came += 1;
      this._waiting.push(rowOfPart(part, this._boot.account));
    }
    if (this._waiting.length > MOST_ROWS) {
      this._waiting.shift();
      this._lost += 1;
    }
  }

  _flush() {
    if (this._paused) {
      this._tell();
      return;
    }
    if (!this._waiting.length) return;
    const came = this._waiting;
    this._waiting = [];
    const { root } = this._list;
    if (this._newestFirst) {
      const atTop = root.getBoundingClientRect().top >= 0;
      this._list.prepend(came.reverse(), { follow: atTop });
      this._list.trim(MOST_ROWS, "end");
    } else {
      const atBottom = document.documentElement.scrollHeight - innerHeight - scrollY < 40;
      this._list.append(came);
      this._list.trim(MOST_ROWS, "start");
      if (atBottom) scrollTo(0, document.documentElement.scrollHeight);
    }
    this._tell();
  }

  _toggle() {
    this._paused = !this._paused;
    this._pause.textContent = this._paused ? "Go on" : "Pause";
    this._pause.setAttribute("aria-pressed", this._paused);
    this._flush();
    this._tell();
  }

  _clear() {
    this._waiting = [];
    this._came = 0;
    this._missed = 0;
    this._lost = 0;
    this._list.clear();
    this._tell();
  }

  _going() {
    if (this._paused) return `Paused: ${plural(this._waiting.length, "line")} wait`;
    return this._came ? `Live: ${plural(this._came, "line")} so far` : "Live: waiting for lines";
  }

  _tell(trouble = "") {
    const parts = [trouble || this._going()];
    if (this._missed) parts.push(`${plural(this._missed, "line")} missed`);
    if (this._lost) parts.push(`${plural(this._lost, "oldest line")} let go`);
    const text = parts.join(" · ");
    if (this._state.textContent !== text) this._state.textContent = text;
  }
}
