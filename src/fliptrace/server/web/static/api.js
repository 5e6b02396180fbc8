// Requests to the API. What comes back is text of strangers: it goes into the page as text, never as HTML.

const API = "/api/v1";

export class Problem extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(API + path, options);
  } catch {
    throw new Problem(0, "The service does not answer.", 5);
  }
  if (response.status === 401) location.assign("/login");
  if (response.ok) return response.status === 204 ? null : response.json();
  const told = await response.json().catch(() => ({}));
  throw new Problem(response.status, told.message ?? response.statusText, Number(response.headers.get("Retry-After")));
}

// Hands in a conversation. While the service is busy, it waits as long as it asks; the key makes it one job.
export async function submit(fields, onWait) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  for (;;) {
    try {
      return await call("/conversations", { method: "POST", body: form, headers: { "Idempotency-Key": key } });
    } catch (problem) {
      if (problem.status !== 429) throw problem;
      onWait(problem.retryAfter);
      await new Promise((resolve) => setTimeout(resolve, 1000 * problem.retryAfter));
    }
  }
}

export function follow({ onJob, onDeleted, onListening }) {
  const events = new EventSource(API + "/events");
  events.addEventListener("job", (event) => onJob(JSON.parse(event.data)));
  events.addEventListener("deleted", (event) => onDeleted(JSON.parse(event.data).id));
  events.addEventListener("listening", onListening); // also after a break, in which changes were missed
}
