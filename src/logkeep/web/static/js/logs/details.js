// All that one line holds, as a table whose values can be asked for. web/logs/fields.py makes the same table
// for the page of one line.
import { json } from "../http.js";
import { logtext } from "../text.js";
import { button, element, plural } from "./dom.js";
import { short } from "./rows.js";

const MOST_ENTRIES = 200;
const MOST_DEPTH = 12;
const VALUE_CUT = 500;
const LONGEST_ASKED = 1000;
const TEXT_CUT = 20_000; // characters of a line that are shown at once; all of it can be had as a file
const OWN = [
  ["level", "level", "Level"],
  ["_host", "host", "Host"],
  ["_app", "app", "App"],
  ["_file", "file", "File"],
  ["_env", "env", "Environment"],
];

// The opened part of a row. `changed` is called when it grows later.
export function details(row, { fields, changed }) {
  const box = element("div", { class: "details" });
  if (row.length && row.link) {
    box.append(element("p", { class: "muted", role: "status" }, "Loading the whole line…"));
    whole(row).then(
      () => fill(box, row, fields),
      (problem) => box.replaceChildren(element("p", { class: "error" }, `The line cannot be loaded: ${problem.message}`)),
    ).finally(changed);
  } else {
    fill(box, row, fields);
  }
  return box;
}

// The record with all of its line; asked for once.
export async function whole(row) {
  if (row.length && row.link && !row.full) {
    const params = new URL(row.link, location.origin).searchParams;
    const found = await json("/v1/surrounding", { params: { ...Object.fromEntries(params), before: 0, after: 0 } });
    [row.full] = found.line.records;
  }
  return row.full ?? row.record;
}

function fill(box, row, fields) {
  const record = row.full ?? row.record;
  const line = record._line ?? "";
  const asked = new Set(fields);
  box.replaceChildren(actions(row));
  if (row.full) {
    const text = element("pre", { class: "the-line", tabindex: "0" }, logtext(line, [], TEXT_CUT));
    box.append(text);
  }
  if (row.length && !row.link) box.append(element("p", { class: "muted" }, "This is as much of the line as a search in place keeps."));
  box.append(table("Fields", [...ownEntries(record, row.object), ...metaEntries(record)], asked));
  const keys = jsonEntries(line);
  if (keys.length) box.append(table("Keys of the line", keys, asked));
}

function actions(row) {
  const copy = (label, text) => button(label, async (event) => {
    const { target } = event;
    try {
      await navigator.clipboard.writeText(await text());
      target.textContent = "Copied";
    } catch {
      target.textContent = "Cannot copy here";
    }
    setTimeout(() => { target.textContent = label; }, 1500);
  });
  const made = element(
    "p",
    { class: "row" },
    copy("Copy line", async () => (await whole(row))._line ?? ""),
    copy("Copy JSON", async () => JSON.stringify(await whole(row))),
  );
  if (row.link) {
    made.append(
      copy("Copy link", async () => location.origin + row.link),
      element("a", { class: "button small", href: `${row.link}#around` }, "Surrounding lines"),
    );
  }
  return made;
}

export function ownEntries(record, object = "") {
  const entries = [{ label: "Time", value: nanoseconds(record), time: true }];
  if (record._rx > 0) entries.push({ label: "Received", value: new Date(record._rx).toISOString(), time: true });
  for (const [name, field, label] of OWN) {
    if (record[name]) entries.push({ label, value: record[name], field });
  }
  for (const tag of record._tag ?? []) entries.push({ label: "Tag", value: tag, field: "tag" });
  if (record._account) entries.push({ label: "Account", value: record._account });
  if (record._lid) entries.push({ label: "Id", value: record._lid });
  if (object) entries.push({ label: "Object", value: object });
  return entries;
}

export function metaEntries(record) {
  if (record._meta === undefined) return [];
  return most(entriesOf("Metadata", record._meta, "meta", [], 0));
}

