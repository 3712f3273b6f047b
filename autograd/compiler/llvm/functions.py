"""The functions of the formula language as vector code.

What is promised, and tested against mpmath at 50 digits:

- In float64 each function of `FUNCTIONS` is within 1.5 ulp of the true value, slopes included, for every argument:
  subnormal arguments and results, both zeros, infinities, nan and the borders of overflow. Sines, cosines and tangents
  of |x| ≥ 100,000 are those of the C library, as accurate as they are there.
- In float32 the same formulas run in double, with shorter polynomials and without low parts, and are rounded once:
  results are within 0.51 ulp.
- The bits of a result depend on the argument alone: not on its lane, the length, the run, or the CPU, as long as it
  has FMA. Without FMA the bound holds and bits may differ; so they may beyond 100,000, from C library to C library.

Many results are found as pairs, an unevaluated sum of a number and a much smaller one, and rounded at the end; the
exact errors of sums and products are those of Knuth (The Art of Computer Programming 2, 4.2.2) and Dekker (Numerische
Mathematik 18, 1971). Arguments are reduced as in Cody and Waite (Software Manual for the Elementary Functions, 1980):
a constant is cut into pieces so short that their products with the multiple k are exact. Each polynomial is named
after a fit in `benchmarks/polynomials.py`, which makes it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .emit import DOUBLE, Module, Type, Vector

Pair = tuple[Vector, Vector]
"""An unevaluated sum, the first much larger than the second."""

BEND, BESIDE = 5.0, 0.8
"""TAIL is a polynomial in t = (a − BEND)/(a + BEND); the factor 1 + BESIDE·a makes it flat (Shepherd and Laframboise,
Mathematics of Computation 36, 1981)."""

_SHIFT = 1.5 * 2.0**52
"""Added to a number below 2^51, it rounds to a whole number, and leaves that in the low bits."""
_ONE_BITS, _ROOT_HALF_BITS, _MANTISSA = 0x3FF0000000000000, 0x3FE6A09E667F3BCD, 0x000FFFFFFFFFFFFF
_LN2 = 0.6931471803691238, 1.9082149292705877e-10
"""log 2 in pieces; the first has 32 bits."""
_HALF_PI = 1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32
"""π/2 in pieces; the first three have 33 bits."""
_QUARTER = 1.5707963267948966, 6.123233995736766e-17
"""π/2 as a pair."""
FAR = 1e5
"""From here on the C library computes sines and cosines."""

EXPONENTIAL = (  # the fits leave 1.4e-18 and 1.4e-09
    (
        0.5, 0.1666666666666667, 0.04166666666666667, 0.00833333333332607,
        0.0013888888888883703, 0.00019841269875048905, 2.480158732571076e-05, 2.755725511097889e-06,
        2.755727343657049e-07, 2.510533724466521e-08, 2.091477283224809e-09,
    ),
    (
        0.5000000013557447, 0.16666666681725, 0.04166646401078555, 0.008333310823923211,
        0.0013933751387987224, 0.00019891103420544327,
    ),
)  # fmt: skip
LOGARITHM = (  # the fits leave 3.1e-16 and 1.2e-09
    (
        0.666666666666667, 0.3999999999989819, 0.28571428626570206, 0.2222221103781659,
        0.18182896183483085, 0.15331487235865734, 0.14619343453512615,
    ),
    (
        0.6666666655352537, 0.4000012263369878, 0.2855073084477381, 0.2333291280436864,
    ),
)  # fmt: skip
SINE = (  # the fits leave 2.0e-17 and 2.8e-11
    (
        -0.16666666666666666, 0.008333333333330946, -0.000198412698367542, 2.7557316100283695e-06,
        -2.5051131372218632e-08, 1.5918095236696272e-10,
    ),
    (
        -0.16666666663852564, 0.008333331873650577, -0.00019840086163020333, 2.7249851596168045e-06,
    ),
)  # fmt: skip
COSINE = (  # the fits leave 1.3e-18 and 2.3e-12
    (
        0.041666666666666664, -0.0013888888888887395, 2.480158729876295e-05, -2.755731727031051e-07,
        2.087614597263508e-09, -1.1382611119025631e-11,
    ),
    (
        0.04166666666431893, -0.0013888887671132451, 2.4800599899457505e-05, -2.7300897268581585e-07,
    ),
)  # fmt: skip
ARC_SINE = (  # the fits leave 1.5e-17 and 2.5e-10
    (
        0.16666666666666669, 0.07499999999998433, 0.04464285714635543, 0.030381944138531247,
        0.02237217294214989, 0.017352392720869973, 0.013971212973552933, 0.011479177415184906,
        0.01032281435018578, 0.005457506718640358, 0.01740087944269402, -0.014851887071247204,
        0.028757851367421566,
    ),
    (
        0.16666666686085643, 0.07499992404401838, 0.04464766388813485, 0.030269138728589183,
        0.023611817008891752, 0.010574415516912909, 0.030974540371355073,
    ),
)  # fmt: skip
ARC_TANGENT = (  # the fits leave 3.2e-17 and 1.9e-11
    (
        -0.3333333333333333, 0.19999999999995513, -0.1428571428466518, 0.11111111015146714,
        -0.0909090457366906, 0.07692183087342026, -0.06664509989818045, 0.058581362519061465,
        -0.05085383488842831, 0.03922974453661223, -0.019174543572021332,
    ),
    (
        -0.3333333333143878, 0.19999998916343023, -0.14285612438479525, 0.11107493108352956,
        -0.09028958301807892, 0.07135182084685653, -0.040429226651597004,
    ),
)  # fmt: skip
ERROR_FUNCTION = (  # the fits leave 2.2e-21 and 3.4e-11
    (
        0.1283791670955126, -0.37612638903183754, 0.1128379167095512, -0.02686617064512984,
        0.0052239776254232985, -0.000854832702193483, 0.00012055332902888736, -1.4925647567519332e-05,
        1.6462045441468418e-06, -1.6364642158167616e-07, 1.4792401209404813e-08, -1.216456005728345e-09,
        8.709045129053106e-11, -4.230945824295338e-12,
    ),
    (
        0.12837916706154343, -0.3761263846802871, 0.11283782495236845, -0.026865430727670243,
        0.005221031807858023, -0.0008484080405535107, 0.00011265959025606609, -9.667044571486996e-06,
    ),
)  # fmt: skip
TAIL = (  # the fits leave 5.2e-18 and 6.9e-12
    (
        0.3845965248750315, -0.10193333652000944, 0.04803805711797142, -0.008174893544662318,
        -0.011549763916212008, 0.014946790498052708, -0.010338058211651216, 0.004741831653417057,
        -0.0012969477339915593, 3.308872257075269e-05, 0.00013378188088755325, -4.269416787256027e-05,
        -6.588349726289076e-06, 6.994923182901903e-06, -1.9004554567146911e-07, -9.992367779354962e-07,
        1.1501389318197464e-07, 1.511463359589524e-07, -1.9655596953916787e-08, -2.4350067822626786e-08,
        6.47930247111859e-10, 3.0465700977804045e-09, 5.477492116824891e-10,
    ),
    (
        0.38459652486865314, -0.101933336488856, 0.0480380580458366, -0.008174894821148212,
        -0.011549786286927663, 0.01494680262019566, -0.010337852646667877, 0.004741810648832181,
        -0.001297862579779746, 3.2910735176337906e-05, 0.00013591185539316196, -4.1803477970476335e-05,
        -9.117088023100989e-06, 5.474297874648473e-06, 1.0873407387963665e-06,
    ),
)  # fmt: skip


Table = tuple[tuple[float, ...], tuple[float, ...]]
"""The coefficients for results in float64, and in float32."""


def _coefficients(x: Vector, table: Table) -> tuple[float, ...]:
    return table[x.module.brief]


def _polynomial(x: Vector, table: Table) -> Vector:
    """c₀ + c₁x + …, by Horner's rule."""
    return _horner(x, _coefficients(x, table))


