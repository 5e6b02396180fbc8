// Cells and small pictures of the overview. All names are text of strangers: they go into the page as text.

const SVG = "http://www.w3.org/2000/svg";
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
export const percent = (share) => `${Math.round(100 * share)}%`;
export const count = (number, noun) => `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;

export function cell(kind, text, value = text, name = "") {
  const made = document.createElement(kind);
  if (kind === "th") [made.scope, made.dir] = ["row", "auto"];
  made.textContent = text;
  made.dataset.value = value;
  made.className = name;
  return made;
}

const tenths = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
export const inTenths = (value) => tenths.format(value);
export const rate = (value) => cell("td", inTenths(value), value, "num");
export const number = (value) => cell("td", value.toLocaleString(), value, "num");
export const when = (text) => cell("td", moment.format(new Date(text)), text, "when");
export const flip = (top) => cell("td", top ? `${top.before} → ${top.after} (${top.num})` : "–", top ? `${top.before} ${top.after}` : "", "flip");

export function row(...cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

// The shares of all emotions as one bar, in words for those who do not see it.
export function stack(emotions, shares) {
  const told = emotions.filter(({ label }) => shares[label] > 0);
  const made = picture("stack", 100);
  let x = 0;
  for (const { label, hue } of told) {
    made.append(rect(hue, x, 100 * shares[label]));
    x += 100 * shares[label];
  }
  made.removeAttribute("aria-hidden");
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", told.map(({ label }) => `${label} ${percent(shares[label])}`).join(", "));
  const around = cell("td", "", shares.neutral ?? 0);
  around.append(made);
  return around;
}

export function share(hue, value) {
  const made = cell("td", percent(value), value);
  const bar = picture("bar-of", 100);
  bar.append(rect(hue, 0, 100 * value));
  made.append(bar);
  return made;
}

export function swatch(hue) {
  const made = picture("swatch", 10);
  made.append(rect(hue, 0, 10));
  return made;
}

function picture(name, width) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", name);
  made.setAttribute("viewBox", `0 0 ${width} 10`);
  made.setAttribute("preserveAspectRatio", "none");
  made.setAttribute("aria-hidden", "true");
  return made;
}

function rect(hue, x, width) {
  const made = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ class: `h-${hue}`, x, y: 0, width, height: 10 })) made.setAttribute(name, value);
  return made;
}
