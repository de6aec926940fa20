"""Can the kind of a network be told from its activations, in a run that was never seen?

A classifier on raw activations knows the networks it was trained on by their faces: the order of units is arbitrary, so
what it learnt says nothing of another run, and accuracy within runs is near 1 whatever the kinds are. What may
transfer are summaries that do not depend on the order of units. Both are shown, with whole runs held out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.evidence.ratio import of_values
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.source.source import Source
from unitscope.views import Field, Table

FOLDS = 5
L2 = 1e-2


@dataclass(frozen=True, eq=False)
class KindAccuracy:
    """Accuracy of telling two kinds of network apart by one sort of feature. Chance is 0.5."""

    features: str
    within: float
    """Balanced accuracy on sequences that were held out, of runs that were seen."""
    unseen: Float[np.ndarray, " held"]
    """Balanced accuracy on runs that were held out, one of each kind at a time."""

    @property
    def mean(self) -> float:
        """Over the held-out pairs of runs."""
        return float(self.unseen.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % t-interval over the held-out pairs of runs; NaN for fewer than two."""
        found = of_values(self.unseen)
        return float(np.maximum(found.low, 0.0)), float(np.minimum(found.high, 1.0))


def kinds_table(rows: Sequence[KindAccuracy]) -> Table:
    """One row per sort of feature."""
    fields = [
        Field("features", "text"), Field("seen runs", "number", "held-out sequences of runs that were seen"),
        Field("unseen runs", "number", "one run of each kind held out at a time"), Field("low"), Field("high"),
        Field("each", "text"),
    ]  # fmt: skip
    table = [
        [row.features, row.within, row.mean, *row.interval, ", ".join(f"{value:.2f}" for value in row.unseen)]
        for row in rows
    ]
    note = "balanced accuracy; chance is 0.5. A raw unit of one run is not that unit of another"
    return Table("Telling the kind of a network", fields, table, note=note)


def classify_kinds(
    groups: Mapping[str, Sequence[Source]], site: str, step: int | None = None, seed: int = 0
) -> list[KindAccuracy]:
    """Tell two kinds of network apart, ``{name: runs}``, by the activations of a site.

    One item is a sequence: its raw activations at ``step`` (the last if it is not given), the same sorted, and the
    summaries of ``summaries_of``. Memory holds the activations at one step. Raises ``InputError`` for anything but two
    kinds of at least two runs each, and for sites of different width, which have no raw coordinates in common.
    """
    if len(groups) != 2 or min(map(len, groups.values())) < 2:
        raise InputError("two kinds of network are told apart, each of at least two runs, one of which is held out")
    runs = [source for sources in groups.values() for source in sources]
    kind = [number for number, sources in enumerate(groups.values()) for _ in sources]
    features: dict[str, list[Tensor]] = {"raw activations": [], "sorted activations": [], "summaries": []}
    for source in runs:
        raw, summary = _items(source, site, step)
        for name, values in zip(features, (raw, raw.sort(1).values, summary), strict=True):
            features[name].append(values)
    widths = {part.shape[1] for part in features["raw activations"]}
    if len(widths) > 1:
        raise InputError(f"{site} has {' and '.join(map(str, sorted(widths)))} units; compare networks of one width")
    return [KindAccuracy(name, _within(parts, kind, seed), _unseen(parts, kind)) for name, parts in features.items()]


def summaries_of(x: Float[Tensor, "step unit"]) -> Float[Tensor, " feature"]:
    """Features of a sequence that ignore the order of units: at its last step the mean, variance, and the shares of
    values below −0.9, below 0.1, above 0.9 and beyond ±0.1; the norm of the last change, and of all changes on average.
    """
    last = x[-1]
    change = (x[1:] - x[:-1]).norm(dim=1) if len(x) > 1 else x.new_zeros(1)
    shares = [(last < -0.9), (last < 0.1), (last > 0.9), (last.abs() > 0.1)]
    moments = [last.mean(), last.var(correction=0), last.abs().mean()]
    return torch.stack([*moments, *(share.to(x).mean() for share in shares), change[-1], change.mean()])


def _items(
    source: Source, site: str, step: int | None
) -> tuple[Float[Tensor, "item unit"], Float[Tensor, "item feature"]]:
    raw, summary = [], []
    for chunks in source.chunks([site]):
        chunk = chunks[site]
        for start, stop in chunk.spans():
            end = stop if step is None else start + step + 1
            if end > stop:
                continue
            x = chunk.activations[start:end].float().cpu()
            raw.append(x[-1])
            summary.append(summaries_of(x))
    if not raw:
        raise InputError(f"no sequence of {source.name} has a step {step}")
    return torch.stack(raw), torch.stack(summary)


def _within(parts: Sequence[Tensor], kind: Sequence[int], seed: int) -> float:
    """Sequences held out, the same ones of every run, so that a sequence is never on both sides."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(map(len, parts))
    folds = torch.randperm(longest, generator=generator) % FOLDS
    fold = torch.cat([folds[: len(part)] for part in parts])
    x, y = torch.cat(list(parts)), _kinds(parts, kind)
    return float(np.mean([_accuracy(x, y, fold == k) for k in range(FOLDS) if bool((fold == k).any())]))


def _unseen(parts: Sequence[Tensor], kind: Sequence[int]) -> Float[np.ndarray, " held"]:
    """One run of each kind held out at a time; the smaller kind's runs are used again where there are fewer."""
    members = [[k for k, own in enumerate(kind) if own == number] for number in (0, 1)]
    x, y = torch.cat(list(parts)), _kinds(parts, kind)
    run = torch.cat([torch.full((len(part),), k) for k, part in enumerate(parts)])
    found = []
    for turn in range(max(map(len, members))):
        held = [own[turn % len(own)] for own in members]
        found.append(_accuracy(x, y, torch.isin(run, torch.tensor(held))))
    return np.array(found)


def _kinds(parts: Sequence[Tensor], kind: Sequence[int]) -> Int[Tensor, " item"]:
    return torch.cat([torch.full((len(part),), own, dtype=torch.int64) for part, own in zip(parts, kind, strict=True)])


def _accuracy(x: Float[Tensor, "item feature"], y: Int[Tensor, " item"], held: Tensor) -> float:
    """Mean over the two kinds of the share of held-out items told rightly."""
    fit = fit_linear([x[~held]], y[None, ~held], 2, [Penalty(l2=L2)])
    right = fit.log_probs(0, x[held]).argmax(1) == y[held]
    shares = [right[y[held] == k].double().mean() for k in (0, 1)]
    return float(torch.stack(shares).mean())
