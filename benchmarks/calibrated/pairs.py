"""Units and labels of a planted corpus, asked as unitscope asks: chosen on some documents, confirmed on the others."""

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from planted_corpora import SCENARIOS, STRENGTHS, Planted, ar

from unitscope.evidence.correlation import COINCIDENCES, Correlation, Sums, correlate, partial
from unitscope.evidence.fdr import adjusted, by_unit
from unitscope.evidence.groups import Groups, buckets, divide, groups

WINDOW = 200
"""Tokens of a sequence, where documents are so few that they are cut into stretches."""
Record = dict[str, list[float]]
"""Sums over one corpus: by what was counted, how often it was so and out of how many."""


@dataclass(frozen=True)
class Asked:
    """The answer on both sides."""

    pieces: Groups
    choosing: Correlation
    confirming: Correlation
    sums: Sums
    """Of the confirming side."""


def ask(planted: Planted, every: int = 4) -> Asked:
    """Both sides of a corpus. The shape of units is read from one token of so many."""
    few = len({document.digest for document in planted.documents}) < 6
    cut = [
        (number, start, min(start + step, len(document.units)))
        for number, document in enumerate(planted.documents)
        for step in [WINDOW if few else len(document.units)]
        for start in range(0, len(document.units), step)
    ]
    found = groups(
        [planted.documents[number].digest for number, _, _ in cut],
        [stop - start for _, start, stop in cut],
        [start for _, start, _ in cut],
        [number for number, _, _ in cut],
    )
    sides = []
    for pieces in divide(found):
        bucket = np.full(len(found), -1)
        bucket[pieces] = buckets([found.keys[piece] for piece in pieces], found.tokens[pieces])
        sides.append(sums_of(planted, cut, np.where(found.once, bucket[found.piece], -1), every))
    return Asked(found, *(correlate(side, found.within) for side in sides), sides[1])


def sums_of(planted: Planted, cut: list[tuple[int, int, int]], bucket: np.ndarray, every: int = 4) -> Sums:
    """Over some sequences, each a document with its first token and that after its last; bucket −1 is left out."""
    units, labels = planted.truth.shape
    count = int(bucket.max()) + 1
    everywhere = all(np.isfinite(document.labels).all() for document in planted.documents)
    n, y, yy = (np.zeros((count, labels)) for _ in range(3))
    xy = np.zeros((count, units, labels))
    x, xx = (np.zeros((count, units, 1 if everywhere else labels)) for _ in range(2))
    some_x, all_y = [], []
    for (number, start, stop), piece in zip(cut, bucket, strict=True):
        if piece < 0:
            continue
        document = planted.documents[number]
        u, v = document.units[start:stop], document.labels[start:stop]
        known = np.isfinite(v).astype(float)
        label = np.nan_to_num(v)
        n[piece] += known.sum(0)
        x[piece] += u.sum(0)[:, None] if everywhere else u.T @ known
        xx[piece] += np.einsum("tu,tu->u", u, u)[:, None] if everywhere else (u * u).T @ known
        y[piece] += label.sum(0)
        yy[piece] += (label * label).sum(0)
        xy[piece] += u.T @ label
        some_x.append(u[::every])
        all_y.append(v)
    values = np.concatenate(all_y)
    flags = ((values == 0) | (values == 1) | np.isnan(values)).all(0)
    shapes = _shape(np.concatenate(some_x)), _shape(values)
    return Sums(n, y, yy, x, xx, xy, *shapes[0], *shapes[1], np.where(flags, y, np.nan) if flags.any() else None)


