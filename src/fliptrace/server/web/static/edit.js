// The page that corrects one conversation: it shows what the service says, sends each correction, and asks again.

import { call } from "./api.js";
import { describe, makeLine } from "./edit_line.js";

const one = (id) => document.getElementById(id);
const id = encodeURIComponent(new URLSearchParams(location.search).get("job") ?? "");
const job = `/jobs/${id}`;
let conversation; // the corrected conversation
let standing = []; // corrections that were not taken back
let sending = Promise.resolve(); // one request after the other

one("view").href = `/api/v1${job}/page`;
one("erc").href = `/api/v1/corrected/erc?job=${id}`;
one("efr").href = `/api/v1/corrected/efr?job=${id}`;
one("author").value = remembered();
one("author").addEventListener("change", () => {
  try {
    localStorage.setItem("author", one("author").value.trim());
  } catch {} // a browser that keeps nothing
});
one("order").addEventListener("change", show);
one("undo").addEventListener("click", () => send(`${job}/corrections/${standing.at(-1).number}/undo`, { method: "POST" }, "Undone."));
await load();

function remembered() {
  try {
    return localStorage.getItem("author") ?? "";
  } catch {
    return "";
  }
}

async function load(message = "") {
  try {
    const [named, corrected, list] = await Promise.all([call(job), call(`${job}/corrected`), call(`${job}/corrections`)]);
    one("title").textContent = document.title = named.name;
    conversation = corrected;
    standing = list.corrections.filter((each) => each.undone_at === null);
    show();
    showHistory(list.corrections);
    say(message);
  } catch (problem) {
    say(problem.message, true);
  }
}

function show() {
  if (!conversation) return;
  const key = document.activeElement?.dataset.key; // the focus stays where it is
  const lines = [...conversation.utterances];
  if (one("order").value === "doubt") lines.sort((a, b) => b.doubt - a.doubt || a.index - b.index);
  const flips = new Map(conversation.flips.map((flip) => [flip.target, flip]));
  const addable = new Map(conversation.addable_flips.map((flip) => [flip.target, flip]));
  const labels = conversation.emotion_set.labels;
  one("lines").replaceChildren(
    ...lines.map((line) => makeLine(one("line"), { line, labels, flip: flips.get(line.index), addable: addable.get(line.index) }, correct)),
  );
  if (key) focusOn(key);
  one("efr").hidden = conversation.flips.length === 0;
  one("undo").disabled = standing.length === 0;
  one("undo").title = standing.length ? describe(standing.at(-1)) : "";
}

// What had the focus, or, if it is gone or cannot have it, the emotion of the same utterance.
function focusOn(key) {
  const find = (wanted) => one("lines").querySelector(`[data-key="${wanted}"]`);
  const place = find(key);
  (place && !place.hidden ? place : find(`${key.split(" ")[0]} emotion`))?.focus();
}

function showHistory(corrections) {
  const lines = corrections.map((each) => {
    const line = document.createElement("li");
    const text = document.createElement(each.undone_at === null ? "span" : "s");
    text.textContent = describe(each);
    text.dir = "auto";
    line.append(text);
    return line;
  });
  one("history").querySelector("ol").replaceChildren(...lines.reverse());
  one("history").hidden = lines.length === 0;
}

function correct(correction) {
  const author = one("author").value.trim();
  if (!author) {
    show(); // as it was
    say("Enter your name first.", true);
    one("author").focus();
    return;
  }
  const body = JSON.stringify({ author, correction });
  send(`${job}/corrections`, { method: "POST", body, headers: { "Content-Type": "application/json" } }, "Saved.");
}

function send(path, options, message) {
  sending = sending.then(async () => {
    try {
      await call(path, options);
      await load(message);
    } catch (problem) {
      await load();
      say(problem.message, true);
    }
  });
}

function say(text, isFailed = false) {
  one("status").textContent = text;
  one("status").classList.toggle("error", isFailed);
}
