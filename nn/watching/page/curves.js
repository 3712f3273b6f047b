/* Curves over the training: the loss of every step, and the way of one weight. */

/* A scale from numbers to a length: logarithmic where they are positive and far apart. */
function scale(numbers, from, to) {
  const finite = numbers.filter(Number.isFinite);
  let low = finite.reduce((a, b) => Math.min(a, b), Infinity), high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const log = low > 0 && high > 50 * low;
  if (!(high > low)) [low, high] = [low - 0.5, low + 0.5];
  const of = log ? Math.log10 : (x) => x;
  const place = (x) => from + (to - from) * (of(x) - of(low)) / (of(high) - of(low));
  const powers = (every) => Array.from({ length: 700 }, (_, i) => i - 350).filter((e) => e % every === 0 && 10 ** e >= low && 10 ** e <= high);
  const chosen = [1, 2, 5, 10, 20, 50].map(powers).find((found) => found.length <= 5) ?? [];
  const marks = !log ? ticks(low, high, 5) : chosen.length > 1 ? chosen.map((e) => 10 ** e) : [low, high];
  return { place, marks, log };
}

/* A line with axes in an SVG whose units are pixels of the page; `point` moves the marker to a place on the line. */
function lineChart({ label, width, height, xs, ys, across, up, cls, jump }) {
  const left = 58, right = width - 12, top = 10, bottom = height - (across ? 36 : 22);
  const x = (t) => left + (right - left) * (t - xs[0]) / (xs[xs.length - 1] - xs[0] || 1);
  const y = scale(up, bottom, top);
  const path = [];
  ys.forEach((value, i) => { if (Number.isFinite(value)) path.push(`${path.length ? "L" : "M"}${x(xs[i]).toFixed(1)} ${y.place(value).toFixed(1)}`); });
  const made = svg("svg", { class: `chart ${cls}`, width, height, role: "img", "aria-label": label });
  for (const value of y.marks) {
    made.append(svg("path", { class: "grid", d: `M${left} ${y.place(value)}H${right}` }),
      svg("text", { x: left - 6, y: y.place(value) + 4, "text-anchor": "end" }, number(value, 3)));
  }
  for (const t of ticks(xs[0], xs[xs.length - 1] || 1, Math.max(2, Math.floor(width / 90))))
    made.append(svg("text", { x: x(t), y: bottom + 16, "text-anchor": "middle" }, number(t)));
  if (across) made.append(svg("text", { x: (left + right) / 2, y: height - 5, "text-anchor": "middle" }, across));
  const rule = svg("path", { class: "now" }), dot = svg("circle", { class: "dot", r: 5 });
  made.append(svg("path", { class: "line", d: path.join("") }), rule, dot);
  if (jump) made.addEventListener("click", (event) => jump(xs[0] + (xs[xs.length - 1] - xs[0]) * (event.clientX - made.getBoundingClientRect().left - left) / (right - left)));
  made.point = (t, value) => {
    rule.setAttribute("d", `M${x(t)} ${top}V${bottom}`);
    dot.setAttribute("visibility", Number.isFinite(value) ? "visible" : "hidden");
    if (Number.isFinite(value)) { dot.setAttribute("cx", x(t)); dot.setAttribute("cy", y.place(value)); }
  };
  return made;
}
