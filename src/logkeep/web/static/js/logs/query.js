// The query box: what is wrong with a query while it is written, and the queries that were asked before.
import { Problem, json } from "../http.js";
import { visible } from "../text.js";
import { element } from "./dom.js";

const PAUSE_MS = 500;
const KEPT = 20;

export function watchQuery(form, boot) {
  const input = form.querySelector("#query");
  const told = form.querySelector("#query-problem");
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => check(input, told), PAUSE_MS);
  });
  recent(form, input, boot);
}

async function check(input, told) {
  const query = input.value;
  try {
    await json("/v1/query", { params: { query } });
    if (input.value !== query) return;
    told.replaceChildren();
    input.removeAttribute("aria-invalid");
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 400 || input.value !== query) return;
    const { column } = problem.members;
    const hint = problem.hint ? ` (${problem.hint})` : "";
    told.replaceChildren(
      ...(column ? [caret(query, column)] : []),
      element("p", { class: "error" }, visible(problem.message + hint)),
    );
    input.setAttribute("aria-invalid", "true");
  }
}

// The query with a mark below the column. As the macro `caret` of templates/logs/_bar.html.
function caret(query, column) {
  const characters = [...query];
  const first = Math.max(0, column - 41);
  const lead = first ? "…" : "";
  const before = visible(characters.slice(first, column - 1).join(""));
  return element(
    "pre",
    { class: "caret", "aria-hidden": "true" },
    `${lead}${visible(characters.slice(first, column + 40).join(""))}\n${" ".repeat(lead.length + [...before].length)}`,
    element("b", {}, "▲"),
  );
}

// Queries that were asked in this browser by this person.
function recent(form, input, boot) {
  const name = `logkeep.queries.${boot?.user ?? ""}`;
  const kept = read(name);
  if (boot?.query) {
    const others = kept.filter((one) => one !== boot.query);
    kept.splice(0, kept.length, boot.query, ...others.slice(0, KEPT - 1));
    write(name, kept);
  }
  const box = form.querySelector("#recent");
  if (!kept.length) return;
  const forget = element("button", { type: "button", class: "link" }, "Forget them");
  forget.addEventListener("click", () => {
    write(name, []);
    box.hidden = true;
  });
  const items = kept.map((query) => element("li", {}, element("button", { class: "link mono", name: "query", value: query }, visible(query))));
  box.replaceChildren(element("h3", {}, "Asked before"), element("ol", {}, ...items), forget);
  box.hidden = false;
}

function read(name) {
  try {
    const kept = JSON.parse(localStorage.getItem(name) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string").slice(0, KEPT) : [];
  } catch {
    return []; // nothing that we wrote, or nothing may be kept here
  }
}

function write(name, kept) {
  try {
    localStorage.setItem(name, JSON.stringify(kept));
  } catch {
    // nothing may be kept here, which is no reason to fail
  }
}
