// A click on a header of a long table sorts its rows, a second one turns the order. The pages of both engines load this.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const plain = "font: inherit; color: inherit; text-align: inherit; background: none; border: 0; padding: 0; cursor: pointer";
  const sign = { ascending: " ↑", descending: " ↓" };
  const numberIn = (text) => parseFloat(text.replace(/[,≈\s]/g, "").replace("−", "-"));

  function compare(a, b) {
    const [x, y] = [numberIn(a), numberIn(b)];
    return x - y || Number.isNaN(x) - Number.isNaN(y) || a.localeCompare(b);
  }

  function sort(header) {
    const order = header.ariaSort === "ascending" ? "descending" : "ascending", body = header.closest("table").tBodies[0];
    const text = (row) => row.cells[header.cellIndex].textContent.trim();
    const rows = [...body.rows].sort((a, b) => compare(text(a), text(b)));
    for (const other of header.parentElement.cells) {
      other.ariaSort = other === header ? order : null;
      other.querySelector("button > span").textContent = other === header ? sign[order] : " ↕";
    }
    body.append(...(order === "ascending" ? rows : rows.reverse()));
  }

  for (const table of document.querySelectorAll("main table")) {
    if (table.tHead?.rows.length !== 1 || table.tBodies[0].rows.length < 20) continue;
    for (const header of table.tHead.rows[0].cells) {
      const mark = Object.assign(document.createElement("span"), { textContent: " ↕", ariaHidden: "true" });
      const button = Object.assign(document.createElement("button"), { type: "button", onclick: () => sort(header) });
      button.style.cssText = plain;
      button.append(...header.childNodes, mark);
      header.append(button);
    }
  }
});
