/* The network: its neurons by layer, each with its activation over the plane, and the weights between them. */
const SHOWN = 16;
const TROUBLE = { dead: "dead", saturated: "flat", alike: "twin" };
const LOWERED = "₀₁₂₃₄₅₆₇₈₉";
const lowered = (n) => [...String(n)].map((digit) => LOWERED[digit]).join("");

function networkView(host, run, choose) {
  const columns = run.layers.map((layer) => ({
    neurons: layer.length <= SHOWN ? layer : [...layer.slice(0, SHOWN / 2), ...layer.slice(1 - SHOWN / 2)],
    left: Math.max(0, layer.length - SHOWN + 1) * (layer.length > SHOWN),
  }));
  const inputs = run.inputs <= SHOWN ? Array.from({ length: run.inputs }, (_, i) => `x${lowered(i + 1)}`) : [`${run.inputs} inputs`];
  const wires = svg("svg", { class: "wires", "aria-hidden": "true" }), view = html("div", { class: "network" }, wires);
  const tiles = new Map(), edges = [];

  const heads = inputs.map((name) => html("span", { class: "input" }, name));
  view.append(...heads);
  columns.forEach(({ neurons, left }) => {
    for (const neuron of neurons) {
      const picture = canvas(TILE), badge = html("span", { class: "badge" });
      const tile = html("button", { type: "button", class: "neuron" }, picture, html("span", { class: "name" }, neuron.name), badge);
      tile.addEventListener("click", () => choose(neuron.weights[0] ?? neuron.bias));
      tiles.set(neuron.path, { neuron, tile, picture, badge });
      view.append(tile);
    }
    if (left) view.append(html("span", { class: "left" }, `and ${left} more`));
  });

  /* The weights, from the entries of the layer before, where all of these are shown. */
  run.layers.forEach((layer, l) => {
    const size = l ? run.layers[l - 1].length : run.inputs;
    if (size > SHOWN || (!l && inputs.length !== size)) return;
    for (const neuron of columns[l].neurons) {
      if (neuron.weights.length !== size) continue;
      neuron.weights.forEach((weight, i) => {
        const line = svg("path", { class: "weight" }), wide = svg("path", { class: "hit" }), title = svg("title");
        wide.append(title);
        wide.addEventListener("click", () => choose(weight));
        edges.push({ weight, line, wide, title, from: l ? tiles.get(run.layers[l - 1][i].path)?.tile : heads[i], to: tiles.get(neuron.path).tile });
      });
    }
  });
  wires.append(...edges.map(({ line }) => line), ...edges.map(({ wide }) => wide));

  /* Where everything stands, for the width that there is. */
  function settle() {
    const width = view.clientWidth, rows = Math.max(inputs.length, ...columns.map(({ neurons, left }) => neurons.length + (left ? 1 : 0)));
    const tile = Math.max(34, Math.min(rows > 12 ? 36 : rows > 8 ? 46 : 60, width / (columns.length + 1) - 14)), pitch = tile + 8;
    const all = [heads, ...columns.map(({ neurons }) => neurons.map(({ path }) => tiles.get(path).tile))], height = rows * pitch;
    view.style.height = `${height}px`;
    wires.setAttribute("width", width);
    wires.setAttribute("height", height);
    const x = (c) => (width - tile) * (all.length > 1 ? c / (all.length - 1) : 0.5);
    const notes = [...view.querySelectorAll(".left")];
    all.forEach((column, c) => {
      const extra = c && columns[c - 1].left ? 1 : 0, top = (height - (column.length + extra) * pitch) / 2;
      column.forEach((each, r) => {
        const row = extra && r >= column.length / 2 ? r + 1 : r;
        Object.assign(each.style, { left: `${x(c)}px`, top: `${top + row * pitch + 4}px`, width: `${tile}px`, height: `${tile}px` });
      });
      if (extra) Object.assign(notes.shift().style, { left: `${x(c) - 10}px`, top: `${top + Math.ceil(column.length / 2) * pitch + pitch / 2 - 8}px`, width: `${tile + 20}px` });
    });
    const middle = (each) => parseFloat(each.style.top) + tile / 2;
    for (const { line, wide, from, to } of edges) {
      const [x0, x1] = [parseFloat(from.style.left) + tile, parseFloat(to.style.left)], bend = (x1 - x0) / 2;
      const d = `M${x0} ${middle(from)}C${x0 + bend} ${middle(from)} ${x1 - bend} ${middle(to)} ${x1} ${middle(to)}`;
      line.setAttribute("d", d);
      wide.setAttribute("d", d);
    }
  }

  function show(k, found, view_, troubles, chosen) {
    const p = run.parameters(k);
    const most = edges.reduce((size, { weight }) => Math.max(size, Number.isFinite(p[weight]) ? Math.abs(p[weight]) : 0), 0);
    for (const { weight, line, title } of edges) {
      const share = most && Number.isFinite(p[weight]) ? Math.abs(p[weight]) / most : 1;
      line.setAttribute("class", `weight ${p[weight] < 0 ? "negative" : "positive"}${weight === chosen ? " chosen" : ""}`);
      line.setAttribute("stroke-width", (0.6 + 3.4 * share).toFixed(2));
      line.setAttribute("stroke-opacity", (0.3 + 0.6 * share).toFixed(2));
      write(title, `${run.symbols[weight]} = ${number(p[weight], 6)}`);
    }
    for (const [path, { neuron, tile, picture, badge }] of tiles) {
      if (found && neuron.at >= 0) drawNeuron(picture, host, found[neuron.at], view_);
      const kind = troubles.get(path) ?? "";
      tile.setAttribute("class", `neuron ${kind}`);
      write(badge, TROUBLE[kind] ?? "");
      tile.setAttribute("aria-pressed", neuron.weights.includes(chosen) || neuron.bias === chosen);
      tile.title = kind ? `${neuron.name}: ${kind}` : neuron.name;
    }
  }
  return { view, settle, show };
}
