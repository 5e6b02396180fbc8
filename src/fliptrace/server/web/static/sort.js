// Tables whose headers sort: a click, or Enter or Space on the button of a header. `aria-sort` says how.

// `columns` are { title, isText }: numbers begin with the highest, text with A. A cell sorts by its `data-value`.
export function fillSortable(table, columns, rows) {
  const head = document.createElement("tr");
  const body = document.createElement("tbody");
  body.append(...rows);
  columns.forEach(({ title, isText }, index) => {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.classList.toggle("num", !isText);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.addEventListener("click", () => sortBy(cell, index, isText, body));
    cell.append(button);
    head.append(cell);
  });
  const top = document.createElement("thead");
  top.append(head);
  table.replaceChildren(top, body);
}

const order = new Intl.Collator(undefined, { numeric: true });

function sortBy(header, index, isText, body) {
  const first = isText ? "ascending" : "descending";
  const other = isText ? "descending" : "ascending";
  const chosen = header.getAttribute("aria-sort") === first ? other : first;
  for (const each of header.parentElement.cells) each.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", chosen);
  const sign = chosen === "ascending" ? 1 : -1;
  const value = (row) => row.cells[index].dataset.value;
  const compare = isText ? (a, b) => order.compare(value(a), value(b)) : (a, b) => value(a) - value(b);
  body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
}
