// The page of one line: what it holds, to be copied.
import { json } from "./http.js";

const params = Object.fromEntries(new URLSearchParams(location.search));
let loaded = null;

// The whole record: the page may show only the first part of its line.
async function record() {
  const { account, ts, id, cursor } = params;
  loaded ??= json("/v1/surrounding", { params: { account, ts, id, cursor, before: 0, after: 0 } });
  return (await loaded).line.records[0];
}

function copies(selector, text) {
  const button = document.querySelector(selector);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(await text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Cannot copy here";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

copies("#copy-line", async () => (await record())._line ?? "");
copies("#copy-json", async () => JSON.stringify(await record()));
copies("#copy-link", async () => location.href.split("#")[0]);
