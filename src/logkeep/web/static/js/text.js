// Text of log lines as pages show it: whatever it holds stays text, and nothing in it is invisible.
// src/logkeep/web/text.py does the same on the server, with the same list of characters.

const INVISIBLE =
  "\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5" +
  "\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ud800-\\udfff\\ufdd0-\\ufdef" +
  "\\ufeff\\uffa0\\ufff0-\\ufffb\\ufffe\\uffff\\u{e0000}-\\u{e0fff}";
// Sequences that a terminal would act on, from ESC to their end: colours and the like, titles and links.
const SEQUENCE = "\\x1b\\[[0-?]*[ -\\/]*[@-~]|\\x1b\\][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)";
const CONTROLS = (
  "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI"
  + " DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split(" ");
const SHOWN = new RegExp(`(?:${SEQUENCE}|[${INVISIBLE}])+`, "gu");
const CHARACTER = new RegExp(`[${INVISIBLE}]`, "gu");

/** The text with what cannot be seen spelled out, for where no markup can be (titles, say). */
export function visible(text) {
  return text.replace(CHARACTER, spelled);
}

/**
 * The pieces that a text is shown as, in order: {text, kind: "plain" | "spelled", marked}.
 * `marks` are [start, end] in characters (not in UTF-16 units), in order and apart from each other.
 */
export function pieces(text, marks = []) {
  const found = [];
  let at = 0;
  for (let [start, end] of inUnits(text, marks)) {
    start = Math.max(start, at);
    end = Math.min(end, text.length);
    if (start >= end) continue;
    add(found, text.slice(at, start), false);
    add(found, text.slice(start, end), true);
    at = end;
  }
  add(found, text.slice(at), false);
  return found;
}

/** A <span class="logtext"> of the text; beyond `limit` UTF-16 units (0: no limit) it says how many more. */
export function logtext(text, marks = [], limit = 0) {
  const span = document.createElement("span");
  span.className = "logtext";
  const kept = limit && text.length > limit ? whole(text.slice(0, limit)) : text;
  let mark = null;
  for (const piece of pieces(kept, marks)) {
    if (!piece.marked) mark = null;
    else if (!mark || piece.first) mark = span.appendChild(document.createElement("mark"));
    (mark ?? span).append(node(piece));
  }
  if (kept.length < text.length) span.append(more(text.length - kept.length));
  return span;
}

/** What stands for characters that are not shown. */
export function more(count) {
  const element = document.createElement("i");
  element.textContent = `… ${count.toLocaleString("en-US")} more`;
  return element;
}

function node({ text, kind }) {
  if (kind === "plain") return document.createTextNode(text);
  const element = document.createElement("i");
  element.textContent = text;
  return element;
}

function add(found, text, marked) {
  let at = 0;
  let first = marked;
  const push = (part, kind) => {
    if (!part) return;
    found.push({ text: part, kind, marked, first });
    first = false;
  };
  for (const run of text.matchAll(SHOWN)) {
    push(text.slice(at, run.index), "plain");
    push(run[0].replace(CHARACTER, (char) => spelled(char) + (char === "\n" ? "\n" : "")), "spelled");
    at = run.index + run[0].length;
  }
  push(text.slice(at), "plain");
}

function spelled(char) {
  const code = char.codePointAt(0);
  if (char === "\n") return "↵";
  if (code < CONTROLS.length) return `⟨${CONTROLS[code]}⟩`;
  if (code === 0x7f) return "⟨DEL⟩";
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** Marks in UTF-16 units, which is how strings count here. */
function inUnits(text, marks) {
  if (!marks.length || !/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return marks;
  const bounds = new Set(marks.flat());
  const unitOf = new Map();
  let units = 0;
  let characters = 0;
  for (const char of text) {
    if (bounds.has(characters)) unitOf.set(characters, units);
    units += char.length;
    characters += 1;
  }
  const unit = (character) => unitOf.get(character) ?? text.length;
  return marks.map(([start, end]) => [unit(start), unit(end)]);
}

/** Without half of a pair at its end. */
function whole(text) {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text;
}
