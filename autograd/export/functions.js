/* What formulas call and JavaScript's Math has not, as `autograd.floats` has it; a few ulp may differ. */
const head = (x) => { const scaled = 134217729 * x; return Math.abs(x) < 1e300 ? scaled - (scaled - x) : x; };
const mod = (x, y) => { const left = x % y; return left !== 0 && left < 0 !== y < 0 ? left + y : left; };
const pow = (x, y) => x === 1 || y === 0 ? 1 : Math.pow(x, y);
const exp2 = (x) => Math.pow(2, x);
const round = (x) => { const up = Math.round(x); return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up; };

/* A series whose terms are all positive, and beyond 1 Laplace's continued fraction. */
const erfc = (x) => {
  if (x < 0) return 2 - erfc(-x);
  if (!(x >= 1)) return 1 - erf(x);
  if (x > 27) return 0;
  let fraction = x;
  for (let k = Math.ceil(300 / (x * x)) + 10; k > 0; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / fraction * 0.5641895835477563;
};
const erf = (x) => {
  if (Math.abs(x) >= 1) return Math.sign(x) * (1 - erfc(Math.abs(x)));
  let term = x, total = x;
  for (let k = 1; k < 60; k++) total += term *= 2 * x * x / (2 * k + 1);
  return total * Math.exp(-x * x) * 1.1283791670955126;
};
const standard_normal_cdf = (x) => 0.5 * erfc(-x * 0.7071067811865476);

const sum = (xs) => xs.reduce((total, x) => total + x);
const shares = (xs) => {
  const largest = Math.max(...xs);
  const weights = xs.map((x) => x === largest ? 1 : Math.exp(x - largest));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
};
const log_sum_exp = (xs) => {
  const largest = Math.max(...xs), top = xs.indexOf(largest);
  if (!Number.isFinite(largest)) return largest;
  return largest + Math.log1p(xs.reduce((total, x, i) => i === top ? total : total + Math.exp(x - largest), 0));
};
const log_shares = (xs) => { const whole = log_sum_exp(xs); return xs.map((x) => x - whole); };
