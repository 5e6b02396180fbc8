// One utterance of the page that corrects: its emotion, the flip that lands on it, the triggers of that flip.
// People count utterances from 1, the API from 0. All text is that of strangers: it goes into the page as text.

const arrow = (flip) => `${flip.before} → ${flip.after}`;

// `correct` is called with a correction for the API. Each control has a `data-key`: its utterance and what it is.
export function makeLine(template, { line, labels, flip, addable }, correct) {
  const row = template.content.firstElementChild.cloneNode(true);
  const part = (name) => row.querySelector(`.${name}`);
  const number = line.index + 1;
  part("number").textContent = number;
  part("speaker").textContent = line.speaker;
  part("text").textContent = line.text;

  const emotion = part("emotion");
  for (const label of labels) emotion.add(new Option(label, label, false, label === line.emotion));
  name(emotion, `${line.index} emotion`, `Emotion of ${number}`);
  emotion.addEventListener("change", () => correct({ kind: "emotion", utterance: line.index, emotion: emotion.value }));
  row.classList.toggle("corrected", line.is_corrected);
  part("found").textContent = line.emotion === line.found_emotion ? "" : `found: ${line.found_emotion}`;

  const shown = flip ?? addable;
  const button = part("flip");
  button.hidden = !shown;
  row.classList.toggle("flips", Boolean(flip));
  part("triggers").hidden = !flip;
  if (shown) {
    part("change").textContent = flip ? arrow(flip) : "";
    button.textContent = flip ? "Remove flip" : "Add flip";
    name(button, `${line.index} flip`, `${button.textContent} ${arrow(shown)} at ${number}`);
    button.addEventListener("click", () => correct({ kind: "flip", target: line.index, is_flip: !flip }));
  }
  if (flip) fillTriggers(part("triggers"), flip, number, correct);
  return row;
}

function fillTriggers(place, flip, number, correct) {
  const say = (utterance, isTrigger) => correct({ kind: "trigger", target: flip.target, utterance, is_trigger: isTrigger });
  const told = { true: "Triggers unknown", false: flip.triggers?.length ? "Triggered by" : "No trigger" };
  place.querySelector(".told").textContent = told[flip.triggers === null];
  for (const trigger of flip.triggers ?? []) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${trigger + 1} ×`;
    name(button, `${flip.target} trigger ${trigger}`, `Remove trigger ${trigger + 1} of the flip at ${number}`);
    button.addEventListener("click", () => say(trigger, false));
    const item = document.createElement("li");
    item.append(button);
    place.querySelector("ul").append(item);
  }
  const form = place.querySelector("form");
  const input = form.querySelector("input");
  input.max = number;
  name(input, `${flip.target} new`, `Number of another trigger of the flip at ${number}`);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say(input.valueAsNumber - 1, true);
  });
  const none = place.querySelector(".none"); // the triggers are known from the first word on one: here, that the target is none
  none.hidden = flip.triggers !== null;
  name(none, `${flip.target} none`, `The flip at ${number} has no trigger`);
  none.addEventListener("click", () => say(flip.target, false));
}

function name(control, key, label) {
  control.dataset.key = key;
  control.setAttribute("aria-label", label);
}

// A correction in words, for people.
export function describe({ correction, author }) {
  const { kind, utterance, target } = correction;
  if (kind === "emotion") return `${author}: ${utterance + 1} is ${correction.emotion}`;
  if (kind === "flip") return `${author}: flip at ${target + 1} ${correction.is_flip ? "added" : "removed"}`;
  return `${author}: trigger ${utterance + 1} of the flip at ${target + 1} ${correction.is_trigger ? "added" : "removed"}`;
}
