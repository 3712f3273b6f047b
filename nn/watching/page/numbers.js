/* Numbers: those of the recording bit by bit, and their text as Python writes it. */

/* Floats from base64 of their bytes, lowest first. */
function floats(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
}

/* A rounded number; half-way it goes to the even digit, as in Python. `write` gives it with some digits more or less. */
function evenly(write, digits) {
  const spare = 30, [long, exponent] = write(digits + spare).split("e");
  const kept = long.slice(0, -spare).replace(/\.$/, ""), tie = /^50*$/.test(long.slice(-spare));
  return tie && "02468".includes(kept.slice(-1)) ? kept + (exponent ? `e${exponent}` : "") : write(digits);
}
const trimmed = (text) => text.includes(".") ? text.replace(/\.?0+$/, "") : text;
const minus = (text) => text.replace(/-/g, "−");

/* As `autograd.text.number`. */
function number(x, digits = 4) {
  if (Number.isNaN(x)) return "nan";
  const sign = x < 0 ? "−" : "";
  x = Math.abs(x);
  if (x === Infinity) return `${sign}∞`;
  if (x < 1e6 && Number.isInteger(x)) return `${sign}${x}`;
  const [mantissa, exponent] = evenly((places) => x.toExponential(places), digits - 1).split("e"), power = Number(exponent);
  if (power > -4 && power < 6)
    return sign + trimmed(evenly((places) => x.toFixed(places), Math.max(digits - 1 - power, 0)));
  return `${sign}${trimmed(mantissa)}e${minus(String(power))}`;
}

/* A recording: what its steps hold, by the place of the step, and one state more, that after the last step. */
function opened({ data, model, rule }) {
  const of = data.names.length, moved = data.moved, count = data.epoch.length;
  const run = { ...data, model, rule, count, last: count };
  for (const name of ["rate", "loss", "before", "gradient", "state", "allTimes", "allLosses", "X", "y"]) run[name] = floats(data[name]);
  run.after = Object.fromEntries(Object.entries(data.after).map(([k, text]) => [k, floats(text)]));
  run.times = [...data.epoch.map((epoch, k) => epoch - 1 + (data.batch[k] - 1) / data.batches[k]), data.epoch[count - 1]];
  run.row = (array, k) => array.subarray(k * of, (k + 1) * of);
  run.parametersAfter = (k) => run.after[k] ?? run.row(run.before, k + 1);
  run.parameters = (k) => k < count ? run.row(run.before, k) : run.parametersAfter(count - 1);
  run.gradients = (k) => run.row(run.gradient, k);
  run.states = (k, i) => data.variables.map((_, j) => run.state[(k * data.variables.length + j) * moved + i]);
  return run;
}

const { sqrt } = Math;  // which the formulas of the rules call

/* The update of parameter i at step k, one line after the other: as `nn.written`. */
function written(run, k, i) {
  if (i >= run.moved) return [`the optimizer does not move ${run.names[i]}`];
  const gradients = [...run.gradients(k).subarray(0, run.moved)], clipped = clip(run, gradients)[i];
  const known = { w: run.parameters(k)[i], G: gradients[i], clipped, alpha: run.rate[k], t: run.number[k], ...run.settings };
  run.variables.forEach((name, j) => { known[name] = run.states(k, i)[j]; });
  const lines = [];
  run.rule.forEach(([text, functions], line) => {
    for (const [name, of] of functions) known[name] = of(known);
    if (text && (line !== 1 || clipped !== gradients[i])) lines.push(filled(text, known));
  });
  return lines;
}
function clip({ clipValue, clipNorm }, gradients) {
  if (clipValue !== null) gradients = gradients.map((g) => Math.min(Math.max(g, -clipValue), clipValue));
  const norm = clipNorm === null ? 0 : Math.hypot(...gradients);
  return norm > clipNorm && clipNorm !== null ? gradients.map((g) => g * (clipNorm / norm)) : gradients;
}
function filled(text, known) {
  const factor = (_, name) => {
    const shown = number(known[name], 6);
    return known[name] < 0 || Object.is(known[name], -0) ? `(${shown})` : shown;
  };
  return text.replace(/\(\{(\w+)\}\)/g, factor).replace(/\{(\w+)\}/g, (_, name) => number(known[name], 6));
}
