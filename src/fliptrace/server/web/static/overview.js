// The page over many conversations. Its query is that of the API: `q`, `state`, `model`, `before`, or `job`.

import { call } from "./api.js";
import { cell, count, flip, inTenths, number, percent, rate, row, share, stack, swatch, when } from "./overview_cells.js";
import { fillSortable } from "./sort.js";

const one = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
one("query").value = query.get("q") ?? "";
one("search").hidden = query.has("job");
for (const name of ["state", "model"])
  for (const value of query.getAll(name)) {
    const kept = document.createElement("input");
    [kept.type, kept.name, kept.value] = ["hidden", name, value];
    one("search").append(kept);
  }
for (const link of document.querySelectorAll(".csv")) {
  link.href = `/api/v1/overview.csv?${new URLSearchParams([...query, ["table", link.dataset.table]])}`;
  link.setAttribute("aria-label", `CSV: ${link.dataset.table}`);
}
await call(`/overview?${query}`).then(show, (problem) => {
  one("status").textContent = problem.message;
  one("status").classList.add("error");
});

function show(found) {
  const isEmpty = found.num_conversations === 0;
  one("status").textContent = isEmpty ? "No finished conversation fits." : "";
  one("found").hidden = isEmpty;
  showFacts(found);
  showConversations(found);
  showQuarters(found);
  showFlips(found.flips);
  showSpeakers(found);
  showTriggers(found);
}

function showFacts(found) {
  const facts = { conversations: found.num_conversations, utterances: found.num_utterances, flips: found.num_flips, "flips per 100 utterances": inTenths(found.flips_per_100) };
  one("facts").replaceChildren(
    ...Object.entries(facts).map(([name, value]) => {
      const fact = document.createElement("div");
      const [term, told] = [document.createElement("dt"), document.createElement("dd")];
      [term.textContent, told.textContent] = [name, value.toLocaleString()];
      fact.append(term, told);
      return fact;
    }),
  );
  const notes = [`${found.num_corrected.toLocaleString()} of them corrected; corrections count.`];
  if (found.num_left_out) notes.push(`${count(found.num_left_out, "conversation")} not finished, left out.`);
  one("notes").textContent = notes.join(" ");
  one("older").hidden = found.next === null;
  const older = new URLSearchParams(query);
  older.set("before", found.next);
  one("older").href = `/overview?${older}`;
}

function showConversations({ conversations, emotions }) {
  const texts = ["Name", "When", "Most frequent flip"];
  const titles = ["Name", "When", "Utterances", "Speakers", "Flips", "Per 100", "Most frequent flip", "Emotions"];
  const rows = conversations.map((each) => {
    const name = cell("th", "", each.name);
    const link = document.createElement("a");
    [link.textContent, link.href] = [each.name, `/api/v1/jobs/${each.id}/page`];
    name.append(link);
    if (each.num_corrections) {
      const mark = document.createElement("span");
      [mark.textContent, mark.className] = [" corrected", "mark"];
      name.append(mark);
    }
    const speakers = number(each.num_speakers);
    speakers.title = each.speakers.join(", ");
    return row(name, when(each.created_at), number(each.num_utterances), speakers, number(each.num_flips), rate(each.flips_per_100), flip(each.top_flip), stack(emotions, each.emotion_shares));
  });
  fillSortable(one("conversations"), columns(titles, texts), rows);
  const last = one("conversations").tHead.rows[0].lastElementChild;
  last.firstElementChild.title = "Sorts by the share of neutral";
  last.className = "";
  one("legend").replaceChildren(
    ...emotions.map(({ label, hue }) => {
      const item = document.createElement("li");
      item.append(swatch(hue), label);
      return item;
    }),
  );
}

function showQuarters({ emotions, quarters, emotion_shares: all, flips_per_100 }) {
  const rows = emotions.map(({ label, hue }) => {
    const name = cell("th", "");
    name.append(swatch(hue), label);
    return row(name, ...quarters.map((each) => share(hue, each.emotion_shares[label])), cell("td", percent(all[label])));
  });
  rows.push(row(cell("th", "flips per 100"), ...quarters.map((each) => cell("td", inTenths(each.flips_per_100))), cell("td", inTenths(flips_per_100))));
  fillPlain(one("quarters"), ["Emotion", "1st", "2nd", "3rd", "4th", "All"], rows);
}

function showFlips({ labels, counts }) {
  const highest = Math.max(1, ...counts.flat());
  const rows = labels.map((before, r) =>
    row(cell("th", before), ...counts[r].map((num) => cell("td", num || "·", num, num ? `heat-${Math.ceil((5 * num) / highest)}` : ""))),
  );
  fillPlain(one("flips"), ["From \\ to", ...labels], rows);
}

function showSpeakers({ speakers, num_speakers: total }) {
  const titles = ["Name", "Conversations", "Utterances", "Flips", "Per 100", "Most frequent flip", "Triggered by oneself", "By others", "Triggers others"];
  const rows = speakers.map((each) =>
    row(cell("th", each.name), ...[each.num_conversations, each.num_utterances, each.num_flips].map(number), rate(each.flips_per_100), flip(each.top_flip), ...[each.own_triggers, each.others_triggers, each.triggers_of_others].map(number)),
  );
  fillSortable(one("speakers"), columns(titles, ["Name", "Most frequent flip"]), rows);
  if (total > speakers.length) one("speakers").createCaption().textContent = `${speakers.length} of ${total.toLocaleString()}`;
}

function showTriggers(found) {
  const told = [`${count(found.own_triggers, "trigger")} by oneself`, `${found.others_triggers.toLocaleString()} by others`, `${count(found.num_untriggered, "flip")} without a trigger`];
  if (found.num_unknown) told.push(`${count(found.num_unknown, "flip")} with unknown triggers`);
  one("trigger-facts").textContent = `${told.join(", ")}.`;
  const rows = found.triggers.map((each) => row(cell("th", each.trigger_speaker), cell("td", each.is_oneself ? "oneself" : each.flip_speaker), number(each.num)));
  for (const each of rows) each.cells[1].dir = "auto";
  fillSortable(one("triggers"), columns(["Who says it", "Whose flip", "Triggers"], ["Who says it", "Whose flip"]), rows);
}

function columns(titles, texts) {
  return titles.map((title) => ({ title, isText: texts.includes(title) }));
}

function fillPlain(table, titles, rows) {
  const head = row(...titles.map((title) => cell("th", title)));
  for (const each of head.cells) each.scope = "col";
  const [top, body] = [document.createElement("thead"), document.createElement("tbody")];
  top.append(head);
  body.append(...rows);
  table.replaceChildren(top, body);
}
