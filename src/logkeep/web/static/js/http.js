// Requests of this page to the API, as the person who is signed in.

export class Problem extends Error {
  constructor(status, members) {
    super(members.detail || `the server answered ${status}`);
    this.status = status;
    this.hint = members.hint || "";
    this.members = members;
  }
}

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

// The Response of a request that was answered well. Throws Problem; a session that is over leads to the sign-in.
export async function request(path, { method = "GET", body, signal, params } = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(params ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const headers = {};
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, {
    method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), redirect: "error",
  });
  if (answer.status === 401) {
    location.assign(`/sign-in?expired=1&next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export async function json(path, options) {
  return (await request(path, options)).json();
}

// Each line of an NDJSON answer as it comes; empty ones are passed over.
export async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    rest += value;
    const parts = rest.split("\n");
    rest = parts.pop();
    for (const part of parts) if (part.trim()) yield JSON.parse(part);
  }
  if (rest.trim()) yield JSON.parse(rest);
}
