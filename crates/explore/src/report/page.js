"use strict";
(() => {
  // Texts of marks: shown at once, where the browser would wait a second.
  const hint = document.getElementById("hint");
  for (const title of document.querySelectorAll("figure svg title")) {
    const mark = title.parentElement;
    if (mark instanceof SVGSVGElement) continue;
    mark.dataset.text = title.textContent;
    title.remove();
  }
  const place = (event) => {
    const left = Math.min(event.clientX + 14, innerWidth - hint.offsetWidth - 8);
    const top = event.clientY + 18 + hint.offsetHeight > innerHeight ? event.clientY - hint.offsetHeight - 8 : event.clientY + 18;
    hint.style.left = `${Math.max(8, left)}px`;
    hint.style.top = `${Math.max(8, top)}px`;
  };
  document.addEventListener("pointermove", (event) => {
    const mark = event.target instanceof Element ? event.target.closest("[data-text]") : null;
    hint.hidden = mark === null;
    if (mark !== null) {
      if (hint.textContent !== mark.dataset.text) hint.textContent = mark.dataset.text;
      place(event);
    }
  });
  document.addEventListener("pointerleave", () => { hint.hidden = true; });

  // Tables sort by the column whose head is pressed.
  for (const table of document.querySelectorAll("table")) {
    table.tHead.addEventListener("click", (event) => {
      const head = event.target.closest("th");
      if (head === null) return;
      const rising = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const key = (row) => {
        const cell = row.cells[head.cellIndex];
        if (cell.dataset.value === undefined) return cell.textContent;
        const value = Number(cell.dataset.value);
        return Number.isNaN(value) ? -Infinity : value;
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
        return rising ? order : -order;
      });
      table.tBodies[0].append(...rows);
    });
  }

  // A box that leaves only the figures whose title has its text.
  for (const box of document.querySelectorAll("input.filter")) {
    box.addEventListener("input", () => {
      const wanted = box.value.trim().toLowerCase();
      for (const figure of document.querySelectorAll(`#${CSS.escape(box.dataset.section)} figure`)) {
        figure.hidden = !figure.dataset.name.toLowerCase().includes(wanted);
      }
    });
  }

  // The list of contents follows the page.
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.classList.remove("here");
      links.get(entry.target.id)?.classList.add("here");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const section of document.querySelectorAll("section")) watcher.observe(section);

  document.documentElement.dataset.ready = "yes";
})();
