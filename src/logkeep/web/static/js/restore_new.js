// A new restore: another range is shown without a new page, and nothing that was written is lost or sent twice.

const form = document.querySelector("form[data-new]");
const RANGE = ["range-shown", "range-calendar"];
const MOVES = ["pick", "preset"]; // buttons that set the two times

let asked = null; // the request under way; a newer one takes its place

// Have the server draw these parts anew for what stands in the form, as if a button of this name were pressed.
async function look(parts, name, value) {
  asked?.abort();
  const mine = asked = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  for (const one of ["do", "turn", ...MOVES]) body.delete(one);
  body.set(name, value);
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body, signal: mine.signal });
    if (!answer.ok || answer.redirected) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of parts) document.getElementById(id).replaceWith(document.adoptNode(page.getElementById(id)));
    if (MOVES.includes(name)) for (const id of ["from", "to"]) form.elements[id].value = page.getElementById(id).value;
    return true;
  } catch (error) {
    return error.name === "AbortError";
  } finally {
    if (asked === mine) form.removeAttribute("aria-busy");
  }
}

function partsOf(field) {
  if (field === "files_provider") return ["files"];
  return ["from", "to", "which", "log_archive", "pipeline_archive"].includes(field) ? RANGE : null;
}

// What is written below a choice chooses it.
function choose(element) {
  const radio = element.closest(".choice")?.querySelector('input[type="radio"]');
  if (!radio || radio === element || radio.checked) return;
  radio.checked = true;
  if (radio.name === "which") look(RANGE, "do", "look");
}

if (form) {
  form.querySelector('[aria-invalid="true"]')?.focus();
  form.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button || !(MOVES.includes(button.name) || button.name === "turn" || button.value === "look")) return;
    event.preventDefault();
    const { name, value } = button;
    if (await look(button.closest("#files") ? ["files"] : RANGE, name, value)) {
      form.querySelector(`button[name="${name}"][value="${CSS.escape(value)}"]`)?.focus();
    } else {
      form.requestSubmit(button);
    }
  });
  form.addEventListener("input", (event) => choose(event.target));
  form.addEventListener("change", (event) => {
    const parts = partsOf(event.target.name);
    if (parts) look(parts, "do", "look");
  });
}

for (const one of document.querySelectorAll("form[data-new], form[data-start]")) {
  let sent = false;
  one.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
    asked?.abort();
  });
  addEventListener("pageshow", () => { sent = false; });
}
