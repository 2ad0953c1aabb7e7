// Elements, made without markup: nothing of a log line is ever read as HTML.

// element("a", { class: "when", href }, "text", child, …). Attributes that are null or false are left out.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(attribute, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function button(label, run, attributes = {}) {
  const made = element("button", { type: "button", class: "button small", ...attributes }, label);
  made.addEventListener("click", run);
  return made;
}

export function count(number) {
  return Math.round(number).toLocaleString("en-US");
}

// `1 line`, `2,000 lines`.
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

// Bytes as `512 B`, `1.4 MiB`.
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit === 0 || bytes >= 100 ? bytes.toFixed(0) : bytes.toFixed(1)} ${units[unit]}`;
}
