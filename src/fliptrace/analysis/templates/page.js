"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  document.documentElement.classList.add("js");

  const byNumber = (elements) => new Map(elements.map((element) => [element.dataset.n, element]));
  const cards = byNumber(all(".card"));
  const marks = byNumber(all("#picture .mark"));
  const index = byNumber(all(".index a"));
  const surest = [...index.values()]; // the list of flips begins with the surest; a button sorts it by time
  const rows = new Map(all(".transcript li").map((row) => [row.id.slice(1), row]));
  const arcs = all("#picture .arc");
  const box = one(".scroll"), columns = one(".columns"), panel = one(".panel"), steps = one(".steps");
  const form = one(".filters form");
  let chosen = null;

  // Choosing a flip marks its source, triggers and target in the picture and the transcript, and opens its card.

  const involved = (card) => [
    [card.dataset.source, "source"],
    ...card.dataset.triggers.split(" ").filter(Boolean).map((number) => [number, "trigger"]),
    [card.dataset.n, "target"],
  ];

  function choose(number) {
    for (const element of all(".is-source, .is-trigger, .is-target, .lit, .open, [aria-current]")) {
      element.classList.remove("is-source", "is-trigger", "is-target", "lit", "open");
      element.removeAttribute("aria-current");
    }
    const card = cards.get(number);
    chosen = card ? number : null;
    document.documentElement.classList.toggle("chosen", Boolean(card));
    if (steps) steps.hidden = !card;
    if (card) {
      for (const [n, role] of involved(card)) {
        marks.get(n).classList.add("is-" + role);
        rows.get(n).classList.add("is-" + role);
      }
      for (const arc of arcs) arc.classList.toggle("lit", arc.dataset.flip === number);
      card.classList.add("open");
      for (const link of [marks.get(number), index.get(number)]) link.setAttribute("aria-current", "true");
      panel.scrollTop = 0;
      reveal(involved(card).map(([n]) => marks.get(n)));
      tellPlace();
    }
    float();
    history.replaceState(null, "", card ? "#flip-" + number : location.pathname + location.search);
    rove();
  }

  function reveal(shown) {
    const view = box.getBoundingClientRect();
    const edges = shown.map((mark) => mark.getBoundingClientRect());
    const left = Math.min(...edges.map((edge) => edge.left)) - 40, right = Math.max(...edges.map((edge) => edge.right)) + 40;
    if (left < view.left || right > view.right) {
      const middle = right - left > view.width ? right - view.width / 2 : (left + right) / 2;
      box.scrollLeft += middle - (view.left + view.right) / 2;
    }
  }

  // The card floats while its place is below the visible part of the page; on a narrow screen it always floats.
  function float() {
    panel.classList.toggle("floats", chosen !== null && columns.getBoundingClientRect().top > innerHeight - 260);
  }

  // After a choice in the picture, card and marks must be visible: scroll to where both fit, or until no mark is covered.
  function uncover() {
    const below = columns.getBoundingClientRect().top + 300 - innerHeight;
    const isWide = matchMedia("(min-width: 62.01rem)").matches;
    if (isWide && below <= box.getBoundingClientRect().top) return scrollBy(0, Math.max(below, 0));
    const cover = panel.getBoundingClientRect();
    const edges = all("#picture :is(.is-source, .is-trigger, .is-target)").map((mark) => mark.getBoundingClientRect());
    const lowest = Math.max(...edges.filter((edge) => edge.right > cover.left).map((edge) => edge.bottom));
    if (getComputedStyle(panel).position === "fixed") scrollBy(0, Math.max(lowest + 40 - cover.top, 0));
  }

  const open = () => [...cards.keys()].filter((number) => !marks.get(number).classList.contains("bare"));

  function step(by, from = chosen) {
    const numbers = open();
    const next = numbers[from === null ? 0 : numbers.indexOf(from) + by];
    if (next) choose(next);
    return next;
  }

  function tellPlace() {
    const numbers = open(), place = numbers.indexOf(chosen);
    steps.querySelector("output").textContent = (place < 0 ? "–" : place + 1) + " of " + numbers.length;
    steps.querySelector("[data-step='-1']").disabled = place <= 0;
    steps.querySelector("[data-step='1']").disabled = place < 0 || place === numbers.length - 1;
  }

  // The picture is a single tab stop; from there the arrow keys move between flips.
  function rove() {
    const numbers = open(), stop = numbers.includes(chosen) ? chosen : numbers[0];
    for (const number of cards.keys()) marks.get(number).setAttribute("tabindex", number === stop ? "0" : "-1");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const button = event.target.closest("button[data-step], button[data-change]");
    const order = event.target.closest("button[data-order]");
    const mark = event.target.closest("#picture .mark:not(.flip)");
    if (link && link.getAttribute("href").startsWith("#flip-")) {
      event.preventDefault();
      const number = link.getAttribute("href").slice(6);
      choose(number === chosen && link.closest("#picture") ? null : number);
      if (link.closest("#picture") && chosen !== null) uncover();
    } else if (button && button.dataset.change) {
      const same = form.elements.change.value === button.dataset.change;
      form.elements.change.value = same ? "" : button.dataset.change;
      filter();
    } else if (order) {
      const byTime = order.getAttribute("aria-pressed") === "false";
      order.setAttribute("aria-pressed", String(byTime));
      order.textContent = byTime ? "Surest first" : "In order of time";
      const sorted = byTime ? [...surest].sort((a, b) => a.dataset.n - b.dataset.n) : surest;
      one(".index ol").append(...sorted.map((link) => link.parentElement));
    } else if (mark) {
      location.hash = "u" + mark.dataset.n;
    } else if (button) {
      if (button.dataset.step === "0") choose(null);
      else step(Number(button.dataset.step));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const mark = event.target.closest("#picture .flip");
    if (event.key === "Escape" && chosen !== null) choose(null);
    else if (by && (mark || chosen !== null)) {
      const next = step(by, mark ? mark.dataset.n : chosen);
      if (next && mark) {
        marks.get(next).focus({ preventScroll: true });
        uncover();
      }
      event.preventDefault();
    }
  });

  // The recording plays from the start of an utterance to its end.

  const sound = one("audio");
  let playing = null;

  function play(button) {
    const isOn = playing === button && !sound.paused;
    sound.pause();
    if (isOn) return;
    playing = button;
    sound.currentTime = Number(button.dataset.from);
    sound.play().catch(() => {}); // the player itself shows that the file is missing
  }

  function tellPlaying() {
    if (playing && Number(playing.dataset.to) <= sound.currentTime && !sound.paused) {
      sound.pause();
      playing = null;
    }
    for (const button of all(".play")) button.classList.toggle("on", button === playing && !sound.paused);
  }

  if (sound) {
    for (const event of ["play", "pause", "timeupdate", "ended"]) sound.addEventListener(event, tellPlaying);
    document.addEventListener("click", (event) => {
      const button = event.target.closest(".play");
      if (button) play(button);
    });
    document.addEventListener("keydown", (event) => {
      const isTyping = event.target.closest("input, select") || event.ctrlKey || event.metaKey || event.altKey;
      const button = !isTyping && event.key === "p" && chosen !== null && rows.get(chosen).querySelector(".play");
      if (button) play(button);
    });
  }

  // Filters. A flip is shown if its target's utterance is, its change is selected and a trigger has enough support.

  const fold = (text) => text.normalize("NFKC").toLocaleLowerCase();

  function filter() {
    const { speaker, emotion, change, support, text } = form.elements;
    const least = Number(support.value), wanted = fold(text.value.trim());
    const narrows = Boolean(change.value || least);
    one("#least").textContent = least ? "≥ " + least.toFixed(2) : "any";
    const said = (row) =>
      (!speaker.value || row.dataset.speaker === speaker.value) &&
      (!emotion.value || row.dataset.emotion === emotion.value) &&
      (!wanted || fold(row.querySelector("b").textContent + " " + row.querySelector("p").textContent).includes(wanted));
    const kept = new Set([...rows].filter(([, row]) => said(row)).map(([number]) => number));
    const flips = new Set(
      [...cards].filter(([number, { dataset }]) =>
        kept.has(number) && (!change.value || dataset.change === change.value) &&
        (!least || Number(dataset.strongest) >= least)).map(([number]) => number));
    const inFlips = new Set([...flips].flatMap((number) => involved(cards.get(number)).map(([n]) => n)));
    let numShown = 0;
    for (const [number, row] of rows) {
      const shown = kept.has(number) && (!narrows || inFlips.has(number));
      numShown += shown;
      for (const element of [row, marks.get(number)]) {
        element.classList.toggle("off", !shown);
        element.classList.toggle("bare", cards.has(number) && !flips.has(number));
      }
    }
    for (const [number, link] of index) link.parentElement.classList.toggle("off", !flips.has(number));
    for (const arc of arcs) arc.classList.toggle("off", !flips.has(arc.dataset.flip) || Number(arc.style.getPropertyValue("--s")) < least);
    for (const button of all("button[data-change]"))
      button.setAttribute("aria-pressed", String(button.dataset.change === change.value));
    const isFiltering = narrows || kept.size < rows.size;
    const found = flips.size + " of " + cards.size + " flips, " + numShown + " of " + rows.size + " utterances";
    for (const output of all(".filters summary output, .result output")) output.textContent = isFiltering ? found : "";
    one(".result button").hidden = !isFiltering;
    one(".nothing").hidden = numShown > 0;
    if (chosen !== null && !flips.has(chosen)) choose(null);
    else if (chosen !== null) tellPlace();
    rove();
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  one(".filters").open = matchMedia("(min-width: 44rem)").matches;

  const follow = () => location.hash.startsWith("#flip-") && choose(location.hash.slice(6));
  addEventListener("hashchange", follow);
  addEventListener("scroll", float, { passive: true });
  addEventListener("resize", float);
  form.reset();
  rove();
  follow();
})();
