// A new restore: another range is shown without a new page, and nothing that was written is lost or sent twice.

const form = document.querySelector("form[data-new]");

// The parts of the page that the server draws anew for what stands in the form.
async function look(name, value) {
  const body = new URLSearchParams(new FormData(form));
  for (const one of ["do", "pick", "turn", "preset"]) body.delete(one);
  body.set(name, value);
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    if (!answer.ok || answer.redirected) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of page.querySelectorAll("[data-part]")) {
      document.getElementById(part.id)?.replaceWith(document.adoptNode(part));
    }
    return true;
  } catch {
    return false;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

if (form) {
  form.querySelector('[aria-invalid="true"]')?.focus();
  form.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button || !(["pick", "turn", "preset"].includes(button.name) || button.value === "look")) return;
    event.preventDefault();
    const { name, value } = button;
    if (await look(name, value)) {
      form.querySelector(`button[name="${name}"][value="${CSS.escape(value)}"]`)?.focus();
    } else {
      form.requestSubmit(button);
    }
  });
  form.addEventListener("change", (event) => {
    const { name } = event.target;
    if (["from", "to", "which", "log_archive", "pipeline_archive", "files_provider"].includes(name)) look("do", "look");
  });
  for (const select of form.querySelectorAll("select")) {
    // What is chosen below a choice chooses it.
    select.addEventListener("change", () => choose(select));
  }
  form.addEventListener("input", (event) => choose(event.target));
}

function choose(element) {
  const radio = element.closest(".choice")?.querySelector('input[type="radio"]');
  if (radio && radio !== element) radio.checked = true;
}

for (const one of document.querySelectorAll("form[data-new], form[data-start]")) {
  let sent = false;
  one.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", () => { sent = false; });
}
