"use strict";
const tip = document.getElementById("tip");
const SVG = "http://www.w3.org/2000/svg";

/* tables: by numbers where cells have keys, else as words; a second press turns the order round */
function sortBy(head) {
  const row = head.parentElement, body = head.closest("table").tBodies[0], at = [...row.children].indexOf(head);
  const down = head.getAttribute("aria-sort") === "ascending", sign = down ? -1 : 1;
  const key = line => { const cell = line.cells[at]; return cell.dataset.key === undefined ? cell.textContent.trim() : +cell.dataset.key; };
  const rank = (a, b) => typeof a === "number" && typeof b === "number" ? a - b :
    typeof a === "number" ? -1 : typeof b === "number" ? 1 : a.localeCompare(b, "en", {numeric: true});
  body.append(...[...body.rows].sort((one, two) => sign * rank(key(one), key(two))));
  for (const other of row.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
}
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => sortBy(button.parentElement));

/* plots: the nearest reading to a pointer, or the next one by arrow keys */
function amount(value, unit) {
  if (unit !== "B") return value.toLocaleString("en");
  const names = ["B", "kB", "MB", "GB"];
  let size = Math.abs(value), power = 0;
  while (size >= 1000 && power < 3) { size /= 1000; power += 1; }
  const places = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return (value < 0 ? "-" : "") + (+size.toFixed(places)) + " " + names[power];
}
function ready(plot) {
  const {x, y, f, t, u, o} = JSON.parse(plot.dataset.plot), svg = plot.firstElementChild;
  const [left, top, width, height, x0, x1, y0, y1] = f;
  const here = document.createElementNS(SVG, "circle");
  here.setAttribute("class", "here"); here.setAttribute("r", "4"); here.setAttribute("visibility", "hidden");
  svg.append(here);
  const px = at => left + (x[at] - x0) / (x1 - x0) * width, py = at => top + (y1 - y[at]) / (y1 - y0) * height;
  const words = at => t ? t[at] : (o === "agents" ? x[at].toLocaleString("en") + " agents" : "step " + x[at].toLocaleString("en")) + ": " + amount(y[at], u);
  let now = x.length - 1;
  plot.tabIndex = 0;
  plot.setAttribute("role", "slider");
  plot.setAttribute("aria-valuemin", "0");
  plot.setAttribute("aria-valuemax", String(x.length - 1));
  const tell = at => {
    plot.setAttribute("aria-valuenow", String(at));
    plot.setAttribute("aria-valuetext", words(at));
  };
  const show = at => {
    now = Math.max(0, Math.min(x.length - 1, at));
    tell(now);
    here.setAttribute("cx", px(now)); here.setAttribute("cy", py(now)); here.setAttribute("visibility", "visible");
    tip.textContent = words(now);
    tip.hidden = false;
    const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
    const cx = box.left + px(now) * scale, cy = box.top + py(now) * scale;
    tip.style.left = Math.max(4, Math.min(innerWidth - tip.offsetWidth - 4, cx - tip.offsetWidth / 2)) + "px";
    tip.style.top = (cy - tip.offsetHeight - 10 > 0 ? cy - tip.offsetHeight - 10 : cy + 12) + "px";
  };
  const hide = () => { tip.hidden = true; here.setAttribute("visibility", "hidden"); };
  tell(now);
  plot.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect(), at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    let best = 0;
    for (let one = 1; one < x.length; one += 1) if (Math.abs(px(one) - at) < Math.abs(px(best) - at)) best = one;
    show(best);
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) show(now); });
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", event => {
    const to = {ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: x.length - 1}[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  });
}
for (const plot of document.querySelectorAll(".plot")) ready(plot);

/* paper shows everything; a link into something folded unfolds it */
let folded = [];
addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; for (const one of folded) one.open = true; });
addEventListener("afterprint", () => { for (const one of folded) one.open = false; });
