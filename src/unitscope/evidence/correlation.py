"""Pearson's r of every unit with every label, its interval, and the p-value of "r = 0", over pieces of evidence.

Everything is read from sums over the tokens of each piece. With z = atanh r, z₍g₎ the same without piece g of G, and
e_g = Σ(x − x̄)(y − ȳ) − c n_g over the tokens of a piece, where c is the pooled covariance, there are two errors of z:

    J² = (G − 1)/G · Σ_g (z₍g₎ − z)²                  (delete-a-group jackknife; Miller 1974) D² = G/(G − 1) · Σ_g e_g²
    / (n s_x s_y)² · (z/r)²   (cluster-robust delta method of the covariance; Liang & Zeger 1986)

The interval takes J, and covers as often as it says. The test of r = 0 takes t = z / √((1 − w) J² + w D²), where w is
the part of the squared sums of pieces that comes from their means. Where units and labels have levels of their own in
each piece (w near 1), J is too small in its tails: with 15 to 60 pieces p < .001 comes two to six times as often as it
should; D never is. Where they have none, both are right, and J alone has power with few pieces: a unit that is nearly
the label moves D, which knows nothing of the slope, by as much as the label's spread differs between pieces.

Degrees of freedom are each label's own. Only pieces where *that* label is defined count, and unequal ones count for
less: (Σv_g)² / Σv_g² − 1, where v_g is a piece's tokens, or, where that leaves fewer, what it has of the label's
variance: its squared deviations from the piece's mean, and of those of means a part by its tokens. One file of tables
in which a position counts to ten thousand is most of the label; r without it is then near r with it by chance, J near
zero, and with as many degrees of freedom as pieces that would be a certainty. For a flag they are at most those of
Welch's comparison of the tokens with it and without, where pieces count by how many of these tokens they have
(Satterthwaite; Imbens & Kolesár 2016).

Where few tokens carry a sum (a spiky unit and a rare flag) most pieces have no coincidence, are all alike, and their
own spread would make a certainty of it. Two corrections, both from third and fourth standardized moments γ and κ:
- the number of tokens that carry it is n / (κ_x κ_y), for two flags the number of coincidences that chance expects.
  Where it is below ``COINCIDENCES``, no error is below that of independent tokens, 1/√n;
- the sum is skewed, by about λ = γ_x γ_y · error. Hall's (1992) transformation t + λt²/3 + λ²t³/27 + λ/6 takes that
  off; it is used where it makes t smaller.

What all this keeps, for units and labels of every kind, is measured in docs/methods/evidence.md.

*Within one text* (fewer than six documents) the means of each stretch are taken off first, so that whatever drifts
more slowly than a stretch is in neither unit nor label; r is then of what moves within stretches.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

Numbers = Float[np.ndarray, "..."] | float
COINCIDENCES = 10.0
"""Below so many tokens that carry a sum, its error is not below that of independent tokens."""
LEAST = 3
"""Pieces at least: no spread can be read from fewer."""
PAIRS = 16384
"""Of units and labels that are computed at a time, so that what is between stays near the processor."""
POSITIVES = 5
"""Tokens with a flag, and as many without, at least."""
WHY = (
    "",
    "no token where the label is defined",
    "the unit is constant",
    "the label is constant",
    f"the label is defined in fewer than {LEAST} pieces of evidence",
    f"the flag is on, or off, in fewer than {LEAST} pieces of evidence or on fewer than {POSITIVES} tokens",
    "all pieces agree to the last digit, so no spread can be read",
)
"""Why there is no p or interval, by its code; the first says that there is one."""
_NOTHING, _UNIT, _LABEL, _FEW, _RARE, _EXACT = range(1, 7)


@dataclass(frozen=True, eq=False)
class Sums:
    """Over the tokens of each piece where a label is defined. x is a unit less any constant, y a label less any."""

    n: Float[np.ndarray, "piece label"]
    y: Float[np.ndarray, "piece label"]
    yy: Float[np.ndarray, "piece label"]
    x: Float[np.ndarray, "piece unit family"]
    """Once for all labels that are defined at the same tokens: a family."""
    xx: Float[np.ndarray, "piece unit family"]
    xy: Float[np.ndarray, "piece unit label"]
    x_skewness: Float[np.ndarray, " unit"]
    """Third standardized moments over all tokens, or a good sample; NaN for a constant."""
    x_kurtosis: Float[np.ndarray, " unit"]
    """Fourth ones: 3 for a normal variable."""
    y_skewness: Float[np.ndarray, " label"]
    y_kurtosis: Float[np.ndarray, " label"]
    on: Float[np.ndarray, "piece label"] | None = None
    """Tokens with the flag, NaN for a label that is a number; not given if all are numbers."""
    family: Int[np.ndarray, " label"] | None = None
    """Of each label; not given if there is one for all, or one for each."""

    def of(self, piece: int) -> "Totals":
        """The sums of one piece, each so that it meets ``[unit label]``."""
        x, xx = (sums[piece] if self.family is None else sums[piece][:, self.family] for sums in (self.x, self.xx))
        return Totals(self.n[piece], x, self.y[piece], xx, self.yy[piece], self.xy[piece])

    def units(self, units: slice) -> "Sums":
        """Those of some units."""
        own = {name: getattr(self, name)[:, units] for name in ("x", "xx", "xy")}
        return replace(self, **own, x_skewness=self.x_skewness[units], x_kurtosis=self.x_kurtosis[units])

    def only(self, pieces: Int[np.ndarray, " piece"]) -> "Sums":
        """Some pieces; those that occur twice count twice."""
        own = {name: getattr(self, name)[pieces] for name in ("n", "y", "yy", "x", "xx", "xy")}
        on = None if self.on is None else self.on[pieces]
        return replace(self, **own, on=on)


@dataclass(frozen=True, eq=False)
class Totals:
    """The six sums from which a correlation is read; each broadcasts to ``[unit label]``."""

    n: Float[np.ndarray, "..."]
    x: Float[np.ndarray, "..."]
    y: Float[np.ndarray, "..."]
    xx: Float[np.ndarray, "..."]
    yy: Float[np.ndarray, "..."]
    xy: Float[np.ndarray, "..."]

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def __sub__(self, other: "Totals") -> "Totals":
        return Totals(*(a - b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def centred(self) -> "Totals":
        """The same as if unit and label had mean zero here."""
        with np.errstate(all="ignore"):
            n = np.where(self.n > 0, self.n, np.inf)
            x, y = self.x / n, self.y / n
            zero = np.zeros(np.broadcast_shapes(self.x.shape, self.y.shape))
            xx, yy = _spread(self.xx, x * self.x), _spread(self.yy, y * self.y)
            xy = self.xy - x * self.y
            return Totals(self.n, zero, np.zeros_like(self.y), xx, yy, xy)

    def r(self) -> Float[np.ndarray, "*piece unit label"]:
        """Pearson's r; NaN where unit or label is constant up to rounding."""
        with np.errstate(all="ignore"):
            mx, my = self.x / self.n, self.y / self.n
            vx, vy = _varies(self.xx / self.n, mx), _varies(self.yy / self.n, my)
            r: np.ndarray = (self.xy / self.n - mx * my) / np.sqrt(vx * vy)
        return np.asarray(np.clip(r, -1.0, 1.0))