def _shape(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Skewness and kurtosis."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a label may be defined nowhere on a side
        mean = np.nanmean if np.isnan(values).any() else np.mean
        centred = values - mean(values, 0)
        square = centred * centred
        spread = mean(square, 0)
        spread = np.where(spread > 1e-12, spread, np.nan)
        return mean(square * centred, 0) / spread**1.5, mean(square * square, 0) / spread**2


def measure(name: str, seed: int, size: float) -> Record:
    """What one corpus of a scenario says about error rates, coverage and recall."""
    planted = SCENARIOS[name].draw(seed, size)
    asked = ask(planted)
    found, truth = asked.confirming, planted.truth
    if asked.pieces.within:
        truth = _within(name, truth, int(asked.pieces.tokens.max()))
    kinds = np.array(planted.unit_kinds)
    null = truth == 0
    record: Record = defaultdict(lambda: [0.0, 0.0])

    def add(what: str, hits: np.ndarray, of: np.ndarray | None = None) -> None:
        of = np.ones(np.shape(hits), bool) if of is None else of
        record[what][0] += float((hits & of).sum())
        record[what][1] += float(np.sum(of))

    sums = asked.sums
    with np.errstate(all="ignore"):
        few = sums.n.sum(0) < COINCIDENCES * sums.x_kurtosis[:, None] * sums.y_kurtosis
    if sums.on is not None:  # flags on fewer than 20 tokens
        few |= np.nan_to_num(sums.on, nan=np.inf).sum(0) < 20
    tested = np.isfinite(found.p)
    for kind in dict.fromkeys(planted.unit_kinds):
        own = null & tested & (kinds == kind)[:, None]
        if kind.startswith("r ="):
            kind = "planted elsewhere"
        for group, members in ((f"{kind}", own & ~few), ("few coincidences", own & few)):
            add(f"p<.05 {group}", found.p < 0.05, members)
            add(f"p<.001 {group}", found.p < 0.001, members)
    add("p<.05", found.p < 0.05, null & tested)
    add("p<.001", found.p < 0.001, null & tested)
    covered = (found.low <= truth) & (truth <= found.high)
    add("covered 0", covered, null & tested & ~few)
    add("covered 0, few coincidences", covered, null & tested & few)
    for r in STRENGTHS[1:]:
        add(f"covered {r:g}", covered, (planted.truth == r) & tested & ~few)

    q = adjusted(found.p)
    said = q <= 0.05
    _false(record, "pairs", said, null)
    for r in STRENGTHS:
        add(f"recall {r:g}", said, planted.truth == r)
    units, follows = by_unit(found.p)
    nothing = null.all(1)
    _false(record, "units", (units <= 0.05), nothing)
    # Of the labels that a unit is said to follow, on average over these units: what the two-level procedure promises.
    wrong = (follows & null).sum(1) / np.maximum(follows.sum(1), 1)
    record["FDP labels of units"] = [float(wrong[units <= 0.05].mean()) if (units <= 0.05).any() else 0.0, 1.0]
    varies = np.isfinite(found.r).any(1)
    plenty = _plenty(planted)
    add("has a p", tested, varies[:, None] & plenty)

    # The list that people read: of each label the unit that was chosen, if it is confirmed.
    strength = np.abs(np.nan_to_num(asked.choosing.r))
    best, labels = strength.argmax(0), np.arange(truth.shape[1])
    confirmed = said[best, labels] & (found.r[best, labels] * asked.choosing.r[best, labels] > 0)
    _false(record, "list", confirmed, null[best, labels])
    strong = (np.abs(truth) >= 0.4).any(0)
    add("list names a true unit", confirmed & ~null[best, labels], strong)
    if SCENARIOS[name].nested:
        # The unit of r = .4 and its label, a superset and a subset of it.
        r = found.r[2]
        between = _between(planted)
        first = int(np.nanargmax(np.abs(r)))
        rest = [k for k in (len(r) - 2, len(r) - 1) if k != first]
        add("true label first", np.array([first == 0]))
        left = [abs(float(partial(r[k], r[first], between[k, first]))) for k in rest]
        add("others explained by it", np.array([max(left) < 0.25 * abs(float(r[first]))]))
    record["pieces"] = [float(found.pieces.max()), 1.0]
    return dict(record)


def _false(record: Record, what: str, said: np.ndarray, null: np.ndarray) -> None:
    """The false discovery proportion, and whether there is any false one."""
    wrong, all_said = float((said & null).sum()), float(said.sum())
    record[f"FDP {what}"] = [wrong / max(all_said, 1.0), 1.0]
    record[f"any false {what}"] = [float(wrong > 0), 1.0]
    record[f"said {what}"] = [all_said, 1.0]


def _plenty(planted: Planted) -> np.ndarray:
    """Labels with at least 20 positives in at least 6 of at least 12 documents, or numbers in as many."""
    different = {document.digest: document for document in planted.documents}.values()
    if len(different) < 12:
        return np.zeros(planted.truth.shape[1], bool)
    values = [document.labels for document in different]
    whole = np.concatenate(values)
    flags = ((whole == 0) | (whole == 1) | np.isnan(whole)).all(0)
    on = np.stack([np.where(flags, np.nansum(v, 0), np.isfinite(v).sum(0)) for v in values])
    return (on.sum(0) >= 20) & ((on > 0).sum(0) >= 6)


def _within(name: str, truth: np.ndarray, tokens: int) -> np.ndarray:
    """The correlations of what moves within stretches of so many tokens, since their means are taken off."""
    scenario = SCENARIOS[name]
    own = truth.copy()
    noise = _kept(lambda draw, n: ar(draw, n, 0.9)[:, 0], "noise", tokens)
    for k, label in enumerate(scenario.true):
        kept = _kept(label.make, label.name, tokens)
        r = truth[:, k]
        own[:, k] = r * np.sqrt(kept / (r**2 * kept + (1 - r**2) * noise))
    return own


@functools.cache
def _kept(make: Callable[[np.random.Generator, int], np.ndarray], name: str, tokens: int) -> float:
    """The share of the variance that is left when the mean of each stretch is taken off."""
    draw = np.random.default_rng(len(name))
    values = np.stack([make(draw, tokens) for _ in range(max(100, 400_000 // tokens))])
    return float(values.var(1).mean() / values.var())


def _between(planted: Planted) -> np.ndarray:
    """Correlations of the labels."""
    return np.corrcoef(np.concatenate([document.labels for document in planted.documents]).T)
