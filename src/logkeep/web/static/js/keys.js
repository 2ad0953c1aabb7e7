// Keyboard: pages add their keys, and `?` shows all of them.

const known = [];

// `run` is called when `key` is pressed outside of a field. `label` stands in the help.
export function key(name, label, run) {
  known.push({ name, label, run });
}

function typing(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]");
}

function help() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keyboard";
  const list = document.createElement("dl");
  list.className = "keys";
  for (const { name, label } of known) {
    const term = document.createElement("dt");
    const cap = document.createElement("kbd");
    cap.textContent = name;
    term.append(cap);
    const text = document.createElement("dd");
    text.textContent = label;
    list.append(term, text);
  }
  const close = document.createElement("form");
  close.method = "dialog";
  close.className = "row end";
  const button = document.createElement("button");
  button.className = "button";
  button.textContent = "Close";
  close.append(button);
  dialog.append(title, list, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const found = known.find((one) => one.name === event.key);
  if (found) {
    event.preventDefault();
    found.run(event);
  }
});

for (const button of document.querySelectorAll("[data-help]")) {
  button.hidden = false;
  button.addEventListener("click", help);
}

key("?", "Show these keys", help);
