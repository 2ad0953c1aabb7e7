// A pipeline as it goes on: while the page is seen, what the server counts is drawn anew every few seconds. What
// somebody has opened, or is at with the keyboard, is not taken away meanwhile.
const EVERY_MS = 5000;

const place = document.querySelector("[data-follow]");
const line = place?.querySelector("[data-connection]");
let timer = 0;

function tell(text, lost = false) {
  line.hidden = false;
  line.classList.toggle("lost", lost);
  line.textContent = text;
}

function inUse(part) {
  return part.querySelector("details[open]") || (part !== document.activeElement && part.contains(document.activeElement));
}

function draw(page) {
  for (const part of place.querySelectorAll("[data-live]")) {
    const anew = page.getElementById(part.id);
    if (!anew || anew.innerHTML === part.innerHTML || inUse(part)) continue;
    part.replaceChildren(...document.adoptNode(anew).childNodes);
  }
}

async function look() {
  try {
    const answer = await fetch(place.dataset.follow, { headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") return location.assign(answer.url);
    if (answer.status === 404) return tell("The pipeline is gone.", true);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    draw(new DOMParser().parseFromString(await answer.text(), "text/html"));
    tell("This page follows by itself.");
  } catch {
    tell("The server does not answer. These numbers are the last that it told; the page goes on when it is back.", true);
  }
  later();
}

// Only a page that is seen asks.
function later() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, EVERY_MS);
}

if (place) {
  tell("This page follows by itself.");
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
  addEventListener("pagehide", () => clearTimeout(timer));
  addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  later();
}
