"""Pearson's r of every unit with every label, its interval, and the p-value of "r = 0", over pieces of evidence.

Everything is read from sums over the tokens of each piece. With r₍g₎ the correlation without piece g of G, z = atanh r
and

    error² = (G − 1)/G · Σ_g (z₍g₎ − z)²            (delete-a-group jackknife: Miller 1974; Efron & Stein 1981)

p is that of t = z / error, and the interval tanh(z ± t₀.₉₇₅ · error). Leaving a piece out also moves the means, so a
long piece that pulled them towards itself is seen, as the corrections CR2 and CR3 see it (Bell & McCaffrey 2002).
Degrees of freedom are for each label its own: only pieces where *that* label is defined count, and unequal ones count
for less, (Σn_g)² / Σn_g² − 1 (Satterthwaite's under equal spread per token; Imbens & Kolesár 2016).

Where few tokens carry the whole sum (a spiky unit and a rare flag), most pieces have no coincidence and are all alike,
and their spread would make a certainty of it. The number that carries it is n / (κ_x κ_y), κ the fourth standardized
moments (for two rare flags that is the number of coincidences expected by chance). Where it is below ``COINCIDENCES``,
the error is never taken to be less than 1/√n, that of independent tokens.

*Within one text* (fewer than six documents) the means of each stretch are taken off first, so that whatever drifts
more slowly than a stretch is in neither unit nor label; r is then of what moves within stretches.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

Numbers = Float[np.ndarray, "..."] | float
COINCIDENCES = 50.0
"""Below so many tokens that carry a sum, its error is not below that of independent tokens."""
LEAST = 3
"""Pieces at least: no spread can be read from fewer."""
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
    x: Float[np.ndarray, "piece unit"] | Float[np.ndarray, "piece unit label"]
    """Without the last axis where every label is defined everywhere, since it is then the same for all."""
    xx: Float[np.ndarray, "piece unit"] | Float[np.ndarray, "piece unit label"]
    xy: Float[np.ndarray, "piece unit label"]
    x_kurtosis: Float[np.ndarray, " unit"]
    """Fourth standardized moments over all tokens, 3 for a normal one; NaN for a constant."""
    y_kurtosis: Float[np.ndarray, " label"]
    on: Float[np.ndarray, "piece label"] | None = None
    """Tokens with the flag, NaN for a label that is a number; not given if all are numbers."""

    def of(self, piece: int) -> "Totals":
        """The sums of one piece, each so that it meets ``[unit label]``."""
        x, xx = self.x[piece], self.xx[piece]
        if x.ndim == 1:
            x, xx = x[:, None], xx[:, None]
        return Totals(self.n[piece], x, self.y[piece], xx, self.yy[piece], self.xy[piece])

    def only(self, pieces: Int[np.ndarray, " piece"]) -> "Sums":
        """Some pieces; those that occur twice count twice."""
        own = {name: getattr(self, name)[pieces] for name in ("n", "y", "yy", "x", "xx", "xy")}
        on = None if self.on is None else self.on[pieces]
        return Sums(**own, x_kurtosis=self.x_kurtosis, y_kurtosis=self.y_kurtosis, on=on)


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
            xx, yy, xy = self.xx - x * self.x, self.yy - y * self.y, self.xy - x * self.y
            return Totals(self.n, zero, np.zeros_like(self.y), xx, yy, xy)

    def r(self) -> Float[np.ndarray, "unit label"]:
        """Pearson's r; NaN where unit or label is constant up to rounding."""
        with np.errstate(all="ignore"):
            mx, my = self.x / self.n, self.y / self.n
            vx, vy = _varies(self.xx / self.n, mx), _varies(self.yy / self.n, my)
            r: np.ndarray = (self.xy / self.n - mx * my) / np.sqrt(vx * vy)
        return np.asarray(np.clip(r, -1.0, 1.0))


@dataclass(frozen=True, eq=False)
class Correlation:
    """Of every unit with every label. NaN where ``why`` is not 0; r is given wherever it exists."""

    r: Float[np.ndarray, "unit label"]
    error: Float[np.ndarray, "unit label"]
    """Of atanh r."""
    freedom: Float[np.ndarray, " label"]
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

    def piece(g: int) -> Totals:
        return sums.of(g).centred() if within else sums.of(g)

    if count == 0:
        nothing = np.full((units, labels), np.nan)
        why = np.full((units, labels), _NOTHING, dtype=np.int8)
        return Correlation(
            nothing, nothing, np.full(labels, np.nan), nothing, nothing, nothing, np.zeros(labels, int), why
        )
    total = piece(0)
    for g in range(1, count):
        total = total + piece(g)
    r = total.r()
    z = _z(r)
    here = sums.n > 0
    pieces = here.sum(0)
    squares = np.zeros((units, labels))
    for g in range(count):
        move = _z((total - piece(g)).r()) - z
        squares += np.where(here[g], move**2, 0.0)
    with np.errstate(all="ignore"):
        error = np.sqrt(squares * (pieces - 1) / pieces)
        n = sums.n.sum(0)
        carried = n / (sums.x_kurtosis[:, None] * sums.y_kurtosis)
        error = np.where(carried < COINCIDENCES, np.maximum(error, 1 / np.sqrt(n)), error)
        freedom = np.maximum(n**2 / (sums.n**2).sum(0) - 1, 1.0)
    why = _why(sums, total, r, error, pieces)
    known = why == 0
    with np.errstate(all="ignore"):
        p = np.where(known, 2 * stats.t.sf(np.abs(z / error), freedom), np.nan)
        width = stats.t.ppf(0.975, freedom) * error
        low, high = (np.where(known, np.tanh(z + side), np.nan) for side in (-width, width))
    return Correlation(r, np.where(known, error, np.nan), freedom, p, low, high, pieces, why)


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


def _varies(square: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The variance, NaN where it is nothing but rounding: a constant has no correlation."""
    variance = square - mean**2
    return np.where(variance > 1e-10 * np.maximum(square, 1e-30), variance, np.nan)


def _z(r: np.ndarray) -> np.ndarray:
    """atanh, finite for r = ±1."""
    return np.asarray(np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)))
