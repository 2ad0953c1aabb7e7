// The page of logs. The server shows the first lines; from here on the list has no end, can be walked through
// with the keyboard, opens its lines, and shows new ones as they come.
import { json } from "./http.js";
import { key } from "./keys.js";
import { ArchiveSearch } from "./logs/archive.js";
import { details } from "./logs/details.js";
import { element, plural } from "./logs/dom.js";
import { overTime } from "./logs/histogram.js";
import { List } from "./logs/list.js";
import { Pages } from "./logs/pages.js";
import { watchQuery } from "./logs/query.js";
import { noteRow, rowElement } from "./logs/rows.js";
import { MOST_ROWS, Tail } from "./logs/tail.js";
import { chosenValues, offerKeys, topValues } from "./logs/values.js";

const form = document.querySelector("#search");
const root = document.querySelector("#lines");
// The query stands in its box alone: it may be long.
const boot = root ? { ...JSON.parse(root.dataset.logs), query: form.querySelector("#query").defaultValue } : null;
const state = document.querySelector("#list-state");

let list = null;
let tail = null;
let fields = [];

// Rows

function build(row) {
  const made = rowElement(row);
  if (row.open) made.append(opened(row, made));
  return made;
}

function opened(row, made) {
  made.classList.add("open");
  made.querySelector(".toggle").setAttribute("aria-expanded", "true");
  return details(row, { fields, changed: () => list.ask() });
}

function toggle(index) {
  const row = list.rows[index];
  if (!row || row.note) return;
  row.open = !row.open;
  list.refresh(row);
}

function openList(rows, near) {
  root.classList.add("opens");
  list?.close();
  list = new List(root, { build, near, rows });
}

function listens() {
  root.tabIndex = -1;
  root.addEventListener("click", (event) => {
    const made = event.target.closest(".line");
    if (!made || event.target.closest("a, button:not(.toggle), .details") || !getSelection().isCollapsed) return;
    const index = list.indexOf(made);
    list.select(index);
    toggle(index);
  });
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches(".line")) return;
    event.preventDefault();
    toggle(list.indexOf(event.target));
  });
  key("j", "Next line", () => list?.select(list.current + 1));
  key("k", "Line before", () => list?.select(list.current < 0 ? 0 : list.current - 1));
  key("o", "Open or close the line (Enter, too)", () => toggle(list?.current ?? -1));
  key("w", "Wrap long lines, or not", () => document.querySelector("#wrap")?.click());
}

function wrapping() {
  const control = document.querySelector("#wrap");
  control.addEventListener("click", (event) => {
    event.preventDefault();
    const wrap = root.classList.toggle("wrap");
    control.setAttribute("aria-pressed", wrap);
    const url = new URL(location.href);
    if (wrap) url.searchParams.set("wrap", "1");
    else url.searchParams.delete("wrap");
    history.replaceState(history.state, "", url);
    list?.remeasure();
  });
}

// Pages of lines

async function pages() {
  const source = new Pages(boot);
  let first;
  try {
    first = await source.first();
  } catch (problem) {
    state.textContent = `Only these lines could be loaded: ${problem.message}`;
    return;
  }
  const { rows, split } = first;
  if (split !== null) rows.splice(split, 0, noteRow(boot.at.replace("T", " ").replace("Z", ""), "instant"));
  const links = { start: document.querySelector("#above")?.parentElement, end: document.querySelector("#below")?.parentElement };
  const busy = { start: false, end: false };
  const near = async (side) => {
    if (busy[side] || !source.more(side)) return;
    busy[side] = true;
    try {
      const more = await source.next(side);
      if (side === "end") list.append(more);
      else list.prepend(more);
      const other = side === "end" ? "start" : "end";
      if (list.trim(MOST_ROWS, other)) source.cutAt(other, other === "start" ? list.rows[0] : list.rows.at(-1));
      tell();
    } catch (problem) {
      // Scrolling on tries again.
      state.textContent = `More lines could not be loaded: ${problem.message}`;
    } finally {
      busy[side] = false;
    }
  };
  const tell = () => {
    state.textContent = `${plural(list.rows.length, "line")}${source.more("end") || source.more("start") ? " loaded, more as you scroll" : ""}`;
    for (const side of ["start", "end"]) links[side]?.classList.toggle("muted", !source.more(side));
    if (links.start) links.start.hidden = !source.more("start");
    if (links.end) links.end.hidden = !source.more("end");
  };
  // While the first rows are made, `list` is not there to be added to.
  busy.start = busy.end = true;
  openList(rows, near);
  busy.start = busy.end = false;
  if (split !== null) list.show(split);
  list.ask();
  tell();
  const input = document.querySelector("#other-field");
  if (input) offerKeys(input, rows);
}

// The live tail

function startTail() {
  if (tail) return;
  document.body.classList.add("tailing");
  root.hidden = false;
  document.querySelector("#nothing")?.remove();
  const head = document.querySelector(".list-head");
  const bar = element("div", { class: "tail-bar" });
  head.prepend(bar);
  for (const one of [state, document.querySelector("#tail-start")]) one.hidden = true;
  remember(true);
  openList([], () => {});
  tail = new Tail(boot, list, bar, { stopped: () => location.assign(remember(false)) });
}

// Puts into the address, or takes out of it, that the tail runs.
function remember(runs) {
  const url = new URL(location.href);
  if (runs) url.searchParams.set("tail", "1");
  else url.searchParams.delete("tail");
  history.replaceState(history.state, "", url);
  return url;
}

function tailing() {
  const start = document.querySelector("#tail-start");
  if (!start || boot.restored) return;
  start.hidden = false;
  start.addEventListener("click", startTail);
}

// The page

function zoom(start, end) {
  const written = (ms) => new Date(ms).toISOString().replace(/(:00)?\.000Z$/, "Z");
  const url = new URL(location.href);
  for (const name of ["after", "before", "at"]) url.searchParams.delete(name);
  url.searchParams.set("from", written(start));
  url.searchParams.set("to", written(end));
  location.assign(url);
}

function narrow() {
  const values = document.querySelector("#top-values");
  if (values && matchMedia("(max-width: 900px)").matches) values.open = false;
}

// What the page did not wait for to be counted.
function counts() {
  const section = document.querySelector("#over-time");
  if (section) overTime(section, boot, zoom);
  const wait = document.querySelector(".values-wait");
  if (wait) chosenValues(wait, boot);
}

async function begin() {
  form?.querySelector("#source").addEventListener("change", () => form.requestSubmit());
  if (form) watchQuery(form, boot);
  if (!boot) return;
  narrow();
  listens();
  wrapping();
  if (boot.query) fields = (await json("/v1/query", { params: { query: boot.query } }).catch(() => ({ fields: [] }))).fields;
  if (boot.archive) {
    if (boot.read) return; // what the server searched stays as it is
    document.querySelector("#read-here").hidden = true;
    openList([], () => {});
    const foot = root.parentElement;
    await new ArchiveSearch(boot, list, { state, stop: document.querySelector("#stop"), foot }).run();
    return;
  }
  counts();
  tailing();
  if (boot.tail && !boot.restored) startTail();
  else if (!root.hidden) await pages();
  if (!boot.top) topValues(document.querySelector("#values"), boot);
}

begin();