@dataclass(frozen=True, eq=False)
class Correlation:
    """Correlation of every unit with every label. NaN where ``why`` is not 0; r is given wherever it exists."""

    r: Float[np.ndarray, "unit label"]
    error: Float[np.ndarray, "unit label"]
    """Of atanh r."""
    freedom: Float[np.ndarray, " label"]
    t: Float[np.ndarray, "unit label"]
    p: Float[np.ndarray, "unit label"]
    """Two-sided, of r = 0; not corrected for the number of tests."""
    low: Float[np.ndarray, "unit label"]
    """95 %."""
    high: Float[np.ndarray, "unit label"]
    pieces: Int[np.ndarray, " label"]
    """Where the label is defined."""
    why: Int[np.ndarray, "unit label"]
    """Code of why there is no p: a place in ``WHY``."""


def correlate(sums: Sums, within: bool = False) -> Correlation:
    """r, its error, p and interval for all pairs. ``within`` one text, the means of each piece are taken off."""
    count, labels = sums.n.shape
    units = sums.xy.shape[1]
    pieces = (sums.n > 0).sum(0)
    if count == 0 or units == 0 or labels == 0:
        nothing = np.full((units, labels), np.nan)
        why = np.full((units, labels), _NOTHING, dtype=np.int8)
        none = np.full(labels, np.nan)
        return Correlation(nothing, nothing, none, nothing, nothing, nothing, nothing, pieces, why)
    freedom = _freedom(sums, within)
    at_once = max(1, PAIRS // labels)
    found = [
        _correlate(sums.units(slice(first, first + at_once)), freedom, pieces, within)
        for first in range(0, units, at_once)
    ]
    r, error, t, p, low, high, why = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Correlation(r, error, freedom, t, p, low, high, pieces, why)


def _correlate(
    sums: Sums, freedom: Float[np.ndarray, " label"], pieces: Int[np.ndarray, " label"], within: bool
) -> tuple[np.ndarray, ...]:
    """r, error, t, p, low, high and why of some units; no pair depends on which others there are."""
    count, labels = sums.n.shape
    shape = (sums.xy.shape[1], labels)

    def piece(g: int) -> Totals:
        return sums.of(g).centred() if within else sums.of(g)

    total = piece(0)
    for g in range(1, count):
        total = total + piece(g)
    r, n = total.r(), total.n
    here = sums.n > 0
    z = _z(r)
    left_out, score, between, inside = (np.zeros(shape) for _ in range(4))
    with np.errstate(all="ignore"):
        mx, my = total.x / n, total.y / n
        c = total.xy / n - mx * my
        for g in range(count):
            own = piece(g)
            left_out += np.where(here[g], (_z((total - own).r()) - z) ** 2, 0.0)
            together = own.xy - mx * own.y - my * own.x + mx * my * own.n
            of_means = np.where(here[g], (own.x - mx * own.n) * (own.y - my * own.n) / own.n, 0.0)
            score += (together - c * own.n) ** 2
            between += of_means**2
            inside += (together - of_means) ** 2
        scale = n * np.sqrt((total.xx / n - mx**2) * (total.yy / n - my**2))
        jackknife = left_out * (pieces - 1) / pieces
        delta = score / scale**2 * pieces / (pieces - 1) * np.where(r == 0, 1.0, z / r) ** 2
        weight = np.where(between > 0, between / (between + inside), 0.0)
        independent = 1 / np.sqrt(n)
        least = np.where(n < COINCIDENCES * sums.x_kurtosis[:, None] * sums.y_kurtosis, independent, 0.0)
        # A unit that is the label, in all pieces alike, has no spread; it is as sure as independent tokens make it.
        least = np.where(1 - np.abs(r) < 1e-9, independent, least)
        error = np.maximum(np.sqrt(jackknife), least)
        of_test = np.maximum(np.sqrt((1 - weight) * jackknife + weight * delta), least)
        t = _less_skewed(z / of_test, sums.x_skewness[:, None] * sums.y_skewness * of_test)
    why = _why(sums, total, r, error, pieces)
    known = why == 0
    with np.errstate(all="ignore"):
        p = 2 * stats.t.sf(np.abs(t), freedom)
        width = stats.t.ppf(0.975, freedom) * error
        low, high = np.tanh(z - width), np.tanh(z + width)
    low, high = np.where(r < 1e-9 - 1, -1.0, low), np.where(r > 1 - 1e-9, 1.0, high)
    error, t, p, low, high = (np.where(known, values, np.nan) for values in (error, t, p, low, high))
    return r, error, t, p, low, high, why


def standardized(
    n: Numbers, first: Numbers, second: Numbers, third: Numbers, fourth: Numbers
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Skewness and kurtosis (3 for a normal variable) from sums of powers about any constant; NaN for a constant."""
    with np.errstate(all="ignore"):
        m = first / n
        variance = _varies(np.asarray(second / n), np.asarray(m))
        skewness = (third / n - 3 * m * second / n + 2 * m**3) / variance**1.5
        kurtosis = (fourth / n - 4 * m * third / n + 6 * m**2 * second / n - 3 * m**4) / variance**2
    return np.asarray(skewness), np.asarray(kurtosis)


def partial(xy: Numbers, xz: Numbers, yz: Numbers) -> Numbers:
    """Correlation of x and y given z, from the three correlations; NaN where z says all of x or of y."""
    with np.errstate(all="ignore"):
        left = np.asarray((1 - xz**2) * (1 - yz**2))
        r = np.where(left > 1e-10, (xy - xz * yz) / np.sqrt(left), np.nan)
    return np.clip(r, -1.0, 1.0)


def _why(
    sums: Sums, total: Totals, r: np.ndarray, error: np.ndarray, pieces: np.ndarray
) -> Int[np.ndarray, "unit label"]:
    why = np.zeros(r.shape, dtype=np.int8)
    with np.errstate(all="ignore"):
        label = ~(_varies(total.yy / total.n, total.y / total.n) > 0)
    why[~np.isfinite(error) | (error <= 0)] = _EXACT
    if sums.on is not None:
        flags = np.isfinite(sums.on).all(0)
        off = sums.n - sums.on
        with np.errstate(all="ignore"):
            rare = (np.minimum(sums.on.sum(0), off.sum(0)) < POSITIVES) | (
                np.minimum((sums.on > 0).sum(0), (off > 0).sum(0)) < LEAST
            )
        why[:, flags & rare] = _RARE
    why[:, pieces < LEAST] = _FEW
    why[np.isnan(r)] = _UNIT
    why[:, label] = _LABEL
    why[:, total.n == 0] = _NOTHING
    return why


def _freedom(sums: Sums, within: bool) -> Float[np.ndarray, " label"]:
    """Degrees of freedom of each label; at least 1."""
    with np.errstate(all="ignore"):
        mean = np.where(sums.n > 0, sums.y / sums.n, 0.0)
        spread = np.where(sums.n > 0, _spread(sums.yy, mean * sums.y), 0.0)
        n = _total(sums.n)
        of_means = 0.0 if within else _total(sums.n * (mean - _total(sums.y) / n) ** 2) / n
        freedom = np.fmin(_worth(sums.n), _worth(spread + sums.n * of_means)) - 1
        if sums.on is not None:
            on, off = _worth(np.nan_to_num(sums.on)), _worth(sums.n - np.nan_to_num(sums.on))
            parts = 1 / (on**2 * np.maximum(on - 1, 0.2)) + 1 / (off**2 * np.maximum(off - 1, 0.2))
            welch = (1 / on + 1 / off) ** 2 / parts
            freedom = np.where(np.isfinite(sums.on).all(0) & (welch < freedom), welch, freedom)
    return np.asarray(np.maximum(freedom, 1.0))


def _worth(counts: Float[np.ndarray, "piece label"]) -> Float[np.ndarray, " label"]:
    """Number of equal pieces with the same information (Kish 1965)."""
    return np.asarray(_total(counts) ** 2 / _total(counts**2))


def _total(values: Float[np.ndarray, "piece label"]) -> Float[np.ndarray, " label"]:
    """One piece after the other: NumPy's order of summing depends on how many labels there are."""
    total = np.zeros(values.shape[1])
    for piece in values:
        total = total + piece
    return total


def _less_skewed(t: Float[np.ndarray, "unit label"], skew: Float[np.ndarray, "unit label"]) -> np.ndarray:
    """Hall's transformation of a t whose sum has this skewness, where it makes it smaller."""
    skew = np.clip(np.nan_to_num(skew), -1.5, 1.5)
    turned = t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6
    # Beyond its turning point it would rise again.
    turned = np.where(3 + skew * t < 0, -1 / np.where(skew == 0, 1, skew) + skew / 6, turned)
    return np.asarray(np.where(np.abs(turned) < np.abs(t), turned, t))


def _spread(square: np.ndarray, of_mean: np.ndarray) -> np.ndarray:
    """Squared deviations, zero where they are nothing but rounding."""
    left = square - of_mean
    return np.where(left > 1e-10 * square, left, 0.0)


def _varies(square: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The variance, NaN where it is nothing but rounding: a constant has no correlation."""
    variance = square - mean**2
    return np.where(variance > 1e-10 * np.maximum(square, 1e-30), variance, np.nan)


def _z(r: np.ndarray) -> np.ndarray:
    """atanh, finite for r = ±1."""
    return np.asarray(np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)))
