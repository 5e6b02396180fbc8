// The list of jobs: searched and filtered by the service, kept up to date by its events.

import { call, follow } from "./api.js";

const one = (id) => document.getElementById(id);
const rows = new Map(); // id -> its element
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
let next = null; // where older jobs begin
let asked = 0; // the number of the last request, since an earlier one may be answered later
let changes = null; // while a list is on its way: what changed meanwhile, which the list may not know yet

export function setUp() {
  let waiting;
  one("query").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(load, 250);
  });
  one("state").addEventListener("change", load);
  one("search").addEventListener("submit", (event) => {
    event.preventDefault();
    load();
  });
  one("older").addEventListener("click", () => load(next));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, textarea, select")) {
      event.preventDefault();
      one("query").focus();
    }
  });
  follow({ onJob: update, onDeleted: drop, onListening: () => load() });
}

async function load(before = null) {
  const number = ++asked;
  changes ??= [];
  const query = new URLSearchParams({ q: one("query").value.trim() });
  for (const state of one("state").value.split(" ").filter(Boolean)) query.append("state", state);
  one("overview").href = `/overview?${query}`;
  if (typeof before === "number") query.set("before", before);
  else before = null;
  try {
    const page = await call(`/jobs?${query}`);
    if (number !== asked) return;
    if (before === null) {
      rows.clear();
      one("jobs").replaceChildren();
    }
    for (const job of page.jobs) if (!rows.has(job.id)) one("jobs").append(add(job));
    next = page.next;
    one("older").hidden = next === null;
    tellIfEmpty();
  } catch (problem) {
    if (number !== asked) return;
    one("empty").textContent = problem.message;
    one("empty").hidden = false;
  }
  const missed = changes;
  changes = null;
  for (const apply of missed) apply();
}

function isFiltered() {
  return one("query").value.trim() !== "" || one("state").value !== "";
}

function newest() {
  return one("jobs").firstElementChild?.dataset.created ?? "";
}

function update(job) {
  if (changes !== null) return void changes.push(() => update(job));
  const row = rows.get(job.id);
  if (row) fill(row, job);
  else if (!isFiltered() && job.created_at > newest()) one("jobs").prepend(add(job));
  tellIfEmpty();
}

function drop(id) {
  if (changes !== null) return void changes.push(() => drop(id));
  rows.get(id)?.remove();
  rows.delete(id);
  tellIfEmpty();
}

function tellIfEmpty() {
  one("empty").hidden = rows.size > 0;
  one("empty").textContent = isFiltered() ? "Nothing fits the search." : "No conversations yet. Drop one above, or try the sample call.";
}

function add(job) {
  const row = one("job").content.firstElementChild.cloneNode(true);
  const part = (name) => row.querySelector(`.${name}`);
  part("csv").href = `/api/v1/jobs/${job.id}/result.csv`;
  part("json").href = `/api/v1/jobs/${job.id}/result`;
  part("edit").href = `/edit?job=${job.id}`;
  part("cancel").addEventListener("click", () => act(row, `/jobs/${job.id}/cancel`, "POST"));
  part("delete").addEventListener("click", async () => {
    if (await isConfirmed(job.name)) await act(row, `/jobs/${job.id}`, "DELETE");
  });
  rows.set(job.id, row);
  fill(row, job);
  return row;
}

function fill(row, job) {
  const part = (name) => row.querySelector(`.${name}`);
  row.dataset.state = job.state;
  row.dataset.created = job.created_at;
  part("name").textContent = job.name;
  part("name").title = job.name;
  if (job.state === "DONE") part("name").href = `/api/v1/jobs/${job.id}/page`;
  part("state").textContent = job.state.toLowerCase();
  part("facts").textContent = facts(job).join(" · ");
  part("error").textContent = job.error ?? "";
  const bar = row.querySelector("progress");
  bar.setAttribute("aria-label", `progress of ${job.name}`);
  if (job.progress?.total) [bar.max, bar.value] = [job.progress.total, job.progress.num_done];
  else bar.removeAttribute("value");
  for (const name of ["csv", "json", "edit", "cancel", "delete"]) {
    const action = part(name);
    action.setAttribute("aria-label", `${action.textContent} ${job.name}`);
  }
}

function facts(job) {
  const count = (number, noun) => `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
  const told = [count(job.num_utterances, "utterance")];
  if (job.num_flips !== null) told.push(count(job.num_flips, "flip"));
  if (job.progress) told.push(`${job.progress.step} ${job.progress.num_done} of ${job.progress.total}`);
  told.push(job.model, moment.format(new Date(job.created_at)));
  return told;
}

async function act(row, path, method) {
  try {
    await call(path, { method }); // the list hears of it as of every other change
  } catch (problem) {
    row.querySelector(".error").textContent = problem.message;
  }
}

function isConfirmed(name) {
  const dialog = one("confirm");
  dialog.querySelector("q").textContent = name;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true }),
  );
}
