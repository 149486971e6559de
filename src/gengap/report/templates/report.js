"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];

  const theme = document.getElementById("theme");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
  const name = () => { theme.textContent = isDark() ? "Light colours" : "Dark colours"; };
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); });
  prefersDark.addEventListener("change", name);
  name();
  theme.hidden = false;

  const status = document.getElementById("status");
  for (const button of all("button[data-copies]")) {
    const source = document.getElementById(button.dataset.copies);
    const label = button.textContent;
    const done = () => {
      button.textContent = "Copied";
      status.textContent = "Copied";
      setTimeout(() => { button.textContent = label; status.textContent = ""; }, 2000);
    };
    const byHand = () => {
      getSelection().selectAllChildren(source);
      if (document.execCommand("copy")) done();
    };
    button.addEventListener("click", () => {
      if (!navigator.clipboard) { byHand(); return; }
      navigator.clipboard.writeText(source.textContent).then(done, byHand);
    });
    button.hidden = false;
  }

  document.getElementById("sorts").hidden = false;
  const key = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.value;
    return number === undefined ? cell.firstChild?.textContent ?? "" : number === "" ? null : Number(number);
  };
  const order = (a, b) => typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  for (const table of all("table[data-sortable]")) {
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [key(row, column), row]);
        const empty = rows.filter(([value]) => value === null);
        const full = rows.filter(([value]) => value !== null);
        full.sort(([a], [b]) => (up ? order(a, b) : order(b, a)));
        body.append(...[...full, ...empty].map(([, row]) => row));
        status.textContent = `Sorted by ${head.textContent}, ${up ? "ascending" : "descending"}`;
      });
    });
  }

  const light = (index) => {
    for (const marked of all(".on")) marked.classList.remove("on");
    document.body.classList.toggle("lit", index !== null);
    if (index === null) return;
    for (const mark of all(`[data-row="${CSS.escape(index)}"]`)) mark.classList.add("on");
  };
  for (const linked of all("[data-row]")) {
    linked.addEventListener("pointerenter", () => light(linked.dataset.row));
    linked.addEventListener("pointerleave", () => light(null));
  }

  for (const box of all(".scroll")) {
    const hint = box.previousElementSibling;
    const look = () => {
      const beyond = box.scrollWidth - box.clientWidth;
      hint.hidden = beyond < 2;
      box.classList.toggle("more", beyond - box.scrollLeft > 1);
    };
    box.addEventListener("scroll", look, { passive: true });
    new ResizeObserver(look).observe(box);
  }

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const details of opened) details.open = true;
  });
  window.addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
})();