def _horner(x: Vector, coefficients: Sequence[float]) -> Vector:
    total = x.like(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = x.module.fma(total, x, c)
    return total


def _nothing(a: Vector) -> Vector:
    """The low part of a pair where it is not wanted: of no effect in a sum, and LLVM knows it."""
    return a.like(-0.0)


def _two_sum(a: Vector, b: Vector) -> Pair:
    """a + b and its exact rounding error (Knuth)."""
    total = a + b
    if a.module.brief:
        return total, _nothing(a)
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _ordered_sum(a: Vector, b: Vector) -> Pair:
    """The same for |a| ≥ |b| (Dekker)."""
    total = a + b
    return total, _nothing(a) if a.module.brief else b - (total - a)


def _two_product(a: Vector, b: Vector) -> Pair:
    """a·b and its exact rounding error."""
    product = a * b
    if a.module.brief:
        return product, _nothing(a)
    if a.module.has_fma:
        return product, a.module.fma(a, b, -product)
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return product, ((ah * bh - product) + ah * bl + al * bh) + al * bl


def _halves(a: Vector) -> Pair:
    scaled = a * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - a)
    return high, a - high


def _times(a: Pair, b: Pair) -> Pair:
    """The product of two pairs."""
    high, low = _two_product(a[0], b[0])
    return high, low if high.module.brief else low + (a[0] * b[1] + a[1] * b[0])


