/* Planes: what the network and each of its neurons compute for all points, from the recorded parameters. */
const GRID = 72, LINE = 240, FIELD = 320, TILE = 72;
const HUES = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8a900"];  // Okabe and Ito's

/* The outputs of a run at one step over a range: of all neurons and of the network, a field each. */
function fields(run, k, view) {
  const { axes: [across, up], ranges: [[x0, x1], [y0, y1]] } = view;
  const p = run.parameters(k), x = Float64Array.from(run.means), out = [];
  const wide = up === null ? LINE : GRID, high = up === null ? 1 : GRID;
  const made = [];
  for (let j = 0; j < high; j++) {
    if (up !== null) x[up] = y1 + (y0 - y1) * (j + 0.5) / high;
    for (let i = 0; i < wide; i++) {
      x[across] = x0 + (x1 - x0) * (i + 0.5) / wide;
      run.model(p, x, out);
      for (let n = 0; n < out.length; n++) (made[n] ??= new Float64Array(wide * high))[j * wide + i] = out[n];
    }
  }
  return made;
}

/* The outputs for the samples that the page holds. */
function outputs(run, k) {
  const p = run.parameters(k), out = [], from = run.inputs;
  return run.shown.map((_, s) => {
    run.model(p, run.X.subarray(s * from, (s + 1) * from), out);
    return out.slice(-run.outputs);
  });
}
const largest = (numbers) => numbers.reduce((best, x, i) => x > numbers[best] ? i : best, 0);
const classOf = (run, output) => run.outputs > 1 ? largest(output) : output[0] > run.threshold ? 1 : 0;
const placeOf = (run, label) => run.outputs > 1 ? label : run.classes.indexOf(label);

const rgb = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
const paper = (host) => rgb(getComputedStyle(host).getPropertyValue("--paper").trim());
const ink = (host, name = "--ink") => getComputedStyle(host).getPropertyValue(name).trim();

/* A canvas with two of its pixels to one of the page, for projectors and print. */
function canvas(size, label) {
  const made = html("canvas", { width: 2 * size, height: 2 * size, ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) });
  made.side = size;
  return made;
}
function pen(made) {
  const context = made.getContext("2d");
  context.setTransform(2, 0, 0, 2, 0, 0);
  context.clearRect(0, 0, made.side, made.side);
  return context;
}

/* A field of numbers as colors: `tone` gives a hue and how much of it, from 0 to 1. */
function paint(context, host, field, box, tone) {
  const image = new ImageData(GRID, GRID), ground = paper(host);
  for (let i = 0; i < field.length; i++) {
    const [hue, share] = tone(i), top = HUE[hue];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = ground[c] + (top[c] - ground[c]) * share;
    image.data[4 * i + 3] = 255;
  }
  const small = Object.assign(document.createElement("canvas"), { width: GRID, height: GRID });
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, ...box);
}
const HUE = HUES.map(rgb);

/* Orange for less and blue for more, as strong as the number is far from the middle. */
function signed(field, middle = 0, strength = 0.85) {
  let reach = 0;
  for (const x of field) if (Number.isFinite(x)) reach = Math.max(reach, Math.abs(x - middle));
  return (i) => [field[i] > middle ? 1 : 0, reach && Number.isFinite(field[i]) ? strength * Math.abs(field[i] - middle) / reach : 0];
}

/* The line where a field passes zero: segments through the cells of the grid, ends by linear interpolation. */
function contour(context, field, [left, top, width, height]) {
  const at = (i, j) => field[j * GRID + i];
  const place = (i, j) => [left + width * (i + 0.5) / GRID, top + height * (j + 0.5) / GRID];
  context.beginPath();
  for (let j = 0; j + 1 < GRID; j++) {
    for (let i = 0; i + 1 < GRID; i++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], ends = [];
      corners.forEach((one, c) => {
        const two = corners[(c + 1) % 4], a = at(...one), b = at(...two);
        if (a > 0 === b > 0 || !Number.isFinite(a - b)) return;
        const [from, to] = [place(...one), place(...two)], share = a / (a - b);
        ends.push(from.map((x, d) => x + (to[d] - x) * share));
      });
      for (let e = 0; e + 1 < ends.length; e += 2) { context.moveTo(...ends[e]); context.lineTo(...ends[e + 1]); }
    }
  }
  context.stroke();
}

/* A class has a shape as well as a color: the corners of a polygon, or none for a circle. */
function cornersOf(kind, x, y, size) {
  const corners = [0, 4, 3, 4, 5, 6, 3, 4][kind % 8], turn = [0, Math.PI / 4, -Math.PI / 2, 0][kind % 4];
  return Array.from({ length: corners }, (_, c) => turn + 2 * Math.PI * c / corners)
    .map((angle) => [x + 1.2 * size * Math.cos(angle), y + 1.2 * size * Math.sin(angle)]);
}
function mark(context, kind, x, y, size) {
  const corners = cornersOf(kind, x, y, size);
  context.beginPath();
  if (!corners.length) context.arc(x, y, size, 0, 2 * Math.PI);
  for (const corner of corners) context.lineTo(...corner);
  context.closePath();
  context.fill();
  context.stroke();
}

