// What a page does beyond showing its text: the theme that was chosen last, search, copying. It can be read without.
"use strict";
const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
try { root.dataset.theme = localStorage.getItem("theme") || ""; } catch { /* the system's theme then */ }

/** Make an element: `make("a", { href: "x.html" }, "text", otherElement)`. */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function turnTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it lasts for this page then */ }
}

/** The sections that hold every word, those with a word in their title first; a page from a disk may not fetch. */
function showSections(box) {
  const words = box.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text, word) => text.toLowerCase().includes(word);
  const found = (window.searchIndex ?? []).filter(({ title, text }) => words.every((word) => has(title + text, word)));
  const titled = ({ title }) => words.filter((word) => has(title, word)).length;
  const links = found.sort((a, b) => titled(b) - titled(a)).slice(0, words.length && 30)
    .map(({ page, title, chapter }) => make("li", {}, make("a", { href: page }, title), chapter && ` in ${chapter}`));
  box.querySelector("ol").replaceChildren(...links);
  box.querySelector("[role=status]").textContent = words.length ? `Sections found: ${found.length}` : "";
}

function search() {
  const input = make("input", { type: "search", ariaLabel: "Search the book", oninput: () => showSections(box) });
  const parts = [input, make("p", { role: "status" }), make("ol", {})];
  const box = make("dialog", { ariaLabel: "Search", onclose: () => box.remove() }, ...parts);
  box.addEventListener("click", (event) => event.target.closest("a") && box.close());
  document.body.append(box, make("script", { src: "search.js", onload: () => showSections(box) }));
  box.showModal();
}

async function copy({ target }) {
  await navigator.clipboard.writeText(target.previousElementSibling.textContent);
  target.textContent = "Copied";
}

document.addEventListener("DOMContentLoaded", () => {
  const button = (id, onclick) => make("button", { id, type: "button", onclick }, id);
  document.querySelector("header").append(button("Search", search), button("Theme", turnTheme));
  for (const code of document.querySelectorAll("div.sourceCode > pre")) {
    code.after(make("button", { type: "button", className: "copy", onclick: copy }, "Copy"));
  }
});