def _reciprocal(a: Pair) -> Pair:
    """1/a: one division and one Newton step."""
    first = 1.0 / a[0]
    if first.module.brief:
        return first, _nothing(first)
    product, error = _two_product(a[0], first)
    return first, first * (((1.0 - product) - error) - a[1] * first)


def _signed(magnitude: Vector, x: Vector) -> Vector:
    return x.module.call("copysign", magnitude, x)


def _abs(x: Vector) -> Vector:
    return x.module.call("fabs", x)


class _Power(NamedTuple):
    """e^x = (1 + r + t)·scale·again, |r| < 0.35, t = r²/2 + …"""

    r: Vector
    t: Vector
    scale: Vector
    again: Vector

    @property
    def half(self) -> Vector:
        """Half of the power of 2; 2^k itself may overflow where the half does not."""
        return self.scale * 0.5 * self.again

    @property
    def mantissa(self) -> Pair:
        """1 + r + t."""
        high, low = _ordered_sum(self.r.like(1.0), self.r)
        return _ordered_sum(high, low + self.t)

    @property
    def halved(self) -> Vector:
        """e^x/2, which overflows later than e^x."""
        high, low = self.mantissa
        return (high + low) * self.scale * 0.5 * self.again

    def scaled(self, pair: Pair) -> Vector:
        """The rounded product of a pair with 2^k: two powers of 2, since 2^k may be subnormal."""
        return (pair[0] + pair[1]) * self.scale * self.again


def _power(x: Vector) -> _Power:
    """e^x by x = k·log 2 + r. What is beyond the floats, four times over, stays so at the limits."""
    m = x.module
    least, most = (-400.0, 400.0) if m.brief else (-748.0, 711.0)
    x = m.where(x > most, x.like(most), m.where(x < least, x.like(least), x))
    shifted = m.fma(x, 1.4426950408889634, _SHIFT)
    k = shifted - _SHIFT
    rest, low = m.fma(k, -_LN2[0], x), k * _LN2[1]
    r = rest - low
    t = m.fma(r * r, _polynomial(r, EXPONENTIAL), (rest - r) - low)
    if m.brief:
        return _Power(r, t, _power_of_2(shifted), x.like(1.0))
    first = m.fma(k, 0.5, _SHIFT)
    second = (k - (first - _SHIFT)) + _SHIFT
    return _Power(r, t, _power_of_2(first), _power_of_2(second))


def _power_of_2(shifted: Vector) -> Vector:
    """2^k from the low bits of k + `_SHIFT`."""
    return ((shifted.bits() << 52) + _ONE_BITS).real()


def exp(x: Vector) -> Vector:
    """e^x."""
    power = _power(x)
    return power.scaled(power.mantissa)


