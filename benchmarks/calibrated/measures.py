"""Intervals of AUC, IoU, information, accuracy and selectivity, over documents of known truth."""

import functools

import numpy as np
from planted_corpora import ar
from scipy import stats

from unitscope.evidence import counts
from unitscope.evidence.jackknife import jackknife
from unitscope.evidence.ratio import difference, share

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
DOCUMENTS = {"9 documents": 9, "30 documents": 30, "100 unequal documents": 100}
Record = dict[str, list[float]]


def measure(name: str, seed: int, size: float) -> Record:
    """One table of documents: how often each interval holds the truth."""
    draw = np.random.default_rng([seed, 5])
    count = DOCUMENTS[name]
    lengths = np.full(count, 600) if "unequal" not in name else np.round(draw.lognormal(np.log(400), 1, count))
    lengths = np.maximum((lengths * size).astype(int), 40)
    record: Record = {}
    for share_on, rho in ((0.1, 0.0), (0.16, 0.98)):
        for r in (0.0, 0.3, 0.7):
            parts = [_document(draw, int(n), share_on, rho, r) for n in lengths]
            thresholds = np.quantile(_document(draw, 4000, share_on, rho, r)[0], LEVELS)  # as of the choosing side
            _detection(record, parts, thresholds, share_on, r)
    _probe(record, draw, lengths)
    return record


def _document(
    draw: np.random.Generator, n: int, share_on: float, rho: float, r: float
) -> tuple[np.ndarray, np.ndarray]:
    """A unit and a flag, correlated by r."""
    flag = ar(draw, n, rho)[:, 0] > _above(share_on)
    scaled = (flag - share_on) / np.sqrt(share_on * (1 - share_on))
    return r * scaled + np.sqrt(1 - r**2) * ar(draw, n, 0.9)[:, 0], flag


@functools.cache
def _above(share_on: float) -> float:
    return float(stats.norm.isf(share_on))


def _detection(
    record: Record, parts: list[tuple[np.ndarray, np.ndarray]], thresholds: np.ndarray, share_on: float, r: float
) -> None:
    n = np.array([float(len(flag)) for _, flag in parts])
    on = np.array([float(flag.sum()) for _, flag in parts])
    over = [x[:, None] > thresholds for x, _ in parts]
    above = np.stack([o.sum(0) for o in over]).astype(float)
    above_on = np.stack([(o & flag[:, None]).sum(0) for o, (_, flag) in zip(over, parts, strict=True)]).astype(float)
    # The same counts of all tokens there could be.
    means = (np.array([0.0, 1.0]) - share_on) / np.sqrt(share_on * (1 - share_on)) * r
    beyond = stats.norm.sf((thresholds[:, None] - means) / np.sqrt(1 - r**2))  # [level flag]
    true = (1.0, share_on, beyond @ np.array([1 - share_on, share_on]), beyond[:, 1] * share_on)
    read = {
        "AUC": (counts.area, "logit"),
        "IoU": (lambda *whole: counts.overlap(*whole)[5], "logit"),
        "information": (counts.information, "plain"),
    }
    for what, (statistic, scale) in read.items():
        found = jackknife(statistic, (n, on, above, above_on), n, scale)
        # The bias that is taken off is that of so many tokens; of all there could be it is none.
        truth = float(statistic(*(np.asarray(part) * 1e12 for part in true)))
        if what != "information" or r > 0:
            _covered(record, what, found.low, truth, found.high)


def _probe(record: Record, draw: np.random.Generator, lengths: np.ndarray) -> None:
    """Accuracy .8 and selectivity .25, with sentences that are easy or hard."""
    words = np.maximum(lengths // 20, 2)
    easy = draw.beta(4, 1, len(words))
    right = draw.binomial(words, easy).astype(float)
    control = draw.binomial(words, 0.55 * (0.5 + 0.5 * easy / 0.8)).astype(float)
    _, low, high = share(right, words.astype(float))
    _covered(record, "accuracy", low, 0.8, high)
    found = difference((right, words.astype(float)), (control, words.astype(float)))
    _covered(record, "selectivity", found.low, 0.25, found.high)


def _covered(record: Record, what: str, low: object, truth: float, high: object) -> None:
    held = record.setdefault(f"covered {what}", [0.0, 0.0])
    held[0] += float(np.asarray(low) <= truth <= np.asarray(high))
    held[1] += 1.0
