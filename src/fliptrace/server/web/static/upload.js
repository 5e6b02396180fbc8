// Handing in conversations: dropped or chosen files, pasted text, the sample call.

import { submit } from "./api.js";

const one = (id) => document.getElementById(id);

export function setUp(choices) {
  for (const name of choices.formats) one("format").add(new Option(name));
  for (const name of choices.models) one("model").add(new Option(name));
  one("model-choice").hidden = choices.models.length < 2;

  const drop = one("drop");
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
  document.addEventListener("dragover", () => drop.classList.add("over"));
  document.addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    handInFiles(event.dataTransfer.files, choices.max_bytes);
  });
  one("files").addEventListener("change", (event) => {
    handInFiles([...event.target.files], choices.max_bytes);
    event.target.value = ""; // the same file may be chosen again
  });
  if (one("files").files.length) one("files").dispatchEvent(new Event("change")); // chosen before this script ran
  one("sample").addEventListener("click", () => handIn("the sample call", { sample: "call" }));
  one("paste").addEventListener("click", togglePaste);
  one("paste-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = one("text-name").value.trim();
    handIn(name || "the pasted text", { text: one("text").value, name }).then((job) => job && event.target.reset());
  });
}

function togglePaste() {
  const form = one("paste-form");
  form.hidden = !form.hidden;
  one("paste").setAttribute("aria-expanded", String(!form.hidden));
  if (!form.hidden) one("text").focus();
}

async function handInFiles(files, maxBytes) {
  for (const file of files) {
    if (file.size > maxBytes) say(`${file.name}: over ${maxBytes / 1e6} MB; expected one conversation per file`, "failed");
    else await handIn(file.name, { file });
  }
}

function options() {
  const chosen = {
    format: one("format").value || null,
    speakers: one("speakers").value.split(",").map((name) => name.trim()).filter(Boolean),
    min_flip_probability: one("probability").valueAsNumber || null,
    evidence: one("evidence").value || null,
  };
  return JSON.stringify(chosen);
}

async function handIn(name, what) {
  const line = say(`Handing in ${name} …`);
  try {
    const fields = { ...what, model: one("model").value, options: options() };
    const job = await submit(fields, (seconds) => (line.textContent = `${name}: the service is busy; next try in ${seconds} s`));
    line.remove();
    return job;
  } catch (problem) {
    line.textContent = problem.message;
    line.className = "failed";
    return null;
  }
}

function say(text, kind = "") {
  const messages = one("messages");
  for (const old of messages.querySelectorAll(".failed")) old.remove();
  const line = document.createElement("li");
  line.textContent = text;
  line.className = kind;
  messages.append(line);
  return line;
}