// The keys and values of a line that is a JSON object; none of any other line.
export function jsonEntries(line) {
  if (!line.startsWith("{")) return [];
  let document;
  try {
    document = JSON.parse(line, numeral);
  } catch {
    return [];
  }
  return most((function* () {
    for (const [key, value] of Object.entries(document)) yield* entriesOf(key, value, "line", [key], 0);
  })());
}

// A number as it is written: no digit of it is lost, where the browser tells how it is.
class Numeral {
  constructor(source) {
    this.source = source;
  }
}

function numeral(_key, value, context) {
  return typeof value === "number" ? new Numeral(context?.source ?? String(value)) : value;
}

function* entriesOf(label, value, field, keys, depth) {
  if (value !== null && typeof value === "object" && !(value instanceof Numeral) && depth < MOST_DEPTH) {
    const array = Array.isArray(value);
    const members = Object.entries(value);
    yield { label, depth, kind: array ? "array" : "object", count: members.length };
    // Queries do not look into arrays.
    for (const [key, inner] of members) yield* entriesOf(key, inner, array ? "" : field, [...keys, key], depth + 1);
    return;
  }
  const [text, kind] = textOf(value);
  yield { label, value: text, depth, kind, field, keys };
}

function textOf(value) {
  if (value instanceof Numeral) return [value.source, "number"];
  if (typeof value === "number") return [String(value), "number"];
  if (typeof value === "string") return [value, "text"];
  if (value === null || typeof value === "boolean") return [String(value), "word"];
  return ["…", "word"]; // too deep to be shown
}

function most(entries) {
  const kept = [];
  for (const entry of entries) {
    if (kept.length === MOST_ENTRIES) {
      kept.push({ label: "…", value: "more than can be shown here", kind: "word" });
      break;
    }
    kept.push(entry);
  }
  return kept;
}

function table(caption, entries, asked) {
  return element("table", { class: "entries" }, element("caption", {}, caption), ...entries.map((entry) => line(entry, asked)));
}

function line(entry, asked) {
  const name = entry.field && (entry.field === "line" ? entry.keys.join(".") : [entry.field, ...(entry.keys ?? [])].join("."));
  return element(
    "tr",
    { class: asked.has(name) ? "asked" : null },
    element("th", { scope: "row" }, element("span", { class: `in-${Math.min(entry.depth ?? 0, 6)}` }, short(entry.label, 80))),
    element("td", { class: "ask" }, ...asks(entry)),
    element("td", {}, shown(entry)),
  );
}

function shown(entry) {
  if (entry.time) {
    const text = entry.value.replace("T", " ").replace("Z", "");
    return element("time", { datetime: entry.value, title: `${new Date(entry.value).toLocaleString()} here` }, text);
  }
  if (entry.value === undefined) return element("span", { class: "muted" }, plural(entry.count, "value"));
  return element("span", { class: `is-${entry.kind ?? "text"}` }, logtext(entry.value, [], VALUE_CUT));
}

// Two buttons of the page's form: they lead to the query with or without the value.
function asks(entry) {
  if (!entry.field || entry.value === undefined || entry.value.length > LONGEST_ASKED) return [];
  const params = new URLSearchParams({ field: entry.field });
  for (const key of entry.keys ?? []) params.append("key", key);
  params.append("value", entry.value);
  return [["pick", "+", "Only lines with this"], ["drop", "−", "Only lines without this"]].map(([name, sign, title]) =>
    element(
      "button",
      { class: "button small", form: "search", name, value: params, title },
      sign,
      element("span", { class: "visually-hidden" }, ` ${title} ${short(entry.label)}`),
    ));
}

function nanoseconds(record) {
  const moment = new Date(record._ts ?? 0).toISOString();
  return record._ns ? `${moment.slice(0, -1)}${String(record._ns).padStart(6, "0")}Z` : moment;
}
