// Restores as they go on: numbers follow the server's events; when a state changes, the server draws the page anew.
import { count, percent, plural, size, span } from "./shown.js";

const AGAIN_MS = 3000; // after an answer that is an error, which an EventSource takes for final

const SHOW = {
  lines: (one) => count(one.lines),
  text_bytes: (one) => size(one.text_bytes),
  storage_bytes: (one) => size(one.storage_bytes),
  bytes: (one) => size(one.bytes),
  duplicates: (one) => count(one.duplicates),
  read_bytes: (one) => size(one.read_bytes),
  sent: (one) => count(one.sent),
  share: (one) => percent(one.progress.share),
  rate: ({ progress }) => {
    if (progress.events_per_s !== null) return `${count(progress.events_per_s)} lines/s`;
    return progress.bytes_per_s === null ? "–" : `${size(progress.bytes_per_s)}/s`;
  },
  seconds_left: (one) => span(one.progress.seconds_left),
  frozen_objects: (one) => plural(one.frozen_objects, "object"),
};

class Watch {
  constructor(element) {
    this.path = element.dataset.watch;
    this.id = element.id;
    this.source = null;
    this.timer = 0;
    this.lost = false;
    this.drawing = false;
    this.told = null; // what the line about the connection says
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => { if (event.persisted) this.look(); });
    this.look();
  }

  get element() {
    return document.getElementById(this.id);
  }

  // Only a page that is seen holds a connection: browsers have few for one server.
  look() {
    if (document.hidden || !this.element?.dataset.watch) {
      this.close();
    } else if (!this.source) {
      this.open();
    }
  }

  open() {
    clearTimeout(this.timer);
    this.source = new EventSource(this.path);
    this.source.addEventListener("open", () => this.connected());
    this.source.addEventListener("restore", (event) => this.show(JSON.parse(event.data)));
    this.source.addEventListener("error", () => this.failed());
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  connected() {
    if (this.lost) this.draw(); // whatever went on meanwhile
    this.tell(this.lost ? "The server is there again, and this page goes on." : "This page follows by itself.", false);
    this.lost = false;
  }

  // Also when the stream comes to its end: then it is opened again, unless there is nothing left to follow.
  failed() {
    if (this.source?.readyState !== EventSource.CLOSED) {
      this.timer = setTimeout(() => this.unreachable(), 1000);
      return;
    }
    this.close();
    this.lost = true;
    this.tell("The server does not let this page follow for now; it is drawn anew every few seconds.", true);
    this.draw(); // which tells whether it is the session that is over
    this.timer = setTimeout(() => this.look(), AGAIN_MS);
  }

  unreachable() {
    if (this.source?.readyState === EventSource.OPEN) return;
    this.lost = true;
    this.tell("The server does not answer; perhaps it is being restarted. The restore goes on when it is back, and so does this page.", true);
  }

  show(one) {
    clearTimeout(this.timer);
    const place = this.placeOf(one.id);
    if (place?.dataset.phase !== phase(one)) {
      if (place || !ended(one)) this.draw();
      return;
    }
    for (const part of place.querySelectorAll("[data-show]")) part.textContent = SHOW[part.dataset.show](one);
    for (const bar of place.querySelectorAll("[data-bar]")) bar.value = one.progress.share;
  }

  placeOf(id) {
    const element = this.element;
    return element.dataset.restore === id ? element : element.querySelector(`[data-restore="${CSS.escape(id)}"]`);
  }

  // The page as the server has it now. A question that is open is not taken away.
  async draw() {
    if (this.drawing || this.element.querySelector("details.confirm[open]")) return;
    this.drawing = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
        location.assign(answer.url);
      } else if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const anew = page.getElementById(this.id);
        if (anew) this.element.replaceWith(document.adoptNode(anew));
        if (this.told) this.tell(...this.told);
        if (this.source) this.look(); // else it is asked for again in its time
      }
    } catch {
      this.lost = true; // it is drawn when the server is there again
    } finally {
      this.drawing = false;
    }
  }

  tell(text, lost) {
    this.told = [text, lost];
    const line = document.querySelector("[data-connection]");
    if (!line) return;
    line.hidden = false;
    line.classList.toggle("lost", lost);
    line.textContent = text;
  }
}

// As web/restores/words.py has it.
function phase(one) {
  const parts = [one.position === 0, one.progress.events_per_s !== null, one.frozen_objects > 0, !!one.error];
  return [one.state, ...parts.map((part) => (part ? "True" : "False"))].join(" ");
}

function ended(one) {
  return !["IN_PROGRESS", "PAUSED", "THAWING"].includes(one.state);
}

for (const element of document.querySelectorAll("[data-watch]")) new Watch(element);
