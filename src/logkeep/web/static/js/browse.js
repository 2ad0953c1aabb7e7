// Archiving > Browse: the archive is shown as soon as it is picked, and what takes long says so.

for (const form of document.querySelectorAll("form[data-pick]")) {
  const select = form.querySelector("select");
  select.addEventListener("change", () => form.requestSubmit());
  form.querySelector("button").hidden = true;
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", () => {
    const told = document.createElement("p");
    told.className = "notice info";
    told.setAttribute("role", "status");
    told.textContent = form.dataset.busy;
    form.parentElement.after(told);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}
