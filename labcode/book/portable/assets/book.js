// What a page does beyond showing its text: theme, contents that follow, search, enlarged figures, copying.
// Without this script a page can still be read. Nothing is fetched, so it works from a disk as from a server.
"use strict";
const root = document.documentElement;
const all = (selector, from = document) => [...from.querySelectorAll(selector)];

/** Make an element: `make("a", { href: "x.html" }, "text", otherElement)`. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Add a dialog to the page; Escape or a click beside it closes it, and the focus returns to where it was. */
function dialog(attributes, ...children) {
  const box = make("dialog", attributes, ...children);
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  return box;
}

// The theme: the reader's last choice, else the system's.
function setUpTheme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const tell = () => button.setAttribute("aria-pressed", isDark());
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it lasts for this page then */ }
    tell();
  });
  system.addEventListener("change", tell);
  tell();
}

// The contents: a drawer on a narrow screen, and a mark at the section that is being read.
function setUpContents() {
  const nav = document.getElementById("contents");
  const menu = document.getElementById("menu");
  const open = (yes) => menu.setAttribute("aria-expanded", document.body.classList.toggle("open", yes));
  menu.addEventListener("click", () => open());
  nav.addEventListener("click", (event) => event.target.closest("a") && open(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("open")) { open(false); menu.focus(); }
  });
  const links = new Map();
  for (const link of all("a:not([aria-current])", nav)) {
    const here = link.pathname === location.pathname;
    const heading = here && document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (heading) links.set(heading, link);
  }
  const follow = () => {
    const read = [...links.keys()].filter((heading) => heading.getBoundingClientRect().top < 140).pop();
    for (const [heading, link] of links) {
      if (heading !== read) link.removeAttribute("aria-current");
      else if (!link.hasAttribute("aria-current")) {
        link.setAttribute("aria-current", "location");
        const place = link.getBoundingClientRect(), frame = nav.getBoundingClientRect();
        const outside = place.top < frame.top || place.bottom > frame.bottom;
        if (outside) nav.scrollTop += place.top - frame.top - frame.height / 2;
      }
    }
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; follow(); });
    waiting = true;
  }, { passive: true });
  follow();
}

// Search: the index is a script of its own, loaded when it is first needed.
function setUpSearch() {
  const button = document.getElementById("find");
  if (!button) return; // the book on one page has the browser's own search
  const name = "Search the book";
  const input = make("input", { type: "search", "aria-label": name, placeholder: name, autocomplete: "off" });
  const status = make("p", { role: "status" });
  const list = make("ol");
  const close = make("button", { type: "button", onclick: () => box.close() }, "Close");
  const head = make("div", { class: "row" }, input, close);
  const box = dialog({ id: "search", "aria-label": "Search" }, head, status, list);

  const show = () => {
    const words = patterns(input.value);
    const found = words.length && window.searchIndex ? find(words) : [];
    list.replaceChildren(...found.slice(0, 30).map((entry) => result(entry, words)));
    status.textContent = !words.length ? "" : found.length === 1 ? "1 section" : `${found.length || "No"} sections`;
  };
  const open = () => {
    if (!window.searchIndex && !document.getElementById("index")) {
      document.body.append(make("script", { id: "index", src: "search.js", onload: show }));
    }
    if (!box.open) box.showModal();
    input.select();
  };
  list.addEventListener("click", (event) => event.target.closest("a") && box.close());
  box.addEventListener("keydown", (event) => {
    const stops = [input, ...all("a", list)], at = stops.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (stops[next]) { stops[next].focus(); event.preventDefault(); }
    if (event.key === "Enter" && at === 0 && stops[1]) stops[1].click();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, dialog");
    const asked = event.key === "/" && !typing || event.key === "k" && (event.ctrlKey || event.metaKey);
    if (asked) { event.preventDefault(); open(); }
  });
  input.addEventListener("input", show);
  button.addEventListener("click", open);
  button.hidden = false;
}