/* Round numbers for an axis, some of them. */
function ticks(low, high, most = 6) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((width) => (high - low) / width <= most);
  return Array.from({ length: Math.floor(high / step) - Math.ceil(low / step) + 1 }, (_, i) => (Math.ceil(low / step) + i) * step);
}
function frame(context, host, [left, top, width, height], [[x0, x1], [y0, y1]], [across, up]) {
  context.strokeStyle = ink(host, "--line");
  context.fillStyle = ink(host);
  context.lineWidth = 1;
  context.font = "12px system-ui, sans-serif";
  context.strokeRect(left, top, width, height);
  context.textAlign = "center";
  for (const x of ticks(x0, x1)) context.fillText(number(x), left + width * (x - x0) / (x1 - x0), top + height + 14);
  context.fillText(across, left + width / 2, top + height + 29);
  context.textAlign = "right";
  for (const y of ticks(y0, y1)) context.fillText(number(y), left - 4, top + height * (y1 - y) / (y1 - y0) + 4);
  context.textAlign = "center";
  context.save();
  context.translate(11, top + height / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(up, 0, 0);
  context.restore();
}

/* What the network says over the plane, or the curve that it fits, with the samples. */
function drawDecision(made, host, run, k, view, found, marked = -1) {
  const context = pen(made), box = [46, 6, made.side - 54, made.side - 42];
  const [left, top, width, height] = box, [[x0, x1], [y0, y1]] = view.ranges, [across, up] = view.axes;
  const plane = up !== null, own = found.slice(-run.outputs);
  const [low, high] = [Math.min(...run.y), Math.max(...run.y)], half = (low + high) / 2;
  if (plane && !run.classes.length) {
    paint(context, host, own[0], box, (i) => [own[0][i] > half ? 1 : 0, Math.min(0.7, 1.4 * Math.abs(own[0][i] - half) / (high - low || 1)) || 0]);
  } else if (plane && run.outputs === 1) {
    paint(context, host, own[0], box, signed(own[0], run.threshold, 0.6));
    context.strokeStyle = ink(host);
    context.lineWidth = 2;
    contour(context, own[0].map((x) => x - run.threshold), box);
  } else if (plane) {
    const lead = (i) => largest(own.map((field) => field[i]));
    paint(context, host, own[0], box, (i) => [lead(i) % HUES.length, 0.35]);
    context.strokeStyle = ink(host);
    context.lineWidth = 1;
    own.forEach((field, c) => contour(context, field.map((x, i) => x - Math.max(...own.filter((_, d) => d !== c).map((other) => other[i]))), box));
  }
  const inside = (x, y) => [left + width * (x - x0) / (x1 - x0), top + height * (y1 - y) / (y1 - y0)];
  context.strokeStyle = ink(host, "--paper");
  context.lineWidth = 0.8;
  run.shown.forEach((_, s) => {
    const x = run.X[s * run.inputs + across], label = run.classes.length ? placeOf(run, run.y[s]) : 0;
    const color = run.classes.length ? label : !plane ? 5 : run.y[s] > half ? 1 : 0;
    context.fillStyle = HUES[color % HUES.length];
    mark(context, label, ...inside(x, plane ? run.X[s * run.inputs + up] : run.y[s]), 4);
  });
  if (marked >= 0) {
    context.strokeStyle = ink(host);
    context.lineWidth = 2.5;
    context.beginPath();
    context.arc(...inside(run.X[marked * run.inputs + across], plane ? run.X[marked * run.inputs + up] : run.y[marked]), 9, 0, 2 * Math.PI);
    context.stroke();
  }
  if (!plane) own.forEach((field, c) => {
    context.strokeStyle = HUES[c % HUES.length];
    context.lineWidth = 2.5;
    curve(context, field, (x, i) => inside(x0 + (x1 - x0) * (i + 0.5) / LINE, x), box);
  });
  frame(context, host, box, view.ranges, [view.features[across], plane ? view.features[up] : "y"]);
}
function curve(context, field, place, box) {
  context.save();
  context.beginPath();
  context.rect(...box);
  context.clip();
  context.beginPath();
  field.forEach((x, i) => { if (Number.isFinite(x)) context.lineTo(...place(x, i)); });
  context.stroke();
  context.restore();
}

/* The activation of one neuron over the plane, or over its one input, on a scale of its own. */
function drawNeuron(made, host, field, view) {
  const context = pen(made), side = made.side;
  if (view.axes[1] !== null) return paint(context, host, field, [0, 0, side, side], signed(field));
  let low = 0, high = 0;
  for (const x of field) if (Number.isFinite(x)) [low, high] = [Math.min(low, x), Math.max(high, x)];
  const place = (x) => side - 5 - (side - 10) * (x - low) / (high - low || 1);
  context.strokeStyle = ink(host, "--line");
  context.strokeRect(-1, place(0), side + 2, 0);
  context.strokeStyle = HUES[1];
  context.lineWidth = 2;
  curve(context, field, (x, i) => [side * (i + 0.5) / LINE, place(x)], [0, 0, side, side]);
}