def _half_expm1(power: _Power) -> Pair:
    """(e^x − 1)/2 = (half − 1/2) + half·(r + t)."""
    half = power.half
    whole = half - 0.5
    lost = half - (whole + 0.5)  # all of the half, where it is below 2^-54
    high, low = _ordered_sum(whole, half * power.r)
    return _ordered_sum(high, half.module.fma(half, power.t, low + lost))


def expm1(x: Vector) -> Vector:
    """e^x − 1."""
    m, power = x.module, _power(x)
    high, low = _half_expm1(power)
    result = m.where(x > 709.0, power.scaled(power.mantissa), (high + low) * 2.0)
    return m.where(_abs(x) < 2.0**-54, x, result)  # its half may not be a float


def sinh(x: Vector) -> Vector:
    """(e^x − e^−x)/2 = h + h/(1 + 2h), where h = (e^|x| − 1)/2."""
    m, a = x.module, _abs(x)
    power = _power(a)
    high, low = _half_expm1(power)
    total, rest = _two_sum(a.like(1.0), high * 2.0)
    more, less = _times((high, low), _reciprocal((total, rest + low * 2.0)))
    high, error = _ordered_sum(high, more)
    value = m.where(a > 40.0, power.halved, high + (error + (low + less)))
    return m.where(a < 2.0**-27, x, _signed(value, x))


def cosh(x: Vector) -> Vector:
    """(e^x + e^−x)/2."""
    grown = _power(_abs(x)).halved
    return grown + 0.25 / grown


class _Logistic(NamedTuple):
    """What the sigmoid is made of, for e = e^y, y ≤ 0."""

    power: _Power
    half_expm1: Pair
    share: Pair
    """1/(1 + (e − 1)/2) = 2/(1 + e)."""

    @property
    def slope(self) -> Vector:
        """4e/(1 + e)²."""
        return self.power.scaled(_times(self.power.mantissa, _times(self.share, self.share)))


def _logistic(y: Vector) -> _Logistic:
    power = _power(y)
    half = _half_expm1(power)
    total, low = _ordered_sum(y.like(1.0), half[0])
    return _Logistic(power, half, _reciprocal((total, low + half[1])))


def tanh(x: Vector) -> Vector:
    """tanh x = −h/(2 + h) with the sign of x, where h = exp(−2|x|) − 1; from 20 on it is 1.

    h and 2 + h are pairs, and the quotient has one correction.
    """
    m, a = x.module, _abs(x)
    y = m.where(a > 20.0, a.like(20.0), a) * -2.0
    shifted = m.fma(y, 1.4426950408889634, _SHIFT)
    k = shifted - _SHIFT
    rest, low = m.fma(k, -_LN2[0], y), k * _LN2[1]
    r = rest - low
    t = m.fma(r * r, _polynomial(r, EXPONENTIAL), (rest - r) - low)
    scale = _power_of_2(shifted)
    whole = scale - 1.0
    lost = scale - (whole + 1.0)  # all of the scale, where it is below 2^-53
    high, error = _ordered_sum(whole, scale * r)
    h, h_low = _ordered_sum(high, m.fma(scale, t, error + lost))
    d, d_low = _ordered_sum(x.like(2.0), h)
    d_low = d_low + h_low
    share = -1.0 / d
    quotient = h * share
    left = m.fma(quotient, d, h) + m.fma(quotient, d_low, h_low)
    value = m.fma(left, share, quotient)
    return m.where(a > 2.0**-27, _signed(value, x), x)


def sigmoid_and_slope(x: Vector) -> Pair:
    """1/(1 + e) for x ≥ 0, e/(1 + e) for x < 0, and the slope e/(1 + e)², where e = exp(−|x|)."""
    parts = _logistic(-_abs(x))
    high, low = parts.share
    below = parts.power.scaled(_times(parts.power.mantissa, (high * 0.5, low * 0.5)))
    above = (high + low) * 0.5
    half = high * 0.5, low * 0.5
    slope = parts.power.scaled(_times(parts.power.mantissa, _times(half, half)))
    return x.module.where(x < 0.0, below, above), slope


