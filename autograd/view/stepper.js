/* The stepper: shows recorded frames of a forward and a backward pass, or of forward mode. It computes nothing but which frame is shown.
   Elements are made with `elements.js`. */
function tracegradStepper(host, data, picture, hooks = {}) {
  const MATHML = "http://www.w3.org/1998/Math/MathML";
  const NEAR_FROM = 60, SHOWN_NEIGHBORS = 7, READABLE = 1, SEARCHED_FROM = 20;
  const prefix = `tracegrad-${Math.random().toString(36).slice(2, 10)}-`;

  /* Formulas come as MathML, in which every label is escaped; as XML it can hold nothing that runs. */
  function mathematics(text) {
    const parsed = new DOMParser().parseFromString(text.replace("<math", `<math xmlns="${MATHML}"`), "application/xml");
    return document.importNode(parsed.documentElement, true);
  }

  /* ---- the frame around the graph */

  /* Reverse mode, or forward mode from one of the leaves: the values, then the tangents. */
  let mode = 0, frames = data.frames;
  const modeSelect = html("select", { "aria-label": "Mode", title: "Reverse mode, or forward mode from a leaf (M)" });
  function choose(to) {
    mode = Math.min(to, data.forward.length);
    const values = data.frames.filter((frame) => frame.phase === "forward");
    frames = mode ? [...values, ...data.forward[mode - 1].frames] : data.frames;
    modeSelect.value = mode;
    backwardButton.textContent = mode ? "Tangents" : "Backward";
    backwardButton.title = mode ? "Go to the pass of tangents (B)" : "Go to the backward pass (B)";
    backwardButton.setAttribute("aria-label", backwardButton.title);
    at = Math.min(at, last());
    findLastGains();
  }
  const derivative = () => mode ? `∂node/∂${data.forward[mode - 1].leaf}` : `∂${data.root}/∂node`;
  const last = () => frames.length - 1;
  let at = 0, timer = 0, scale = 1, near = data.nodes.length > NEAR_FROM;

  const firstButton = button("First step (Home)", "first", () => jump(0));
  const previousButton = button("Previous step (left arrow)", "previous", () => jump(at - 1));
  const playButton = button("Play (space)", "play", () => play(!timer));
  const nextButton = button("Next step (right arrow)", "next", () => jump(at + 1));
  const lastButton = button("Last step (End)", "last", () => jump(last()));
  const forwardButton = button("Go to the forward pass (F)", "", () => jump(0), "Forward");
  const backwardButton = button("Go to the backward pass (B)", "", () => jump(firstBackward()), "Backward");
  modeSelect.append(html("option", { value: 0 }, `reverse: ∂${data.root}/∂node`),
    ...data.forward.map(({ leaf }, i) => html("option", { value: i + 1 }, `forward: ∂node/∂${leaf}`)));
  modeSelect.addEventListener("change", () => switchTo(Number(modeSelect.value)));
  const slider = html("input", { type: "range", min: 0, max: last(), step: 1, value: 0, "aria-label": "Step" });
  slider.addEventListener("input", () => jump(Number(slider.value)));
  const count = html("span", { class: "count" });
  const sentence = html("p", { class: "sentence", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  const formulas = html("dl", { class: "formulas" });
  const viewport = html("div", { class: "viewport", tabindex: "0", role: "region", "aria-label": "Graph" });
  const nearButton = button("Close-up: only the current node and its neighbors", "", () => { near = !near; show(); zoom(scale); }, "Close-up");
  const zoomOut = button("Zoom out", "", () => zoom(scale / 1.25), "−");
  const zoomIn = button("Zoom in", "", () => zoom(scale * 1.25), "+");
  const fitButton = button("Fit: show the whole graph", "", () => { near = false; show(); zoom(fitting()); }, "Fit");
  const scope = html("span", { class: "scope" });
  const search = html("input", { type: "search", "aria-label": "Find a node by its name", placeholder: "find a node", list: `${prefix}names` });
  search.addEventListener("change", () => {
    const wanted = search.value.trim();
    const found = data.nodes.findIndex((node) => [node.name, node.short, node.label].includes(wanted));
    search.setAttribute("aria-invalid", Boolean(wanted) && found < 0);
    if (found >= 0) visit(found);
  });
  const map = svg("svg", { class: "map", "aria-hidden": "true" });
  const table = html("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Values and gradients" });
  host.classList.add("tracegrad-stepper");
  for (const [name, value] of Object.entries({
    tabindex: "0", role: "group", "aria-label": data.title, "aria-roledescription": "step-by-step view",
    "data-lm-suppress-shortcuts": "true",
  })) host.setAttribute(name, value);
  host.replaceChildren(
    html("div", { class: "controls" },
      html("span", { class: "group", role: "group", "aria-label": "Steps" },
        firstButton, previousButton, playButton, nextButton, lastButton),
      html("span", { class: "group", role: "group", "aria-label": "Pass" }, forwardButton, backwardButton),
      ...(data.forward.length ? [modeSelect] : []),
      html("span", { class: "slider" }, slider, count)),
    html("div", { class: "body" },
      html("div", { class: "saying" }, sentence, formulas),
      html("div", { class: "graph" },
        html("div", { class: "view" }, scope,
          ...(data.nodes.length > SEARCHED_FROM ? [search, html("datalist", { id: `${prefix}names` },
            ...data.nodes.filter((node) => node.kind !== "constant").map((node) => html("option", { value: node.name })))] : []),
          html("span", { class: "zoom group", role: "group", "aria-label": "View of the graph" },
            nearButton, zoomOut, zoomIn, fitButton)),
        viewport, map),
      table),
    html("p", { class: "keys" }, html("kbd", {}, "←"), " ", html("kbd", {}, "→"), " step · ", html("kbd", {}, "Home"), " ",
      html("kbd", {}, "End"), " first, last · ", html("kbd", {}, "space"), " play · ", html("kbd", {}, "F"), " ",
      html("kbd", {}, "B"), " forward, backward · ", html("kbd", {}, "M"), " mode · click a node to go to it"),
  );

  function firstBackward() { return frames.findIndex((frame) => frame.phase !== "forward"); }

  /* ---- the graph */

  const unstyled = picture.replace(/<(style)>.*?<\/\1>/s, "");  // the page has the same rules
  const whole = document.importNode(new DOMParser().parseFromString(unstyled, "image/svg+xml").documentElement, true);
  whole.setAttribute("aria-label", `Graph of ${data.nodes.length} nodes; the table lists the same numbers`);
  whole.firstElementChild.remove();  // the title, which would pop up everywhere
  const [, , width, height] = whole.getAttribute("viewBox").split(" ").map(Number);
  const groups = data.nodes.map((_, k) => {
    const group = whole.querySelector(`#node-${k}`);
    group.addEventListener("click", () => visit(k));
    return {
      group, data: group.querySelector(".data"), grad: group.querySelector(".grad"), base: group.getAttribute("class"),
      caption: group.querySelectorAll(".caption")[1],
    };
  });
  const edges = new Map();
  for (const group of whole.querySelectorAll("g.edge")) edges.set(group.id.slice(5), group);
  for (const named of whole.querySelectorAll("[id]")) named.id = prefix + named.id;
  viewport.append(whole);

  const boxes = groups.map(({ group }) => {
    const [x, y] = group.getAttribute("transform").slice(10, -1).split(" ").map(Number);
    const box = group.querySelector(".box");
    return { x, y, width: Number(box.getAttribute("width")), height: Number(box.getAttribute("height")) };
  });
  map.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const dots = boxes.map((box) => svg("rect", { x: box.x, y: box.y, width: box.width, height: box.height }));
  const windowRect = svg("rect", { class: "window" });
  map.append(...dots, windowRect);
  map.addEventListener("click", (event) => {
    const bounds = map.getBoundingClientRect();
    viewport.scrollTo(((event.clientX - bounds.left) / bounds.width) * width * scale - viewport.clientWidth / 2,
      ((event.clientY - bounds.top) / bounds.height) * height * scale - viewport.clientHeight / 2);
  });
  viewport.addEventListener("scroll", drawMap);

  function fitting() {
    return Math.min((viewport.clientWidth - 2) / width, (room() - 4) / height, 1.3);
  }
  function room() {  // the height that the graph may take: on a page of its own, what the window leaves free
    const others = host.getBoundingClientRect().height - viewport.getBoundingClientRect().height;
    return document.body.matches(".tracegrad-page") ? Math.max(430, window.innerHeight - others - 40) : 430;
  }
  function zoom(to) {
    scale = Math.min(Math.max(to, Math.min(fitting(), 0.15)), 3);
    whole.setAttribute("width", width * scale);
    whole.setAttribute("height", height * scale);
    whole.classList.toggle("far", scale < 0.4);
    if (!near) viewport.style.height = `${Math.min(Math.max(height * scale + 4, 180), room())}px`;
    follow();
  }
  function drawMap() {
    const shownWidth = viewport.clientWidth / scale, shownHeight = viewport.clientHeight / scale;
    const needed = !near && (shownWidth < width * 0.7 || shownHeight < height * 0.7) && data.nodes.length > 20;
    map.style.display = needed ? "" : "none";
    if (!needed) return;
    const size = Math.min(220 / width, 110 / height);
    map.setAttribute("width", width * size);
    map.setAttribute("height", height * size);
    windowRect.setAttribute("x", viewport.scrollLeft / scale);
    windowRect.setAttribute("y", viewport.scrollTop / scale);
    windowRect.setAttribute("width", Math.min(shownWidth, width));
    windowRect.setAttribute("height", Math.min(shownHeight, height));
  }
  function follow() {  // scrolls the graph and the table, never the page
    const frame = frames[at];
    const seen = [frame.node, frame.edge && frame.edge[0]].filter((k) => k !== null && k !== undefined).map((k) => boxes[k]);
    if (seen.length && !near) {
      const margin = 24 / scale;
      const left = Math.min(...seen.map((b) => b.x)) - margin, right = Math.max(...seen.map((b) => b.x + b.width)) + margin;
      const top = Math.min(...seen.map((b) => b.y)) - margin, bottom = Math.max(...seen.map((b) => b.y + b.height)) + margin;
      const focus = boxes[frame.node];
      const placed = (low, high, from, size, middle) => {
        if (low * scale >= from && high * scale <= from + size) return from;
        const centre = (high - low) * scale <= size ? (low + high) / 2 : middle;
        return centre * scale - size / 2;
      };
      viewport.scrollTo(
        placed(left, right, viewport.scrollLeft, viewport.clientWidth, focus.x + focus.width / 2),
        placed(top, bottom, viewport.scrollTop, viewport.clientHeight, focus.y + focus.height / 2));
    }
    const row = frame.node === null ? null : rows[frame.node]?.row;
    if (row) {
      const head = 30, top = row.offsetTop, bottom = top + row.offsetHeight;
      if (top < table.scrollTop + head || bottom > table.scrollTop + table.clientHeight)
        table.scrollTop = top - table.clientHeight / 2;
    }
    drawMap();
  }

  /* ---- the close-up: one node, its operands on the left, its consumers on the right, the rest folded away */

  const consumers = data.nodes.map(() => []);
  data.nodes.forEach((node, k) => node.parents.forEach((parent, position) => consumers[parent].push([k, position])));

  function closeUp(frame) {
    const centre = frame.edge ? frame.edge[0] : frame.node ?? data.nodes.length - 1;
    const left = data.nodes[centre].parents.map((parent, position) => [parent, `${centre}-${position}`]);
    const right = consumers[centre].map(([k, position]) => [k, `${k}-${position}`]);
    const current = frame.edge ? `${frame.edge[0]}-${frame.edge[1]}` : "";
    const made = svg("svg", { class: whole.getAttribute("class") });
    const columns = [left, right].map((column) => {
      const from = Math.min(Math.max(column.findIndex(([, edge]) => edge === current) - 3, 0), Math.max(column.length - SHOWN_NEIGHBORS, 0));
      return { rows: column.slice(from, from + SHOWN_NEIGHBORS), before: from, after: Math.max(column.length - from - SHOWN_NEIGHBORS, 0) };
    });
    const wide = Math.max(150, ...columns.flatMap(({ rows }) => rows.map(([k]) => boxes[k].width)));
    const rowHeight = 76, gap = 120, middleWidth = boxes[centre].width;
    const full = Math.max(1, ...columns.map(({ rows }) => rows.length)) * rowHeight + 60;
    const total = 2 * wide + middleWidth + 2 * gap + 40;
    const place = (k, x, y) => {
      const copy = groups[k].group.cloneNode(true);
      copy.removeAttribute("id");
      copy.setAttribute("transform", `translate(${x} ${y - boxes[k].height / 2})`);
      copy.addEventListener("click", () => visit(k));
      return copy;
    };
    const middle = full / 2, centreX = 20 + wide + gap;
    columns.forEach(({ rows, before, after }, side) => {
      const remark = (count, y) => count && made.append(svg("text", { class: "caption", x: side ? centreX + middleWidth + gap : 20, y }, `and ${count} more`));
      remark(before, 14);
      remark(after, full - 8);
      rows.forEach(([k, edge], i) => {
        const y = middle + (i - (rows.length - 1) / 2) * rowHeight;
        const x = side ? centreX + middleWidth + gap : 20 + wide - boxes[k].width;
        const [tail, head] = side ? [[centreX + middleWidth, middle], [x, y]] : [[20 + wide, y], [centreX, middle]];
        const wire = edges.get(edge).cloneNode(true);
        wire.removeAttribute("id");
        const bend = (head[0] - tail[0]) / 2;
        wire.querySelector(".wire").setAttribute("d",
          `M${tail}C${tail[0] + bend} ${tail[1]} ${head[0] - bend} ${head[1]} ${head}`);
        wire.querySelector(".to-head").setAttribute("d", `M${head}l-9 4.5v-9z`);
        wire.querySelector(".to-tail").setAttribute("d", `M${tail}l9 4.5v-9z`);
        const text = wire.querySelector(".slope"), plate = wire.querySelector(".plate");
        if (text) {
          const x0 = tail[0] + bend, y0 = (tail[1] + head[1]) / 2;
          text.setAttribute("x", x0);
          text.setAttribute("y", y0 + 3.5);
          plate.setAttribute("x", x0 - Number(plate.getAttribute("width")) / 2);
          plate.setAttribute("y", y0 - 7);
        }
        made.prepend(wire);
        made.append(place(k, x, y));
      });
    });
    made.append(place(centre, centreX, middle));
    made.setAttribute("viewBox", `0 0 ${total} ${full}`);
    const fit = Math.min((viewport.clientWidth - 4) / total, 1.15);
    made.setAttribute("width", total * fit);
    made.setAttribute("height", full * fit);
    viewport.style.height = `${Math.min(Math.max(full * fit + 4, 180), 560)}px`;
    return made;
  }

  /* ---- the table */

  const rows = [];
  let slopeHead;
  host.classList.toggle("editable", Boolean(hooks.edit));
  function fillTable() {
    const body = html("tbody");
    rows.length = 0;
    data.nodes.forEach((node, k) => {
      rows.push(null);
      if (node.kind === "constant") return;
      const name = button(`Go to ${node.name}`, "", () => visit(k), node.short);
      name.title = node.label;
      const value = html("td"), grad = html("td");
      const row = html("tr", {}, html("th", { scope: "row" }, name), html("td", { class: "how", title: node.how }, node.how), value, grad);
      rows[k] = { row, value, grad };
      if (hooks.edit && node.kind === "leaf") editor(k, value);
      body.append(row);
    });
    if (hooks.edit) body.prepend(...rows.filter((each) => each?.typed).map((each) => each.row));  // to edit them together
    const header = html("tr", {}, ...["node", "formula", "value", ""].map((text) => html("th", { scope: "col" }, text)));
    slopeHead = header.lastChild;
    table.replaceChildren(html("table", {}, html("caption", {}, "Values and gradients at this step"), html("thead", {}, header), body));
  }
  function place(drag, value) {  // a slider around the value, unless the value lies on it already
    if (!Number.isFinite(value)) return;
    if (drag.max === "" || value < Number(drag.min) || value > Number(drag.max)) {
      const reach = Math.max(1, Math.abs(value) * 2);
      Object.assign(drag, { min: value - reach, max: value + reach, step: reach / 100 });
    }
    drag.value = value;
  }
  function editor(k, cell) {
    const start = Number(data.nodes[k].data);
    const label = `Value of ${data.nodes[k].name}`;
    const drag = html("input", { type: "range", "aria-label": `${label}, to drag` });
    const typed = html("input", { type: "number", step: "any", "aria-label": label });
    typed.value = start;
    place(drag, start);
    drag.addEventListener("input", () => { typed.value = drag.value; hooks.edit(k, Number(drag.value)); });
    typed.addEventListener("change", () => {
      if (typed.value.trim() === "" || !Number.isFinite(Number(typed.value))) return;
      place(drag, Number(typed.value));
      hooks.edit(k, Number(typed.value));
    });
    rows[k].typed = typed;
    rows[k].drag = drag;
    cell.append(drag, typed);
  }

  /* ---- showing a frame */

  function replayed(end) {
    const state = data.nodes.map((node) => ({
      data: node.kind === "operation" ? "?" : node.text, exactData: node.kind === "operation" ? "" : node.data,
      grad: "–", exactGrad: "", freed: false, growing: false,
    }));
    const used = new Set();
    for (let i = 0; i <= end; i++) {
      const frame = frames[i], node = state[frame.node];
      if (frame.edge) used.add(frame.edge.join("-"));
      if (frame.kind === "value" || frame.kind === "update") [node.data, node.exactData] = [frame.text, frame.after];
      else if (frame.kind === "free") node.freed = true;
      else if (frame.kind === "end") state.forEach((each) => { if (each.grad === "–") [each.grad, each.exactGrad] = ["0", 0]; });
      else if (node) [node.grad, node.exactGrad] = [frame.text, frame.after];
    }
    state.forEach((node, k) => { node.growing = node.grad !== "–" && lastGain[k] > end; });
    return [state, used];
  }
  let lastGain = [];
  function findLastGains() {
    lastGain = data.nodes.map(() => -1);
    frames.forEach((frame, i) => { if (frame.edge) lastGain[frame.node] = i; });
  }

  function show(following = true) {
    const frame = frames[at];
    const [state, used] = replayed(at);
    const ofData = ["value", "update"].includes(frame.kind), ofGrad = ["seed", "gain", "nothing", "free"].includes(frame.kind);
    state.forEach((now, k) => {
      const { group, data: value, grad, base, caption } = groups[k];
      write(caption, mode ? "tangent" : "grad");
      const classes = [base];
      const mine = frame.node === k;
      if (now.data === "?") classes.push("pending");
      if (now.grad === "–") classes.push("waiting");
      if (now.growing) classes.push("growing");
      if (now.freed) classes.push("freed");
      if (frame.edge && (mode ? data.nodes[frame.edge[0]].parents[frame.edge[1]] : frame.edge[0]) === k && !mine)
        classes.push("source");
      if (frame.kind === "value" && data.nodes[frame.node].parents.includes(k)) classes.push("source");
      if (mine) classes.push("current", ofData ? "changed-data" : ofGrad ? "changed-grad" : "");
      const joined = classes.join(" ");
      if (group.getAttribute("class") !== joined) group.setAttribute("class", joined);
      const gradient = now.freed ? "freed" : now.growing ? `${now.grad} …` : now.grad;
      write(value, now.data);
      write(grad, gradient);
      dots[k].setAttribute("class", mine ? "current" : "");
      const row = rows[k];
      if (!row) return;
      if (row.typed) { if (document.activeElement !== row.typed) row.typed.value = now.exactData; }
      else write(row.value, now.data);
      write(row.grad, gradient);
      row.row.classList.toggle("current", mine);
      row.value.classList.toggle("changed", mine && ofData);
      row.grad.classList.toggle("changed", mine && ofGrad);
      row.grad.classList.toggle("freed", now.freed);
      row.value.title = row.value.dataset.exact = String(now.exactData);
      row.grad.title = row.grad.dataset.exact = String(now.exactGrad);
      row.row.toggleAttribute("aria-current", mine);
    });
    const computed = frame.kind === "value" ? data.nodes[frame.node].parents.map((_, i) => `${frame.node}-${i}`) : [];
    for (const [id, group] of edges) {
      const current = (frame.edge && frame.edge.join("-") === id) || computed.includes(id);
      const classes = `edge${used.has(id) ? " used" : ""}${current ? " current" : ""}`;
      if (group.getAttribute("class") !== classes) group.setAttribute("class", classes);
      const [k, position] = id.split("-").map(Number);
      const slope = group.querySelector(".slope"), text = data.nodes[k].slopes[position];
      if (!slope || slope.textContent === text) continue;  // only an edited leaf changes it
      const plate = group.querySelector(".plate"), size = 7.4 * text.length + 8;
      slope.textContent = text;
      plate.setAttribute("x", Number(slope.getAttribute("x")) - size / 2);
      plate.setAttribute("width", size);
    }
    host.classList.toggle("backward", frame.phase === "backward");
    write(sentence, frame.sentence);
    const lines = [["local derivative", frame.rule], ["in symbols", frame.symbols], ["in numbers", frame.numbers]];
    formulas.replaceChildren(...lines.filter(([, tree]) => tree).flatMap(([caption, tree]) =>
      [html("dt", {}, caption), html("dd", {}, mathematics(tree))]));
    write(count, `Step ${at + 1} of ${frames.length}`);
    slider.max = last();
    slider.value = at;
    slider.setAttribute("aria-valuetext", `Step ${at + 1} of ${frames.length}, ${frame.phase === "tangents" ? "pass of tangents" : `${frame.phase} pass`}`);
    firstButton.disabled = previousButton.disabled = at === 0;
    nextButton.disabled = lastButton.disabled = at === last();
    write(slopeHead, derivative());
    forwardButton.setAttribute("aria-pressed", frame.phase === "forward");
    backwardButton.setAttribute("aria-pressed", frame.phase !== "forward");
    nearButton.setAttribute("aria-pressed", near);
    write(scope, near ? "one node and its neighbors" : `${data.nodes.length} nodes`);
    zoomIn.disabled = zoomOut.disabled = near;
    if (near) viewport.replaceChildren(closeUp(frame));
    else if (whole.parentNode !== viewport) viewport.replaceChildren(whole);  // moving it would draw it all anew
    if (following) follow();
    else drawMap();
  }

  function jump(to, told = true) {
    const wanted = Math.min(Math.max(to, 0), last());
    if (wanted === at) return;
    const lost = [firstButton, previousButton, nextButton, lastButton].includes(document.activeElement);
    at = wanted;
    show();
    if (lost && document.activeElement?.disabled !== false) host.focus({ preventScroll: true });
    if (told) hooks.frame?.(at);
  }
  function switchTo(to) {
    play(false);
    choose(to);
    show();
    hooks.frame?.(at);
  }
  function visit(k) {
    const mine = [...frames.keys()].filter((i) => frames[i].node === k && frames[i].kind !== "free");
    if (!data.nodes[k].parents.length) mine.unshift(0);
    const same = mine.filter((i) => frames[i].phase === frames[at].phase);
    const wanted = same.length ? same[same.length - 1] : mine[mine.length - 1];
    if (wanted === undefined) return;
    jump(wanted === at ? mine[(mine.indexOf(at) + 1) % mine.length] : wanted);
  }
  function play(start) {
    clearTimeout(timer);
    timer = 0;
    if (start) {
      if (at === last()) jump(0);
      const pause = Math.min(Math.max(90000 / frames.length, 150), 1400);
      const tick = () => {
        if (!host.isConnected || at === last()) return play(false);
        jump(at + 1);
        timer = setTimeout(tick, pause);
      };
      timer = setTimeout(tick, pause / 2);
    }
    sentence.setAttribute("aria-live", start ? "off" : "polite");  // a reader's voice could not keep up
    playButton.setAttribute("aria-label", start ? "Pause (space)" : "Play (space)");
    playButton.title = start ? "Pause (space)" : "Play (space)";
    playButton.querySelector("path").setAttribute("d", ICONS[start ? "pause" : "play"]);
  }

  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.matches("table input, select, input[type=search]");
    const pressable = event.target.matches("button, input, summary, a");
    const actions = { ArrowLeft: () => jump(at - 1), ArrowRight: () => jump(at + 1), Home: () => jump(0), End: () => jump(last()),
      f: () => jump(0), b: () => jump(firstBackward()), m: () => switchTo((mode + 1) % (data.forward.length + 1)) };
    if (!pressable) actions[" "] = () => play(!timer);
    const action = actions[event.key] ?? actions[event.key.toLowerCase()];
    event.stopPropagation();  // a notebook would take the keys for its own
    if (!action || field) return;
    event.preventDefault();
    if (event.key !== " ") play(false);
    action();
  });
  host.addEventListener("pointerdown", (event) => { if (!event.target.closest("button, input")) host.focus({ preventScroll: true }); });

  choose(0);
  fillTable();
  show();
  // on a page of its own the arrow keys work at once; in a notebook the keys stay the notebook's until a click
  const alone = document.body.matches(".tracegrad-page") && window === window.top;  // in a frame they are the outer page's
  if (alone && document.activeElement === document.body) host.focus({ preventScroll: true });
  function settle() {
    host.classList.toggle("wide", host.clientWidth > 820);
    zoom(Math.max(fitting(), READABLE));  // all of it if that can be read, else a part that can
  }
  settle();
  let known = host.clientWidth;
  const observer = new ResizeObserver(() => {
    if (host.clientWidth === known || !host.clientWidth) return;
    known = host.clientWidth;
    settle();
    if (near) show();
  });
  observer.observe(host);

  return {
    jump: (to) => jump(to, false),
    replace(fresh) {  // the same graph with other numbers
      data = fresh;
      choose(mode);
      for (const [k, node] of data.nodes.entries())
        if (rows[k]?.drag && document.activeElement !== rows[k].drag) place(rows[k].drag, Number(node.data));
      show(false);  // what is being dragged stays where it is
    },
    stop: () => play(false),
  };
}

/* Starts every stepper of this kind that the document holds and that has not been started yet. */
function tracegradStart(key, data) {
  for (const host of document.querySelectorAll(`.tracegrad-${key}`)) {
    if (host.dataset.started) continue;
    host.dataset.started = "true";
    const bytes = Uint8Array.from(atob(host.querySelector("img").src.split(",")[1]), (c) => c.charCodeAt(0));
    tracegradStepper(host, data, new TextDecoder().decode(bytes));
  }
}
