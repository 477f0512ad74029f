// Quarto's search fetches its index, which a page opened from a disk may not do: there, a script brings it instead.
"use strict";
if (location.protocol === "file:") {
  shownWarning = true; // quarto-search.js would refuse with an alert
  const fetchFile = window.fetch;
  const offset = document.querySelector('meta[name="quarto:offset"]')?.content ?? "./";
  window.fetch = (url, ...rest) => {
    if (!String(url).endsWith("search.json")) return fetchFile(url, ...rest);
    return new Promise((resolve, reject) => {
      const answer = () => resolve(new Response(JSON.stringify(window.quartoSearchIndex)));
      document.head.append(Object.assign(document.createElement("script"), {
        src: `${offset}site_libs/labcode/search.js`, onload: answer, onerror: reject,
      }));
    });
  };
}

// What is wider than its box is a stop of the Tab key while there is something to scroll.
const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth + 1 && getComputedStyle(target).overflowX !== "visible";
    if (scrolls) target.setAttribute("tabindex", "0");
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".cell-output-display, .sourceCode, pre")) sized.observe(box);
