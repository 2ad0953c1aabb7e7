// The most frequent values of fields, counted once the lines are there; and keys to ask for.
import { json, request } from "../http.js";
import { button, count, element } from "./dom.js";
import { jsonEntries } from "./details.js";
import { short } from "./rows.js";

const TOGETHER = ["level", "host", "app", "file", "env"];
const SHOWN = 5;
const MOST_KEYS = 40;

export async function topValues(root, boot) {
  const state = root.querySelector("[role=status]") ?? root.appendChild(element("p", { class: "muted", role: "status" }));
  state.textContent = "Counting values…";
  try {
    const url = new URL("/v1/fields", location.origin);
    const params = { account: boot.account, query: boot.query, from: boot.from, to: boot.to, limit: SHOWN };
    for (const field of TOGETHER) url.searchParams.append("field", field);
    const { fields } = await json(url, { params });
    show(root, [...fields, await json("/v1/fields", { params: { ...params, field: "tag" } })]);
    state.textContent = "";
  } catch (problem) {
    state.replaceChildren(`They cannot be counted: ${problem.message}. `, button("Try again", () => topValues(root, boot)));
  }
}

// Fetches the values of the field that was asked for, where the page did not wait for them.
export async function chosenValues(wait, { account, query, from, to, top }) {
  try {
    const answer = await request("/logs/values", { params: { account, query, from: from || "all", to, top } });
    wait.outerHTML = await answer.text(); // the server's own template, in which nothing of a line is markup
  } catch (problem) {
    wait.classList.replace("muted", "error");
    wait.textContent = `They cannot be counted: ${problem.message}`;
  }
}

function show(root, fields) {
  root.querySelector(".field-names")?.remove();
  for (const { field, values } of fields) {
    if (values.length && !root.querySelector(`[data-field="${field}"]`)) root.append(section(field, values));
  }
}

function section(field, values) {
  const most = Math.max(...values.map((one) => one.count));
  const made = element(
    "section",
    { class: "values", "data-field": field },
    element("h3", {}, field),
    element("ol", {}, ...values.map((one) => item(field, one, most))),
  );
  if (values.length === SHOWN) {
    made.append(element("button", { class: "link", form: "search", name: "count", value: field }, `More of ${field}`));
  }
  return made;
}

function item(field, { value, count: lines }, most) {
  const asked = new URLSearchParams({ field, value });
  return element(
    "li",
    {},
    element("button", { class: "value", form: "search", name: "pick", value: asked, title: `Only ${short(value)}` }, short(value)),
    element("span", { class: "num" }, count(lines)),
    element(
      "button",
      { class: "drop", form: "search", name: "drop", value: asked, title: `Without ${short(value)}` },
      element("span", { "aria-hidden": "true" }, "−"),
      element("span", { class: "visually-hidden" }, `Without ${short(value)}`),
    ),
    element("meter", { max: most, value: lines, "aria-hidden": "true" }),
  );
}

// Offers the keys of the JSON lines among these rows to be counted, the most frequent first.
export function offerKeys(input, rows) {
  const seen = new Map();
  for (const { record } of rows.filter((row) => row.record).slice(0, 300)) {
    for (const { field, keys, value } of jsonEntries(record._line ?? "")) {
      if (field !== "line" || value === undefined || keys.some((key) => !/^[A-Za-z0-9_@-]+$/.test(key))) continue;
      const name = keys.join(".");
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
  }
  const names = [...seen].sort((one, other) => other[1] - one[1]).slice(0, MOST_KEYS).map(([name]) => name);
  if (!names.length) return;
  const list = element("datalist", { id: "keys" }, ...names.map((name) => element("option", { value: name })));
  input.after(list);
  input.setAttribute("list", "keys");
}