def _log_of(u: Vector) -> tuple[Vector, Vector]:
    """k and f with u = 2^k·(1 + f), √½ ≤ 1 + f < √2, for normal numbers u > 0."""
    moved = u.bits() + (_ONE_BITS - _ROOT_HALF_BITS)
    k = ((moved >> 52) | 0x4330000000000000).real() - (2.0**52 + 1023)
    return k, ((moved & _MANTISSA) + _ROOT_HALF_BITS).real() - 1.0


def _log_sum(k: Vector, f: Vector, correction: Vector) -> Vector:
    """k·log 2 + log(1 + f) + correction, where log(1 + f) = f − f²/2 + s·(f²/2 + R(s²)), s = f/(2 + f)."""
    m = f.module
    s = f / (f + 2.0)
    z, half = s * s, f * f * 0.5
    small = m.fma(s, m.fma(z, _polynomial(z, LOGARITHM), half), m.fma(k, _LN2[1], correction))
    return m.fma(k, _LN2[0], f - (half - small))


def _outside_log(u: Vector, inside: Vector, x: Vector) -> Vector:
    """A logarithm of u where u is 0, negative, infinite or nan."""
    m = u.module
    outside = m.where(u < 0.0, u.like(math.nan), m.where(u.equals(0.0), u.like(-math.inf), x))
    return m.where((u > 0.0) & (u < math.inf), inside, outside)


def log(x: Vector) -> Vector:
    """The natural logarithm; subnormal numbers are multiplied by 2^54 first."""
    m, tiny = x.module, x < 2.0**-1022
    k, f = _log_of(m.where(tiny, x * 2.0**54, x))
    k = m.where(tiny, k - 54.0, k)
    return _outside_log(x, _log_sum(k, f, x.like(0.0)), x)


def log1p(x: Vector) -> Vector:
    """log(1 + x)."""
    return x.module.where(_abs(x) < 2.0**-54, x, _log1p(x, x.like(0.0)))


def _log1p(x: Vector, low: Vector) -> Vector:
    """log(1 + x + low): the rounding error of 1 + x is put back to first order; where k = 0, f is x itself."""
    m, u = x.module, x + 1.0
    lost = m.where(x < 1.0, x - (u - 1.0), 1.0 - (u - x))
    k, f = _log_of(u)
    near = k.equals(0.0)
    correction = m.where(near, low, lost + low) / u
    return _outside_log(u, _log_sum(k, m.where(near, x, f), correction), x)


def softplus(x: Vector) -> Vector:
    """log(1 + e^x) = max(x, 0) + log(1 + exp(−|x|)). Its slope is the sigmoid."""
    m, power = x.module, _power(-_abs(x))
    high, low = (part * power.scale * power.again for part in power.mantissa)
    value = _log1p(high, low)
    return m.where(x > 0.0, x + value, m.where(x <= 0.0, value, x))


class _Turned(NamedTuple):
    """Sine and cosine of r = x − k·π/2, |r| ≤ π/4, as pairs, and the bits of k."""

    sine: Pair
    cosine: Pair
    k: Vector


def _turned(x: Vector) -> _Turned:
    m = x.module
    shifted = m.fma(x, 0.6366197723675814, _SHIFT)
    k = shifted - _SHIFT
    first, second, third, fourth = (k * piece for piece in _HALF_PI)
    rest, lost = _two_sum(x - first, -second)
    rest, more = _two_sum(rest, -third)
    r, low = _ordered_sum(rest, (lost + more) - fourth)
    z = r * r
    half = z * 0.5
    high, error = _ordered_sum(r.like(1.0), -half)
    sine = r, m.fma(r * z, _polynomial(z, SINE), m.fma(low, -half, low))
    cosine = high, m.fma(z * z, _polynomial(z, COSINE), m.fma(-r, low, error))
    return _Turned(sine, cosine, shifted.bits())


def _circular(x: Vector, name: str, near: Callable[[_Turned], Vector]) -> Vector:
    """A function of the turned angle; beyond `FAR`, and for nan, that of the C library."""
    m = x.module
    far = (_abs(x) < FAR) ^ 1
    return m.unless(far, near(_turned(x)), lambda: m.call(name, x))


