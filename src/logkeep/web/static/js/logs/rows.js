// Lines as the list keeps them, and the element of each: of the same shape as templates/logs/_lines.html.
import { logtext, more, visible } from "../text.js";
import { element } from "./dom.js";
import { kindOf } from "./levels.js";

export const CUT = 2000; // characters of a line that the list keeps; opening it fetches the rest

// {record, marks, length, cursor, object, link, open, height}: `length` is that of a line that came cut, else 0.
function rowOf(record, account, beside = {}) {
  return {
    record,
    marks: beside.marks ?? [],
    length: beside.length ?? 0,
    cursor: beside.cursor ?? "",
    object: beside.object ?? "",
    link: account ? linkOf(record, account, beside.cursor) : "",
    open: false,
    height: 0,
  };
}

// Of an answer of /v1/search with marks, cut and cursors.
export function rowsOfPage(page, account) {
  return page.records.map((record, n) => rowOf(record, account, {
    marks: page.marks?.[n],
    length: page.lengths?.[n],
    cursor: page.cursors?.[n],
    object: page.objects?.[n],
  }));
}

// Of a line of /v1/tail or of the search of an archive.
export function rowOfPart(part, account) {
  return rowOf(part.record, account, part);
}

// A row that tells something between the lines: what was missed, or the time that was jumped to ("instant").
export function noteRow(note, kind = "told") {
  return { note, kind, height: 0 };
}

function linkOf(record, account, cursor) {
  const named = new URLSearchParams({ account });
  if (record._lid) {
    named.set("ts", record._ts);
    named.set("id", record._lid);
  } else if (cursor) {
    named.set("cursor", cursor);
  } else {
    return "";
  }
  return `/logs/line?${named}`;
}

export function rowElement(row) {
  if (row.note) return element("li", { class: row.kind }, element("span", {}, row.note));
  const { record } = row;
  const level = record.level ?? "";
  const line = record._line ?? "";
  const text = logtext(line, row.marks);
  if (row.length > line.length) text.append(more(row.length - [...line].length));
  return element(
    "li",
    { class: `line k-${kindOf(level)}`, tabindex: "-1" },
    element("button", { type: "button", class: "toggle", "aria-label": "Fields of this line", "aria-expanded": "false", tabindex: "-1" }),
    when(row),
    element("b", {}, short(level)),
    element("span", { class: "host" }, short(record._host)),
    element("span", { class: "app" }, short(record._app)),
    text,
  );
}

function when({ record, link }) {
  const moment = new Date(record._ts ?? 0);
  const iso = moment.toISOString();
  const time = element(
    "time",
    { datetime: iso, title: `${iso.slice(0, 23).replace("T", " ")} UTC\n${moment.toLocaleString()} here` },
    element("span", {}, `${iso.slice(5, 10)} `),
    iso.slice(11, 23),
  );
  return link ? element("a", { class: "when", href: link, tabindex: "-1" }, time) : element("span", { class: "when" }, time);
}

export function short(value = "", most = 60) {
  const text = String(value);
  return visible(text.length <= most ? text : `${text.slice(0, most - 1)}…`);
}
