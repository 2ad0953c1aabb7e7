// The lines that problems name lead to their place in the text.
const area = document.querySelector("textarea#text");

function select(number) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  area.scrollTop = (area.scrollHeight / lines.length) * Math.max(number - 5, 0);
}

for (const place of area ? document.querySelectorAll("[data-line]") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link line-number";
  button.textContent = place.textContent;
  button.addEventListener("click", () => select(Number(place.dataset.line)));
  place.replaceWith(button);
}