def _quarter(turned: _Turned, k: Vector) -> Vector:
    """sin(r + k·π/2)."""
    m = k.module
    (sine, low), (cosine, rest) = turned.sine, turned.cosine
    value = m.where((k & 1).equals(0), sine + low, cosine + rest)
    return (value.bits() ^ ((k & 2) << 62)).real()


def sin(x: Vector) -> Vector:
    """The sine."""
    value = _circular(x, "sin", lambda turned: _quarter(turned, turned.k))
    return x.module.where(_abs(x) < 2.0**-27, x, value)


def cos(x: Vector) -> Vector:
    """The cosine."""
    return _circular(x, "cos", lambda turned: _quarter(turned, turned.k + 1))


def tan(x: Vector) -> Vector:
    """sin/cos, or −cos/sin after an odd number of quarter turns."""
    m = x.module

    def near(turned: _Turned) -> Vector:
        even = (turned.k & 1).equals(0)
        sine, cosine = _ordered_sum(*turned.sine), _ordered_sum(*turned.cosine)
        above = [m.where(even, s, -c) for s, c in zip(sine, cosine)]
        below = [m.where(even, c, s) for s, c in zip(sine, cosine)]
        high, low = _times((above[0], above[1]), _reciprocal((below[0], below[1])))
        return high + low

    return m.where(_abs(x) < 2.0**-27, x, _circular(x, "tan", near))


def _root(w: Vector) -> Pair:
    """√w and a Newton step."""
    root = sqrt(w)
    if w.module.brief:
        return root, _nothing(root)
    product, error = _two_product(root, root)
    return root, w.module.where(w > 0.0, ((w - product) - error) / (root + root), w)


def _arc_sine(x: Vector) -> tuple[Vector, Pair]:
    """For |x| ≤ ½ the rest of asin x = x + rest; for others asin √w as a pair, w = (1 − |x|)/2, exact."""
    m, a = x.module, _abs(x)
    inner = a <= 0.5
    w = m.where(inner, x * x, 0.5 - a * 0.5)
    root, low = _root(w)
    cube = m.where(inner, x, root) * w * _polynomial(w, ARC_SINE)
    return cube, (root, low + cube)


def asin(x: Vector) -> Vector:
    """The inverse sine; beyond ½ it is π/2 − 2·asin √w."""
    m = x.module
    rest, (high, low) = _arc_sine(x)
    high, error = _ordered_sum(x.like(_QUARTER[0]), high * -2.0)
    outer = high + (error + (_QUARTER[1] - 2.0 * low))
    return m.where(_abs(x) <= 0.5, x + rest, _signed(outer, x))


def acos(x: Vector) -> Vector:
    """The inverse cosine: π/2 − asin x, 2·asin √w beyond ½, and π minus that below −½."""
    m = x.module
    rest, (high, low) = _arc_sine(x)
    inner = _ordered_sum(x.like(_QUARTER[0]), -x)
    left = _ordered_sum(x.like(2.0 * _QUARTER[0]), high * -2.0)
    near = inner[0] + (inner[1] + (_QUARTER[1] - rest))
    below = left[0] + (left[1] + (2.0 * _QUARTER[1] - 2.0 * low))
    return m.where(_abs(x) <= 0.5, near, m.where(x < 0.0, below, (high + low) * 2.0))


def atan(x: Vector) -> Vector:
    """The inverse tangent: atan|x| is π/4 + atan((|x| − 1)/(|x| + 1)), or beyond 1 + √2 π/2 + atan(−1/|x|)."""
    m, a = x.module, _abs(x)
    middle, far = a > 0.41421356, a > 2.41421356
    above = _two_sum(a, a.like(-1.0))
    below = _two_sum(a, a.like(1.0))
    share = _reciprocal((m.where(far, a, below[0]), m.where(far, a.like(0.0), below[1])))
    (high, low), (one, rest) = _times(above, share), share
    t = m.where(far, -one, m.where(middle, high, a))
    low = m.where(far, -rest, m.where(middle, low, a.like(0.0)))
    z = t * t
    low = m.fma(t * z, _polynomial(z, ARC_TANGENT), low)
    base = [m.where(far, a.like(b), m.where(middle, a.like(b * 0.5), 0.0)) for b in _QUARTER]
    high, error = _ordered_sum(base[0], t)
    value = high + (error + (low + base[1]))
    return _signed(m.where(a > 1e300, a.like(_QUARTER[0]), value), x)


