"use strict";
// A cursor over all curves of a page, and the values under it.
const vqanimCurves = (() => {
  const seen = new WeakMap();
  const valuesOf = plot => {
    if (!seen.has(plot)) seen.set(plot, plot.dataset.v ? plot.dataset.v.split(";").map(one => one.split(",")) : []);
    return seen.get(plot);
  };
  // part: 0..1 of the width, or null to take the cursor away.
  const point = part => {
    for (const plot of document.querySelectorAll(".plot")) {
      const cursor = plot.querySelector(".cursor");
      const x = part === null ? -9 : 1000 * part;
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      const values = valuesOf(plot);
      const output = plot.parentElement.querySelector("output");
      output.dataset.rest ??= output.textContent;
      if (!values.length) continue;
      const now = part === null ? [] : values.map(one => one[Math.min(one.length - 1, Math.floor(part * one.length))]);
      const shown = now.map(value => value || "–").join(" / ");
      const none = plot.closest(".latest") ? output.dataset.rest : shown;
      output.textContent = part === null ? output.dataset.rest : now.some(Boolean) ? shown : none;
    }
  };
  // The part of the width at which an event happened; null where that is beside the curves.
  const partOf = event => {
    const plot = document.querySelector(".plots .plot");
    if (!plot) return null;
    const box = plot.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    return part >= 0 && part <= 1 ? Math.min(part, 0.999999) : null;
  };
  // hover: told of the part that is pointed at, or null; pick: of the part that is clicked.
  const listen = (hover, pick) => {
    for (const plots of document.querySelectorAll(".plots")) {
      plots.addEventListener("pointermove", event => hover(partOf(event)));
      plots.addEventListener("pointerleave", () => hover(null));
      if (pick) plots.addEventListener("click", event => { const part = partOf(event); if (part !== null) pick(part); });
    }
  };
  return { point, listen };
})();
