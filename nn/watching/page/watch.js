/* The page of `nn.watch`: one or two recorded trainings, and the controls that go through their steps. */
function tracegradWatch(host, title, given) {
  const runs = given.map(opened);
  const leader = runs.reduce((best, run) => run.times[run.last] > best.times[best.last] || (run.times[run.last] === best.times[best.last] && run.count > best.count) ? run : best);
  const chooser = (label, options, chosen) => {
    const select = html("select", {}, ...options.map(([value, text]) => html("option", { value }, text)));
    select.value = chosen;
    return [select, html("label", {}, `${label} `, select)];
  };

  /* ---- where we are: a place in the list of steps that are gone through, those of the longer training */

  const firsts = [...Array(leader.count).keys()].filter((k) => k === 0 || leader.epoch[k] !== leader.epoch[k - 1]);
  const stops = { batch: [...Array(leader.count + 1).keys()], epoch: [...firsts, leader.count] };
  const batches = firsts.length < leader.count;
  let by = batches ? "epoch" : "batch", at = 0, timer = 0, chosen = 0, shown = [];
  const end = () => stops[by].length - 1;
  const stepOf = (run) => {
    const now = leader.times[stops[by][at]];
    return run === leader ? stops[by][at] : Math.max(0, run.times.findLastIndex((time) => time <= now + 1e-9));
  };

  const firstButton = button("First step (Home)", "first", () => jump(0));
  const previousButton = button("Previous step (left arrow)", "previous", () => jump(at - 1));
  const playButton = button("Play (space)", "play", () => play(!timer));
  const nextButton = button("Next step (right arrow)", "next", () => jump(at + 1));
  const lastButton = button("Last step (End)", "last", () => jump(end()));
  const slider = html("input", { type: "range", min: 0, step: 1, value: 0, "aria-label": "Step" });
  slider.addEventListener("input", () => jump(Number(slider.value)));
  const count = html("span", { class: "count", role: "status" });
  const [byChoice, byLabel] = chooser("Step by", [["epoch", "epoch"], ["batch", "batch"]], by);
  byChoice.addEventListener("change", () => {
    const now = stops[by][at];
    by = byChoice.value;
    at = stops[by].findLastIndex((k) => k <= now);
    show();
  });
  const [speed, speedLabel] = chooser("Speed", [[2, "slow"], [8, "normal"], [25, "fast"]], 8);
  const controls = html("div", { class: "controls" },
    html("span", { class: "group" }, firstButton, previousButton, playButton, nextButton, lastButton), slider, count,
    ...(batches ? [byLabel] : []), speedLabel);

  /* ---- the axes, which all trainings share */

  const features = Array.from({ length: leader.inputs }, (_, i) => `x${lowered(i + 1)}`);
  const view = { features, axes: [0, leader.inputs > 1 ? 1 : null], ranges: [] };
  function range(numbers, margin) {
    let low = Infinity, high = -Infinity;
    for (const x of numbers) [low, high] = [Math.min(low, x), Math.max(high, x)];
    const more = margin * (high - low) || 1;
    return [low - more, high + more];
  }
  const column = (i) => runs.flatMap((run) => run.shown.map((_, s) => run.X[s * run.inputs + i]));
  function look() {
    const [across, up] = view.axes;
    if (leader.shown.length) view.ranges = [range(column(across), 0.12), up === null ? range(runs.flatMap((run) => [...run.y]), 0.25) : range(column(up), 0.12)];
  }
  look();
  if (leader.inputs > 2 && runs.some((run) => run.model)) {
    [["Across", 0], ["Up", 1]].forEach(([label, place]) => {
      const [select, made] = chooser(label, features.map((name, i) => [i, name]), view.axes[place]);
      select.addEventListener("change", () => { view.axes[place] = Number(select.value); look(); show(); });
      controls.append(made);
    });
  }

  const losses = runs.flatMap((run) => [...run.allLosses]);
  const until = Math.max(...runs.map((run) => run.times[run.last]));
  function choose(weight) {
    if (weight < 0) return;  // a neuron without parameters
    chosen = weight;
    show();
  }

  /* ---- one training */

  const swatch = (kind) => {
    const corners = cornersOf(kind, 6, 6, 5);
    const shape = corners.length ? svg("polygon", { points: corners.join(" ") }) : svg("circle", { cx: 6, cy: 6, r: 5 });
    shape.setAttribute("fill", HUES[kind % HUES.length]);
    return svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, shape);
  };
  function panel(run) {
    let ringed = -1;
    const where = html("p", { class: "where" });
    const network = networkView(host, run, choose);
    const weight = weightView(host, run, runs, choose, (sample) => { ringed = sample; decide(stepOf(run), last); });
    const picture = canvas(FIELD, "What the network gives"), right = html("span", { class: "right" });
    const key = run.classes.map((label, place) => html("span", {}, swatch(run.outputs > 1 ? label : place), ` class ${number(label)}`));
    const drawn = run.shown.length < run.samples ? [html("span", {}, `${run.shown.length} of ${run.samples} samples drawn`)] : [];
    const others = run.inputs > 2 ? [html("span", {}, "other features at their means")] : [];
    const decision = html("figure", { class: "decision" }, picture, html("figcaption", {}, ...key, ...others, ...drawn, right));
    const curveHolder = html("div"), signs = html("ul");
    const made = html("section", { class: "run", "aria-label": run.name },
      html("h2", {}, run.name), where, ...(run.omitted ? [html("p", { class: "note" }, run.omitted)] : []),
      html("div", { class: "parts" },
        html("figure", { class: "neurons" }, html("figcaption", {}, run.model ? "Neurons: orange is negative, blue positive, each on a scale of its own" : run.missing), network.view),
        html("div", { class: "middle" }, html("figure", { class: "loss" }, html("figcaption", {}, "Loss of the batch, before the step"), curveHolder), ...(run.model ? [decision] : [])),
        html("div", { class: "side" }, html("section", { class: "signs", "aria-label": `What goes wrong: ${run.name}` }, signs), weight.view)));
    const byPath = new Map(run.layers.flat().map((neuron) => [neuron.path, neuron]));
    let chart, last = null;

    function decide(k, found) {
      if (found) drawDecision(picture, host, run, k, view, found, ringed);
    }
    function troubles(k) {
      const found = run.signs[run.judged.findLastIndex((step) => step <= k)] ?? [], members = new Map();
      for (const [kind, path, hint] of found) {  // what has the same hint is one item
        if (!members.has(hint)) members.set(hint, { kind, names: [] });
        members.get(hint).names.push(byPath.get(path)?.name ?? path);
      }
      const items = [...members].map(([hint, { kind, names }]) =>
        html("li", {}, html("strong", {}, `${names.join(", ")}: ${kind}. `), run.hints[hint]));
      if (!items.length) items.push(html("li", {}, run.judged.length ? "No sign of trouble: no neuron is dead, flat or twin, and the loss does not explode."
        : "The network is too large to look for neurons that do not learn: see recording.signs(step)."));
      signs.replaceChildren(...items);
      return new Map(found.map(([kind, path]) => [path, kind]));
    }
    return {
      made,
      settle() {
        network.settle();
        const width = Math.floor(curveHolder.clientWidth);
        chart = lineChart({ label: "Loss over the epochs", width, height: 170, xs: [0, ...run.allTimes, until], ys: [NaN, ...run.allLosses, NaN], up: losses, across: "epoch", cls: "losses", jump: nearest });
        curveHolder.replaceChildren(chart);
      },
      show() {
        const k = stepOf(run), ended = k === run.count;
        write(where, ended ? `After the last step, number ${run.number[k - 1]}, in epoch ${run.epoch[k - 1]}`
          : `Step ${run.number[k]}, epoch ${run.epoch[k]}${run.batches[k] > 1 ? `, batch ${run.batch[k]} of ${run.batches[k]}` : ""}: loss ${number(run.loss[k])}, learning rate ${number(run.rate[k])}`);
        where.dataset.loss = ended ? "" : String(run.loss[k]);
        chart.point(run.times[k], ended ? NaN : run.loss[k]);
        last = run.model ? fields(run, k, view) : null;
        decide(k, last);
        if (run.model && run.classes.length) {
          const hits = outputs(run, k).filter((output, s) => classOf(run, output) === placeOf(run, run.y[s])).length;
          write(right, `${hits} of ${run.shown.length} right`);
        }
        const over = view.axes.filter((axis) => axis !== null).map((axis) => features[axis]).join(" and ");
        picture.setAttribute("aria-label", `What the network gives over ${over}. ${right.textContent}`);
        network.show(k, last, view, troubles(k), Math.min(chosen, run.names.length - 1));
        weight.show(k, Math.min(chosen, run.names.length - 1));
      },
    };
  }

  /* ---- going through the steps */

  function nearest(time) {
    const times = stops[by].map((k) => leader.times[k]);
    jump(times.reduce((best, each, i) => Math.abs(each - time) < Math.abs(times[best] - time) ? i : best, 0));
  }
  function show() {
    slider.max = end();
    slider.value = at;
    const text = `${by === "batch" ? "Step" : "Epoch"} ${at + 1} of ${end()}`;
    write(count, at === end() ? "After the last step" : text);
    slider.setAttribute("aria-valuetext", count.textContent);
    firstButton.disabled = previousButton.disabled = at === 0;
    nextButton.disabled = lastButton.disabled = at === end();
    for (const each of shown) each.show();
  }
  function jump(to) {
    const wanted = Math.min(Math.max(to, 0), end());
    if (wanted === at) return;
    const lost = [firstButton, previousButton, nextButton, lastButton].includes(document.activeElement);
    at = wanted;
    show();
    if (lost && document.activeElement?.disabled !== false) host.focus({ preventScroll: true });
  }
  function play(start) {
    clearTimeout(timer);
    timer = 0;
    if (start) {
      if (at === end()) jump(0);
      const tick = () => {
        if (!host.isConnected || at === end()) return play(false);
        jump(at + 1);
        timer = setTimeout(tick, 1000 / speed.value);
      };
      timer = setTimeout(tick, 1000 / speed.value);
    }
    count.setAttribute("aria-live", start ? "off" : "polite");  // a reader's voice could not keep up
    playButton.setAttribute("aria-label", start ? "Pause (space)" : "Play (space)");
    playButton.title = start ? "Pause (space)" : "Play (space)";
    playButton.querySelector("path").setAttribute("d", ICONS[start ? "pause" : "play"]);
  }
  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();  // a notebook would take the keys for its own
    const actions = { ArrowLeft: () => jump(at - 1), ArrowRight: () => jump(at + 1), Home: () => jump(0), End: () => jump(end()) };
    if (!event.target.matches("button, input, summary")) actions[" "] = () => play(!timer);
    const action = actions[event.key];
    if (!action || event.target.matches("select")) return;
    event.preventDefault();
    if (event.key !== " ") play(false);
    action();
  });
  host.addEventListener("pointerdown", (event) => { if (!event.target.closest("button, input, select, [tabindex='0'] [tabindex='0']")) host.focus({ preventScroll: true }); });

  for (const [name, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": title, "data-lm-suppress-shortcuts": "true" })) host.setAttribute(name, value);
  shown = [];
  const panels = runs.map(panel);
  host.classList.toggle("pair", runs.length > 1);
  host.replaceChildren(controls, html("div", { class: "runs" }, ...panels.map(({ made }) => made)),
    html("p", { class: "keys" }, ...["space", " plays, ", "←", " ", "→", " steps, ", "Home", " ", "End", " first and last. A click on a weight, a neuron or the loss goes there."].map((text, i) => i % 2 ? text : html("kbd", {}, text))));
  shown = panels;
  let known = 0;
  function settle() {
    if (host.clientWidth === known || !host.clientWidth) return;
    known = host.clientWidth;
    for (const [name, width] of [["bars", 480], ["two", 700], ["three", 1100]]) host.classList.toggle(name, known / runs.length >= width);
    for (const each of panels) each.settle();
    show();
  }
  settle();
  new ResizeObserver(settle).observe(host);
  for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", show);  // for the canvases
  const alone = document.body.matches(".tracegrad-page") && window === window.top;
  if (alone && document.activeElement === document.body) host.focus({ preventScroll: true });
}

/* Starts every page of this kind that the document holds and that has not been started yet. */
function tracegradWatchStart(key, title, given) {
  for (const host of document.querySelectorAll(`.tracegrad-${key}`)) {
    if (host.dataset.started) continue;
    host.dataset.started = "true";
    tracegradWatch(host, title, given);
  }
}
