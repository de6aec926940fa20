"""Corpora in which it is known which unit follows which label, and how closely: what error rates are measured on.

A corpus is made of documents that are drawn independently, so the truth of a pair is its correlation over all
documents of the kind, zero unless it was planted. Everything is drawn from the seed.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.signal import lfilter

Draw = np.random.Generator
STRENGTHS = (1.0, 0.7, 0.4, 0.2, 0.1)
"""Of planted units, one of each for each label that has units."""


def ar(draw: Draw, n: int, rho: float, count: int = 1) -> np.ndarray:
    """Stationary autoregressive series of unit variance, ``[n, count]``."""
    start = draw.standard_normal((1, count))
    noise = draw.standard_normal((n, count))
    return _filtered(start, noise, rho)


def apart(draw: Draw, n: int, rho: float, count: int) -> np.ndarray:
    """So many series drawn one after the other, ``[n, count]``: those of as many calls of ``ar``."""
    drawn = draw.standard_normal((count, n + 1)).T
    return _filtered(drawn[:1], drawn[1:], rho)


def _filtered(start: np.ndarray, noise: np.ndarray, rho: float) -> np.ndarray:
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], noise, axis=0, zi=rho * start)[0]


def _heavy(draw: Draw, n: int, count: int) -> np.ndarray:
    return np.exp(1.5 * ar(draw, n, 0.9, count))


def _sparse(draw: Draw, n: int, count: int) -> np.ndarray:
    return np.maximum(ar(draw, n, 0.9, count) - 1.5, 0)


def _saturated(draw: Draw, n: int, count: int) -> np.ndarray:
    return np.tanh(4 * ar(draw, n, 0.95, count))


def _periodic(draw: Draw, n: int, count: int) -> np.ndarray:
    periods, phases = draw.uniform(5, 300, count), draw.random(count)
    return np.sin(2 * np.pi * (np.arange(n)[:, None] / periods + phases)) + 0.3 * draw.standard_normal((n, count))


def _place(draw: Draw, n: int, count: int) -> np.ndarray:
    return np.sqrt(np.arange(n)[:, None] / n) + 0.3 * ar(draw, n, 0.5, count)


def _drift(draw: Draw, n: int, count: int) -> np.ndarray:
    return np.cumsum(draw.standard_normal((n, count)), 0) / np.sqrt(n)


def _mixture(draw: Draw, n: int, count: int) -> np.ndarray:
    return np.where(ar(draw, n, 0.99, count) > 0.5, 3 + draw.standard_normal((n, count)), ar(draw, n, 0.5, count))


UNITS: Mapping[str, Callable[[Draw, int, int], np.ndarray]] = {
    "AR .9": lambda draw, n, count: ar(draw, n, 0.9, count),
    "AR .99": lambda draw, n, count: ar(draw, n, 0.99, count),
    "AR .999": lambda draw, n, count: ar(draw, n, 0.999, count),
    "heavy-tailed": _heavy,
    "sparse": _sparse,
    "saturated": _saturated,
    "periodic": _periodic,
    "by position": _place,
    "drifting": _drift,
    "mixture": _mixture,
    "constant": lambda draw, n, count: np.full((n, count), 0.3),
    "binary": lambda draw, n, count: (ar(draw, n, 0.9, count) > 1.5).astype(float),
}
"""Null units by kind: a document of n tokens of so many units, ``[n, count]``."""


def _flag(share: float) -> Callable[[Draw, int], np.ndarray]:
    return lambda draw, n: (draw.random(n) < share).astype(float)


def _runs(rho: float, above: float) -> Callable[[Draw, int], np.ndarray]:
    return lambda draw, n: (ar(draw, n, rho)[:, 0] > above).astype(float)


def _number(rho: float) -> Callable[[Draw, int], np.ndarray]:
    return lambda draw, n: ar(draw, n, rho)[:, 0]


def _line(period: int) -> Callable[[Draw, int], np.ndarray]:
    return lambda draw, n: (np.arange(n) + draw.integers(period)) % period / period


def _events(draw: Draw, n: int) -> np.ndarray:
    """Whole words of twelve tokens, one in about two hundred tokens."""
    flag = np.zeros(n)
    for start in np.flatnonzero(draw.random(n) < 1 / 200):
        flag[start : start + 12] = 1
    return flag


@dataclass(frozen=True)
class Label:
    """A kind of label, with its mean and deviation over all documents of the kind."""

    name: str
    make: Callable[[Draw, int], np.ndarray]
    mean: float = 0.0
    sd: float = 1.0


def flag(name: str, make: Callable[[Draw, int], np.ndarray], share: float) -> Label:
    """A flag that holds for such a share of the tokens."""
    return Label(name, make, share, np.sqrt(share * (1 - share)))


TRUE = (
    flag("flag", _flag(0.1), 0.1),
    flag("runs", _runs(0.98, 1.0), float(stats.norm.sf(1))),
    Label("number", _number(0.9)),
    Label("line", _line(60), 59 / 120, np.sqrt((60**2 - 1) / 12) / 60),
)
"""Labels that have planted units."""
NULL = (
    flag("another flag", _flag(0.1), 0.1),
    flag("common flag", _flag(0.5), 0.5),
    flag("rare flag", _flag(0.01), 0.01),
    flag("other runs", _runs(0.98, 1.0), float(stats.norm.sf(1))),
    flag("slow", _runs(0.999, 0.5), float(stats.norm.sf(0.5))),
    Label("another number", _number(0.5)),
    Label("slow number", _number(0.99)),
    Label("another line", _line(47)),
    flag("words", _events, 0.0),
    Label("level", lambda draw, n: draw.standard_normal() + 0.3 * draw.standard_normal(n)),
)
"""Labels that no unit follows; ``level`` says something of documents."""


@dataclass(frozen=True)
class Document:
    units: np.ndarray
    """``[token unit]``"""
    labels: np.ndarray
    """``[token label]``, NaN where undefined."""
    digest: str


@dataclass(frozen=True)
class Planted:
    """A corpus, and what is true of it."""

    documents: list[Document]
    unit_kinds: list[str]
    label_names: list[str]
    truth: np.ndarray
    """``[unit label]``, the correlation over all documents of the kind; NaN where it is not known."""


@dataclass(frozen=True)
class Scenario:
    """How a corpus is drawn."""

    lengths: Callable[[Draw], np.ndarray]
    """Tokens of each document."""
    true: tuple[Label, ...] = TRUE
    null: tuple[Label, ...] = NULL
    each: int = 6
    """Null units of each kind."""
    kinds: tuple[str, ...] = tuple(UNITS)
    levels: float = 0.0
    """Deviation of a level of its own that every unit and every label has in each document, in that of its tokens."""
    spreads: float = 0.0
    """Deviation of the logarithm of a factor by which every unit and every label that is a number is stretched in each
    document: a few documents then have most of the variance of a pair."""
    copies: int = 1
    """How often each document occurs."""
    defined: tuple[int, ...] = ()
    """In how many documents, drawn at random, each of the first null labels is defined at all."""
    positives: tuple[int, ...] = ()
    """Tokens at which each of the first labels is on, in the whole corpus: true ones, then null ones."""
    nested: bool = False
    """With a superset and a subset of the first true label among the labels."""

    def draw(self, seed: int, size: float = 1.0) -> Planted:
        """One corpus. ``size`` scales the lengths of the documents."""
        draw = np.random.default_rng([seed, 77])
        lengths = np.maximum((self.lengths(draw) * size).astype(int), 20)
        labels = [*self.true, *self.null]
        defined = [set(draw.permutation(len(lengths))[:some].tolist()) for some in self.defined]
        rare = [_places(draw, lengths, some) for some in self.positives]
        documents = []
        for number, n in enumerate(lengths):
            y = np.stack([label.make(draw, n) for label in labels], 1)
            mean, sd = (np.array([getattr(label, what) for label in labels]) for what in ("mean", "sd"))
            for k, places in enumerate(rare):
                share = self.positives[k] / lengths.sum()
                mean[k], sd[k] = share, np.sqrt(share * (1 - share))
                y[:, k] = 0.0
                y[places[number], k] = 1.0
            if self.levels:
                y = y + self.levels * draw.standard_normal(len(labels))
                sd = sd * np.sqrt(1 + self.levels**2)
            followed = np.repeat(np.arange(len(self.true)), len(STRENGTHS))
            strengths = np.tile(STRENGTHS, len(self.true))
            planted = strengths * (y[:, followed] - mean[followed]) / sd[followed]
            planted += np.sqrt(1 - strengths**2) * apart(draw, n, 0.9, len(strengths))
            null = [UNITS[kind](draw, n, self.each) for kind in self.kinds]
            x = np.concatenate([planted, *null], 1)
            if self.spreads:
                x *= np.exp(self.spreads * draw.standard_normal(x.shape[1]))
                numbers = ~((y == 0) | (y == 1)).all(0)
                y = np.where(numbers, y * np.exp(self.spreads * draw.standard_normal(len(labels))), y)
            if self.levels:
                spread = np.where(x.std(0) > 0, x.std(0), 0)
                first = len(strengths)
                x[:, first:] += (self.levels * spread * draw.standard_normal(x.shape[1]))[first:]
            for k, some in enumerate(defined):
                if number not in some:
                    y[:, len(self.true) + k] = np.nan
            if self.nested:
                own = y[:, 0] > 0
                wider = own | (draw.random(n) < 0.1)
                y = np.concatenate([y, wider[:, None], (own & (draw.random(n) < 0.5))[:, None]], 1)
            digest = hashlib.sha256(f"{seed} {number}".encode()).hexdigest()
            documents += [Document(x, y, digest)] * self.copies
        kinds = [f"r = {r:g}" for _ in self.true for r in STRENGTHS]
        kinds += [kind for kind in self.kinds for _ in range(self.each)]
        names = [label.name for label in labels] + (["superset", "subset"] if self.nested else [])
        return Planted(documents, kinds, names, self._truth(len(kinds), len(names)))

    def _truth(self, units: int, labels: int) -> np.ndarray:
        truth = np.zeros((units, labels))
        for k in range(len(self.true)):
            truth[len(STRENGTHS) * k : len(STRENGTHS) * (k + 1), k] = STRENGTHS
        if self.nested:
            share = 0.1 + 0.9 * 0.1
            with_wider = (0.1 - 0.1 * share) / np.sqrt(0.1 * 0.9 * share * (1 - share))
            with_part = (0.05 - 0.1 * 0.05) / np.sqrt(0.1 * 0.9 * 0.05 * 0.95)
            truth[: len(STRENGTHS), -2] = np.array(STRENGTHS) * with_wider
            truth[: len(STRENGTHS), -1] = np.array(STRENGTHS) * with_part
        return truth


def _places(draw: Draw, lengths: np.ndarray, some: int) -> list[np.ndarray]:
    """Tokens of each document, so many in all."""
    drawn = np.sort(draw.choice(int(lengths.sum()), some, replace=False))
    ends = np.cumsum(lengths)
    return [drawn[(drawn >= end - n) & (drawn < end)] - (end - n) for end, n in zip(ends, lengths, strict=True)]


def equal(documents: int, tokens: int) -> Callable[[Draw], np.ndarray]:
    """Documents of one length."""
    return lambda draw: np.full(documents, tokens)


def lognormal(documents: int, median: float, sigma: float = 1.0) -> Callable[[Draw], np.ndarray]:
    """Documents of very different lengths."""
    return lambda draw: np.round(draw.lognormal(np.log(median), sigma, documents))


LEVELLED = tuple(kind for kind in UNITS if kind != "constant")
SLOW = tuple(label for label in NULL if label.name in ("slow", "slow number", "other runs"))
SCENARIOS: Mapping[str, Scenario] = {
    "100 documents": Scenario(equal(100, 800)),
    "one document": Scenario(equal(1, 80_000)),
    "12 documents": Scenario(equal(12, 2000)),
    "6 documents": Scenario(equal(6, 4000)),
    "6 long documents": Scenario(equal(6, 13_000)),
    "80 unequal documents": Scenario(lognormal(80, 600)),
    "levels, 12 documents": Scenario(equal(12, 800), (), NULL, 4, LEVELLED, levels=1.0),
    "levels, 30 documents": Scenario(equal(30, 800), (), NULL, 4, LEVELLED, levels=1.0),
    "levels, 80 documents": Scenario(equal(80, 800), (), NULL, 4, LEVELLED, levels=1.0),
    "levels, 6 long documents": Scenario(equal(6, 33_000), (), NULL, 2, LEVELLED, levels=1.0),
    "one drifting document": Scenario(equal(1, 80_000), (), SLOW, 12, ("drifting", "AR .999", "AR .99", "by position")),
    "spreads, 12 documents": Scenario(equal(12, 800), (), NULL, 4, LEVELLED, spreads=1.0),
    "spreads, 40 documents": Scenario(equal(40, 800), (), NULL, 4, LEVELLED, spreads=1.0),
    "12 documents, 4 copies": Scenario(equal(12, 800), (), NULL, 4, LEVELLED, copies=4),
    "12 documents, 8 copies": Scenario(equal(12, 800), (), NULL, 4, LEVELLED, copies=8, levels=0.5),
    "labels in few documents": Scenario(equal(40, 600), TRUE, NULL, 4, LEVELLED, defined=(3, 4, 6, 10, 20)),
    "rare labels": Scenario(
        equal(40, 1000), TRUE[:4], NULL, 4, LEVELLED, positives=(20, 40, 80, 160, 10, 20, 40, 80, 160, 320)
    ),
    "nested labels": Scenario(equal(60, 600), TRUE[:1], NULL, 2, LEVELLED, nested=True),
}
"""By what is special about them."""
