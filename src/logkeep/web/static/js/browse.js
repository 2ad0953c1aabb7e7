// Archiving > Browse: the archive is shown as soon as it is picked.

for (const form of document.querySelectorAll("form[data-pick]")) {
  const select = form.querySelector("select");
  select.addEventListener("change", () => form.requestSubmit());
  form.querySelector("button").hidden = true;
}