/** Text in lower case without accents, and as long as it was, so that places in it are places in the text. */
const plain = (each) => each.length > 1 ? each : each.normalize("NFD")[0].toLowerCase();
const fold = (text) => [...text].map(plain).join("");

/** Patterns that find the words of a query at the start of a word. */
const patterns = (query) => fold(query).split(/\s+/).filter(Boolean)
  .map((word) => new RegExp(`(?<![\\p{L}\\p{N}])${word.replace(/[^\p{L}\p{N}]/gu, "\\$&")}`, "u"));

/** The sections that hold every word; those with words in their title come first. */
function find(words) {
  const score = (entry) => {
    entry.folded ??= fold(`${entry.title} ${entry.text}`);
    const inTitle = words.filter((word) => word.test(fold(entry.title))).length;
    return words.every((word) => word.test(entry.folded)) ? 1 + inTitle : 0;
  };
  const scored = window.searchIndex.map((entry) => [score(entry), entry]).filter(([points]) => points);
  return scored.sort(([a], [b]) => b - a).map(([, entry]) => entry);
}

/** One result: a link with the title, the chapter, and the text around the first hit. */
function result({ page, id, title, chapter, text }, words) {
  const start = Math.max(0, (firstHit(text, words)?.index ?? 0) - 50);
  let rest = text.slice(start, start + 160);
  const around = make("span", { class: "around" }, start ? "…" : "");
  for (let hit; (hit = firstHit(rest, words)); rest = rest.slice(hit.index + hit[0].length)) {
    around.append(rest.slice(0, hit.index), make("mark", {}, rest.slice(hit.index, hit.index + hit[0].length)));
  }
  around.append(rest);
  const place = chapter === title ? [] : [make("small", {}, chapter)];
  return make("li", {}, make("a", { href: id ? `${page}#${id}` : page }, make("strong", {}, title), ...place, around));
}

function firstHit(text, words) {
  const hits = words.map((word) => word.exec(fold(text))).filter(Boolean);
  return hits.sort((a, b) => a.index - b.index)[0];
}

// A figure fills the screen on a click, or by its button; the arrow keys go on to the next one.
function setUpFigures() {
  const figures = all(".fig figure");
  const stage = make("div", { class: "stage" }), caption = make("p");
  const button = (name, text, onclick) => make("button", { type: "button", "aria-label": name, onclick }, text);
  const close = button("Close", "Close", () => box.close());
  const back = button("Previous figure", "←", () => show(at - 1));
  const on = button("Next figure", "→", () => show(at + 1));
  const head = make("div", { class: "row" }, back, on, close);
  const box = dialog({ id: "lightbox", "aria-label": "Figure" }, head, stage, caption);
  let at = 0;
  const show = (number) => {
    at = (number + figures.length) % figures.length;
    const pictures = all("img", figures[at]).filter((image) => image.checkVisibility());
    stage.replaceChildren(...pictures.map((image) => Object.assign(image.cloneNode(), { loading: "eager" })));
    caption.textContent = figures[at].querySelector("figcaption").textContent;
    if (!box.open) { box.showModal(); close.focus(); }
  };
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) show(at + step);
  });
  figures.forEach((figure, number) => {
    const name = figure.querySelector("figcaption").textContent.split(":")[0];
    for (const image of all("img", figure)) image.addEventListener("click", () => show(number));
    const enlarge = button(`Enlarge ${name}`, "Enlarge", () => show(number));
    enlarge.className = "enlarge";
    figure.prepend(enlarge);
  });
}

// Code can be copied.
function setUpCopying() {
  for (const pre of all("div.sourceCode > pre")) {
    const copy = make("button", { type: "button", class: "copy", "aria-label": "Copy the code" }, "Copy");
    copy.addEventListener("click", async () => {
      copy.textContent = await toClipboard(pre.textContent) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
    pre.after(copy);
  }
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // not allowed here: select it in a field, as one did before there was a clipboard interface
    const field = make("textarea", { class: "offscreen" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

for (const setUp of [setUpTheme, setUpContents, setUpSearch, setUpFigures, setUpCopying]) setUp();
