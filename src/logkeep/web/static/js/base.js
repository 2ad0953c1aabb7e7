// What every page does once it is there. Without it, pages work all the same.
import { key } from "./keys.js";

function copyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const before = button.textContent;
      try {
        await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Select and copy by hand";
      }
      setTimeout(() => { button.textContent = before; }, 1500);
    });
  }
}

// Times are shown in UTC; their titles tell the reader's own time as well.
function localTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.valueOf())) time.title = `${time.title}\n${moment.toLocaleString()} here`;
  }
}

// An open menu or question closes with Escape, and with a click elsewhere.
function closing() {
  const open = () => document.querySelectorAll("details.menu[open], details.confirm[open], details.ask[open]");
  document.addEventListener("click", (event) => {
    for (const one of open()) if (!one.contains(event.target)) one.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const one of open()) {
      one.open = false;
      one.querySelector("summary").focus();
    }
  });
}

// A form whose answer takes long says what is done meanwhile, and for how long already.
function waiting() {
  for (const form of document.querySelectorAll("form[data-busy]")) {
    form.addEventListener("submit", () => {
      const told = document.createElement("p");
      const time = document.createElement("span");
      const begun = Date.now();
      told.className = "notice info";
      told.setAttribute("role", "status");
      told.textContent = `${form.dataset.busy} `;
      time.setAttribute("aria-hidden", "true"); // which would be read out each second
      told.append(time);
      form.parentElement.after(told);
      setInterval(() => { time.textContent = `${Math.round((Date.now() - begun) / 1000)} s so far.`; }, 1000);
      for (const button of form.querySelectorAll("button")) button.disabled = true;
    });
  }
}

key("/", "Go to the search box", () => {
  const box = document.querySelector("[data-search]");
  if (box) {
    box.focus();
    box.select?.();
  } else {
    location.assign("/logs");
  }
});
copyButtons();
localTimes();
closing();
waiting();
