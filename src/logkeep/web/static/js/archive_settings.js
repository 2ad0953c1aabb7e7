// Archiving > Archive settings: another provider or kind of credentials shows at once, and tests keep
// what was typed.

for (const form of document.querySelectorAll("form[data-pick]")) {
  form.querySelector("select").addEventListener("change", () => form.requestSubmit());
  form.querySelector("button").hidden = true;
}

// The part of the page that another choice changes, fetched and put in place; fields of the same name keep their values.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const answer = await fetch(link.href).catch(() => null);
  if (!answer?.ok) {
    location.assign(link.href);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const after = page.getElementById("setup");
  const before = document.getElementById("setup");
  keepValues(before, after);
  before.replaceWith(after);
  history.replaceState(null, "", link.href);
  copyButtons(after);
  document.querySelector(`a[data-swap][href="${CSS.escape(link.getAttribute("href"))}"]`)?.focus();
});

function keepValues(before, after) {
  for (const old of before.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const fresh = old.name && after.querySelector(`[name="${CSS.escape(old.name)}"]:not([type=hidden])`);
    if (!fresh) continue;
    if (old.type === "checkbox") fresh.checked = old.checked;
    else if (old.value) fresh.value = old.value;
  }
}

// Buttons that only ask, and refusals, are answered below the form. The typed secrets stay in it, and nowhere else.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-fragment-form]");
  if (!form) return;
  event.preventDefault();
  const told = form.dataset.toldIn ? document.getElementById(form.dataset.toldIn) : form.querySelector("[data-told]");
  const body = new URLSearchParams(new FormData(form, event.submitter ?? undefined));
  busy(form, told, "Asking the bucket. This may take up to a minute.");
  const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "1" } }).catch(() => null);
  for (const button of form.querySelectorAll("button")) button.disabled = false;
  const next = answer?.headers.get("X-Go");
  if (next) {
    location.assign(next);
  } else if (answer?.redirected) {
    location.assign(answer.url);
  } else if (!answer || !answer.headers.get("content-type")?.startsWith("text/html")) {
    say(told, "The server did not answer. Try again.", "bad");
  } else {
    show(form, told, await answer.text(), answer.status);
  }
});

function show(form, told, html, status) {
  const fragment = new DOMParser().parseFromString(html, "text/html").body;
  const answer = fragment.querySelector(".told, main .notice.bad") ?? document.createElement("div");
  told.replaceChildren(answer);
  clearErrors(form);
  // A place that is another server's can be taken over, which is among what is rarely needed.
  if (status === 409) for (const folded of told.parentElement.querySelectorAll("details")) folded.open = true;
  const field = answer.dataset.field && form.querySelector(`[name="${CSS.escape(answer.dataset.field)}"]`);
  if (field) markField(field, answer.querySelector(".notice.bad"));
  else told.scrollIntoView({ block: "nearest" });
  copyButtons(told);
}

function clearErrors(form) {
  for (const old of form.querySelectorAll("p.error")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

// The refusal stands at the field that it is about.
function markField(field, notice) {
  const error = document.createElement("p");
  error.className = "error";
  error.id = `${field.id}-error`;
  error.textContent = notice ? [...notice.querySelectorAll("p")].map((one) => one.textContent).join(". ") : "";
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} ${error.id}`.trim());
  field.closest(".field").append(error);
  const folded = field.closest("details");
  if (folded) folded.open = true;
  notice?.remove();
  field.focus();
}

function busy(form, told, text) {
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  say(told, text, "info");
}

function say(place, text, tone) {
  const words = document.createElement("p");
  words.className = `notice ${tone}`;
  words.setAttribute("role", "status");
  words.textContent = text;
  place.replaceChildren(words);
}

function copyButtons(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent).catch(() => {});
      button.textContent = "Copied";
    });
  }
}