def _tail(a: Vector) -> Pair:
    """exp(a²/2)·Φ(−a) for 0 ≤ a < 39."""
    constant, *others = _coefficients(a, TAIL)
    t = (a - BEND) / (a + BEND)
    part, lost = _two_product(a, a.like(BESIDE))
    total, low = _two_sum(a.like(1.0), part)
    share = _reciprocal((total, low + lost))
    first, error = _two_product(t, _horner(t, others))
    flat, rest = _ordered_sum(t.like(constant), first)
    return _times((flat, rest + error), share)


def _bell(a: Vector, b: Vector, factor: Pair) -> Vector:
    """exp(−a·b)·factor; the rounding error of a·b, up to a·b·ε of the result, is put back to first order."""
    product, error = _two_product(a, b)
    power = _power(-product)
    high, low = power.mantissa
    return power.scaled(_times((high, low - high * error), factor))


def gaussian(x: Vector) -> Vector:
    """exp(−x²)."""
    a = _bounded(x)
    return _bell(a, a, (x.like(1.0), x.like(0.0)))


def normal_pdf(x: Vector) -> Vector:
    """exp(−x²/2)/√(2π)."""
    a = _bounded(x)
    return _bell(a, a * 0.5, (x.like(0.3989422804014327), x.like(-2.49232720227773e-17)))


def _bounded(x: Vector) -> Vector:
    """|x|, held below 39, where all the bells are less than half of the smallest float."""
    a = _abs(x)
    return x.module.where(a > 39.0, a.like(39.0), a)


def standard_normal_cdf(x: Vector) -> Vector:
    """Φ(x): Φ(−a) = exp(−a²/2)·tail(a), accurate in the far left tail too."""
    m, a = x.module, _bounded(x)
    below = _bell(a, a * 0.5, _tail(a))
    return m.where(x > 0.0, 1.0 - below, below)


def erf(x: Vector) -> Vector:
    """The error function: x·P(x²) up to 1, from there 1 − 2Φ(−√2·|x|)."""
    m, a = x.module, _bounded(x)
    near = m.fma(x, _polynomial(x * x, ERROR_FUNCTION), x)
    far = 1.0 - 2.0 * _bell(a, a, _tail(a * math.sqrt(2.0)))
    return m.where(a < 1.0, near, _signed(far, x))


def sqrt(x: Vector) -> Vector:
    """The square root, rounded correctly by the CPU."""
    return x.module.call("sqrt", x)


def _single(function: Callable[[Vector], Vector]) -> Callable[[Vector], Sequence[Vector]]:
    return lambda x: (function(x),)


FUNCTIONS: dict[str, Callable[[Vector], Sequence[Vector]]] = {
    **{f.__name__: _single(f) for f in (
        exp, expm1, log, log1p, sinh, cosh, tanh, softplus, sin, cos, tan, asin, acos, atan, gaussian, normal_pdf,
        standard_normal_cdf, erf, sqrt,
    )},
    "sigmoid": sigmoid_and_slope,
}  # fmt: skip
"""What each function of a vector of doubles gives: its value, for some with the slope."""
OUTPUTS = {name: 1 + (name == "sigmoid") for name in FUNCTIONS}
"""How many vectors a function gives."""


def applied(name: str, *xs: Vector) -> Sequence[Vector]:
    """A function on vectors of double or float; floats are computed in double, to what they need, and rounded once."""
    function, module = FUNCTIONS[name], xs[0].module
    if xs[0].type.element == "double" or name == "sqrt":  # the CPU has that for both
        return function(*xs)
    module.brief = True
    try:
        return [y.narrow() for y in function(*[x.wide() for x in xs])]
    finally:
        module.brief = False


