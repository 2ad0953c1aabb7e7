// The search of an archive where it lies: lines as they are found, and in words how far it is.
import { Problem, lines, request } from "../http.js";
import { element, plural, size } from "./dom.js";
import { CUT, rowOfPart } from "./rows.js";

const LIMIT = 1000;
const FLUSH_MS = 100;

export class ArchiveSearch {
  constructor(boot, list, { state, stop, foot }) {
    this._boot = boot;
    this._list = list;
    this._state = state;
    this._stop = stop;
    this._foot = foot;
    this._abort = new AbortController();
    this._found = [];
    this._progress = null;
    this._stopped = false;
    stop.hidden = false;
    stop.addEventListener("click", () => {
      this._stopped = true;
      this._abort.abort();
    });
  }

  async run() {
    const { archive, query, from, to, order } = this._boot;
    const params = { query, from, to, order, limit: LIMIT, marks: "true", cut: CUT };
    const timer = setInterval(() => this._flush(), FLUSH_MS);
    this._state.textContent = "Searching: looking which objects there are…";
    try {
      const answer = await request(`/v1/archives/${encodeURIComponent(archive)}/search`, { params, signal: this._abort.signal });
      let ended = false;
      for await (const part of lines(answer)) ended = this._take(part) || ended;
      if (!ended) throw new Error("the answer breaks off; search again");
    } catch (problem) {
      this._flush();
      this._tell(this._stopped ? `Stopped: ${this._lines()} so far. ${this._read()}` : told(problem), this._stopped ? "" : "error");
    } finally {
      clearInterval(timer);
      this._stop.hidden = true;
    }
  }

  // Whether it was the last part.
  _take(part) {
    if (part.record) this._found.push(rowOfPart(part, ""));
    if (part.progress) this._progress = part.progress;
    if (part.error) {
      this._flush();
      this._tell(told(part.error, part.error.hint), "error");
    }
    if (part.end) {
      this._progress = part.end;
      this._flush();
      this._end(part.end);
    }
    return Boolean(part.end || part.error);
  }

  _flush() {
    const found = this._found;
    this._found = [];
    if (found.length) this._list.append(found);
    const now = this._progress;
    if (!now && !this._list.rows.length) return; // it still looks which objects there are
    const done = now ? ` ${plural(now.blocks_read + now.blocks_ruled_out, "block")} of ${now.blocks.toLocaleString("en-US")} looked at.` : "";
    this._tell(`Searching: ${this._lines()} so far.${done} ${this._read()}`);
  }

  _end(end) {
    const { rows } = this._list;
    const enough = rows.length >= LIMIT;
    const all = enough ? `the first ${rows.length.toLocaleString("en-US")}; there may be more` : "all there are";
    this._tell(`${this._lines()}, ${end.complete ? all : "and the search did not come to its end"}. ${this._read()}`);
    if (end.problems) this._foot.append(damage(end));
    if (!rows.length) {
      this._foot.append(element("div", { class: "empty" }, element("p", { class: "empty-title" }, "No line of this range matches"), element("p", {}, "Choose another range or query above.")));
    } else if (enough) {
      const at = rows.at(-1).record._ts;
      const older = this._boot.order === "newest";
      const search = new URLSearchParams(location.search);
      search.set(older ? "to" : "from", new Date(older ? at + 1 : at).toISOString());
      if (older && !search.get("from")) search.set("from", this._boot.from || "all");
      this._foot.append(element("p", { class: "more-lines" }, element("a", { href: `/logs?${search}` }, older ? "Search on before the last line" : "Search on behind the last line")));
    }
  }

  _lines() {
    return plural(this._list.rows.length, "line");
  }

  _read() {
    const now = this._progress;
    if (!now) return "";
    const whole = now.stored_bytes === undefined ? "" : ` of ${size(now.stored_bytes)}`;
    return `Read ${size(now.bytes_read)}${whole} in ${plural(now.objects, "object")}; ${plural(now.blocks_ruled_out, "block")} ruled out unread.`;
  }

  _tell(text, kind = "") {
    this._state.className = kind;
    if (this._state.textContent !== text) this._state.textContent = text;
  }
}

function told(problem, hint = problem instanceof Problem ? problem.hint : "") {
  return `${problem.detail ?? problem.message}${hint ? ` (${hint})` : ""}`;
}

function damage(end) {
  const items = end.damage.slice(0, 5).map(({ key, reason }) => element("li", {}, element("code", {}, key), `: ${reason}`));
  return element("div", { class: "notice warn" }, element("p", {}, `${plural(end.problems, "part")} could not be read and ${end.problems === 1 ? "was" : "were"} passed over:`), element("ul", {}, ...items));
}
