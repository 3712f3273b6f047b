/* One weight: before, gradient, update and after; the rule with its numbers; its way; and which samples moved it. */
function weightView(host, run, runs, choose, ring) {
  const neurons = run.layers.flat(), own = new Map();
  neurons.forEach((neuron, n) => [...neuron.weights, neuron.bias].forEach((i) => { if (i >= 0 && !own.has(i)) own.set(i, n); }));
  const others = run.names.map((_, i) => i).filter((i) => !own.has(i));
  const groups = [...neurons.map((neuron) => [neuron.name, [...neuron.weights, neuron.bias].filter((i) => i >= 0)]),
    ...(others.length ? [["other parameters", others]] : [])];
  const groupOf = (i) => own.get(i) ?? groups.length - 1;

  const select = html("select", {}, ...groups.map(([name], n) => html("option", { value: n }, name)));
  select.addEventListener("change", () => choose(groups[select.value][1][0] ?? -1));
  const body = html("tbody"), heads = ["weight", "before", "gradient", "change", "after"];
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text)))), body);
  const heading = html("h3"), lines = html("pre", { tabindex: "0", role: "region", "aria-label": `Numbers of the update: ${run.name}` });
  const way = html("div", { class: "way" }), ledger = html("div", { class: "ledger" });
  const view = html("section", { class: "weights", "aria-label": `Weights: ${run.name}` },
    html("label", {}, "Weights of ", select),
    html("div", { class: "table", tabindex: "0", role: "region", "aria-label": `Table of weights: ${run.name}` }, table), heading, lines, way, ledger);
  let group = -1, rows = [], chart, charted = -1, wide = 0, marked = -1;

  function fill(g) {
    group = g;
    select.value = g;
    rows = groups[g][1].map((i) => {
      const name = html("button", { type: "button", title: run.names[i] }, run.symbols[i]), cells = heads.slice(1).map(() => html("td"));
      name.addEventListener("click", () => choose(i));
      return { i, name, cells, row: html("tr", {}, html("th", { scope: "row" }, name), ...cells) };
    });
    body.replaceChildren(...rows.map(({ row }) => row));
  }
  function put(cell, x) {
    write(cell, x === null ? "–" : number(x));
    cell.dataset.exact = x === null ? "" : String(x);
    cell.title = cell.dataset.exact;
  }

  function show(k, chosen) {
    if (groupOf(chosen) !== group) fill(groupOf(chosen));
    const ended = k === run.count, before = run.parameters(k);
    const gradient = ended ? null : run.gradients(k), after = ended ? null : run.parametersAfter(k);
    for (const { i, name, cells, row } of rows) {
      [before[i], ended ? null : gradient[i], ended ? null : after[i] - before[i], ended ? null : after[i]].forEach((x, c) => put(cells[c], x));
      row.classList.toggle("chosen", i === chosen);
      name.setAttribute("aria-pressed", i === chosen);
    }
    write(heading, `${run.symbols[chosen]}: ${ended ? "after the last step" : `step ${run.number[k]}`}`);
    write(lines, ended ? `w = ${number(before[chosen], 6)}` : written(run, k, chosen).join("\n"));
    const width = Math.floor(way.clientWidth);
    if (charted !== chosen || width !== wide) draw(chosen, width);
    chart?.point(run.times[k], before[chosen]);
    for (const bar of ledger.querySelectorAll("[data-from]")) bar.classList.toggle("now", !ended && bar.dataset.from <= run.number[k] && run.number[k] < bar.dataset.to);
  }
  function draw(chosen, width) {
    if (charted !== chosen) { charted = chosen; account(chosen); }
    wide = width;
    if (!width) return;
    const pathOf = (each) => each.times.map((_, k) => each.parameters(k)[chosen]);
    const up = runs.filter((each) => each.symbols[chosen] === run.symbols[chosen]).flatMap(pathOf);
    chart = lineChart({ label: `${run.symbols[chosen]} over the training`, width, height: 120, xs: run.times, ys: pathOf(run), up, cls: "path" });
    way.replaceChildren(chart);
  }

  /* The ledger of one weight: for each sample how far it moved it in all, and when. */
  function account(chosen) {
    const entry = run.ledger[chosen], name = run.symbols[chosen];
    marked = -1;
    ring(-1);
    if (!entry) return ledger.replaceChildren(html("p", {}, run.ledgerMissing || `The optimizer does not move ${name}.`));
    const [change, rest] = floats(entry.sums), totals = floats(entry.totals), when = floats(entry.when), times = run.ledgerFrom.length;
    const most = Math.max(...totals.map(Math.abs), 0), peak = when.reduce((size, x) => Math.max(size, Math.abs(x)), 0);
    const records = entry.samples.map((sample, s) => {
      const button = html("button", { type: "button", "aria-pressed": "false" }, sample), total = html("td", { "data-exact": String(totals[s]), title: String(totals[s]) }, number(totals[s]));
      const place = run.shown.indexOf(Number(sample.split(" ")[1]));
      button.disabled = place < 0 || !sample.startsWith("sample ");
      button.addEventListener("click", () => {
        marked = marked === place ? -1 : place;
        for (const each of ledger.querySelectorAll("button")) each.setAttribute("aria-pressed", each === button && marked >= 0);
        ring(marked);
      });
      const bars = svg("svg", { class: "when", width: 4 * times, height: 26, role: "img", "aria-label": `When ${sample} moved ${name}` });
      for (let t = 0; t < times; t++) {
        const x = when[s * times + t], size = peak ? 12 * Math.abs(x) / peak : 0;
        const bar = svg("rect", { class: x < 0 ? "negative" : "positive", x: 4 * t, width: 3, y: x < 0 ? 13 : 13 - size, height: Math.max(size, 0.5), "data-from": run.ledgerFrom[t], "data-to": run.ledgerFrom[t + 1] ?? Infinity });
        bar.append(svg("title", {}, `from step ${run.ledgerFrom[t]}: ${number(x)}`));
        bars.append(bar);
      }
      const size = most ? 40 * Math.abs(totals[s]) / most : 0;
      const bar = svg("svg", { class: "total", width: 80, height: 14, "aria-hidden": "true" }, svg("path", { d: "M40 0V14" }),
        svg("rect", { class: totals[s] < 0 ? "negative" : "positive", x: totals[s] < 0 ? 40 - size : 40, width: size, y: 2, height: 10 }));
      return html("tr", {}, html("th", { scope: "row" }, button), total, html("td", { class: "share" }, bar), html("td", {}, bars));
    });
    const left = entry.of - entry.samples.length;
    if (left > 0) records.push(html("tr", {}, html("th", { scope: "row" }, `${left} others`), html("td", { "data-exact": String(rest), title: String(rest) }, number(rest)), html("td", { class: "share" }), html("td")));
    ledger.replaceChildren(html("h3", {}, `Which samples moved ${name} by ${number(change)}`),
      html("div", { class: "table", tabindex: "0", role: "region", "aria-label": `Which samples moved ${name}: ${run.name}` },
        html("table", {}, html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "sample"), html("th", { scope: "col", colspan: 2 }, "moved it by"), html("th", { scope: "col" }, "when"))), html("tbody", {}, ...records))));
  }
  return { view, show };
}