# ---- what rows are made of --------------------------------------------------------------------------------------


def _truth(mask: Vector, like: Vector) -> Vector:
    return like.module.where(mask, like.like(1.0), like.like(0.0))


def _relu(x: Vector) -> Vector:
    """max(x, 0), and nan for nan."""
    return x.module.where(x <= 0.0, x.like(0.0), x)


def _head(x: Vector) -> Vector:
    """See `floats.head`."""
    return _halves(x)[0]


def _cbrt(x: Vector) -> Vector:
    """The cube root: that of the C library, which may be off by some ulp, and one Newton step."""
    if x.type.element == "float":
        return _cbrt(x.wide()).narrow()
    m, root = x.module, x.module.library("cbrt", x)
    better = root - (root - x / (root * root)) * (1 / 3)
    return m.where(x.equals(0.0) | (_abs(x) < math.inf) ^ 1, x, better)


def _mod(x: Vector, y: Vector) -> Vector:
    """x − y·⌊x/y⌋ with the sign of y: the remainder of the C library, moved by y where the signs differ."""
    m, rest = x.module, x.module.line(f"frem {x.type} {x.name}, {y.name}", x.type)
    other = ((rest < 0.0) ^ (y < 0.0)) & (rest.equals(0.0) ^ 1)
    return m.where(rest.equals(0.0), _signed(rest, y), m.where(other, rest + y, rest))


def _power_by(x: Vector, exponent: float) -> Vector | None:
    """x to a known exponent for which there is something quicker and as accurate as the C library; None if not."""
    m = x.module
    if exponent == 0.5:  # the square root is −0 at −0 and nan at −∞
        return m.where(x.equals(0.0) | x.equals(-math.inf), _abs(x), sqrt(x))
    quick = {0: lambda: x.like(1.0), 1: lambda: x, 2: lambda: x * x, 3: lambda: x * x * x, -1: lambda: 1.0 / x}
    found = quick.get(exponent)  # type: ignore[call-overload]
    return found() if found else None


def _power_of(x: Vector, y: Vector | float) -> Vector:
    quick = _power_by(x, y) if not isinstance(y, Vector) else None
    return quick if quick is not None else x.module.library("pow", x, x.like(y))


_ROUNDINGS = {"floor": "floor", "ceil": "ceil", "round": "roundeven"}
_OF_THE_LIBRARY = ("log2", "log10", "exp2", "asinh", "acosh", "atanh", "atan2", "hypot")


def called(name: str, like: Vector, operands: Sequence[Vector | float]) -> Vector:
    """An elementwise instruction of the vector machine (see `rows.MACHINE`).

    Args:
        name: of the instruction.
        like: some vector of the type wanted.
        operands: vectors, or numbers that are known.
    """
    m, x = like.module, [like.like(operand) for operand in operands]
    if name in FUNCTIONS:
        return applied(name, x[0])[0]
    if name in _ROUNDINGS:
        return m.call(_ROUNDINGS[name], x[0])
    if name in _OF_THE_LIBRARY:
        return m.library(name, *x)
    if name == "pow":
        return _power_of(x[0], operands[1])
    if name == "less":
        return _truth(x[0] < x[1], like)
    if name == "less_equal":
        return _truth(x[0] <= x[1], like)
    if name == "where":
        return m.where(x[0].equals(0.0), x[2], x[1])
    simple: dict[str, Callable[..., Vector]] = {
        "copy": lambda x: x, "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y, "neg": lambda x: -x, "abs": _abs, "relu": _relu, "head": _head, "mod": _mod,
        "cbrt": _cbrt,
    }  # fmt: skip
    return simple[name](*x)


def text(name: str, kind: Type = DOUBLE, fma: bool = True) -> str:
    """A module with one function, ``void name(x, y, n)``, or ``void name(x, y, slope, n)``.

    The function is called ``each_`` and its name, as the C library has a ``sin`` of its own.
    """
    module = Module(fma)
    module.elementwise(f"each_{name}", kind, 1, OUTPUTS[name], lambda x: applied(name, x))
    return module.text()
