// What tables and code do beyond scrolling; the pages of both engines load this.
"use strict";
{
  // A box is a stop of the Tab key only while there is something to scroll.
  const boxes = document.querySelectorAll(".scroll, .cell-output-display, .sourceCode, pre");
  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth + 1 && getComputedStyle(target).overflowX !== "visible";
      if (scrolls) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  for (const box of boxes) sized.observe(box);

  // A click on a header sorts, a second one turns the order, a third restores it.
  /** A plain grid of some length with a column of numbers, which stands to the right, and a name in every row. */
  function isSortable(table) {
    const rows = [...table.querySelectorAll("tbody tr")];
    return rows.length >= 4 && !table.querySelector("[colspan], [rowspan]") && table.tHead?.rows.length === 1
      && rows.every((row) => row.cells[0].textContent.trim())
      && [...rows[0].cells].some((cell) => cell.style.textAlign === "right");
  }

  function makeSortable(table) {
    const body = table.tBodies[0], original = [...body.rows];
    table.tHead.querySelectorAll("th").forEach((header, column) => {
      if (!header.textContent.trim()) return;
      const button = Object.assign(document.createElement("button"), { type: "button", className: "sort" });
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[header.getAttribute("aria-sort")];
        const order = next === undefined ? "ascending" : next;
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        if (order) header.setAttribute("aria-sort", order);
        const rows = order ? original.toSorted((a, b) => compare(a.cells[column], b.cells[column])) : original;
        body.append(...(order === "descending" ? rows.toReversed() : rows));
      });
    });
  }

  function compare(a, b) {
    const [x, y] = [a, b].map((cell) => cell.textContent.trim());
    const [p, q] = [x, y].map((text) => parseFloat(text.replaceAll(",", "").replace("−", "-")));
    if (Number.isNaN(p) || Number.isNaN(q)) return Number.isNaN(p) - Number.isNaN(q) || x.localeCompare(y);
    return p - q || x.localeCompare(y);
  }

  for (const table of document.querySelectorAll("main table")) if (isSortable(table)) makeSortable(table);
}
