"""Functional groups: the smallest set of units that tells a label nearly as well as all units do.

A linear probe of all units ranks them; units are added in that order until a probe of them alone keeps 95 % of the
accuracy (Baan et al. 2019). Four things keep the size honest. The ranking counts the weights of all classes. Whole
sequences are held out, since steps of one sequence are alike. Ranking, size and accuracy are each of other sequences:
in every fold units are ranked by a probe of three fifths of the sequences, the size is chosen on a fifth, and the
accuracy is of the last fifth. And a size stands only beside its accuracy and chance: five units at chance are no group.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.evidence.ratio import above_zero, by_piece
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.source.source import Source
from unitscope.views import Field, Lines, Series, Table, View

LEVEL = 0.01
"""p above which a probe is not above chance."""


@dataclass(frozen=True)
class Grouping:
    """Options of the search for a group."""

    kept: float = 0.95
    """Share of the full accuracy that is enough."""
    folds: int = 5
    l2: float = 1e-2
    """Penalty on the squared weights of standardised units."""
    most: int = 0
    """Units at which the search ends without a group; 0 for all."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.kept <= 1 or self.folds < 3:
            raise InputError(
                f"a group keeps a share of 0 to 1 over at least 3 folds, not {self.kept} over {self.folds}"
            )


@dataclass(frozen=True, eq=False)
class FunctionalGroup:
    """Result of the search. Accuracies are of events in held-out sequences."""

    label: str
    units: list[int]
    """In the order of the ranking; empty where there is no group."""
    accuracy: float
    """Of a probe of the group; NaN where there is none."""
    full: float
    """Of a probe of all units."""
    chance: float
    """Of always saying the most frequent class of the training sequences."""
    shuffled: float
    """Of a probe of all units on labels in random order; should be chance."""
    p: float
    """That the full probe is right no more often than chance, sequences being the independent pieces."""
    classes: list[str]
    events: int
    sequences: int
    order: Int[np.ndarray, " unit"]
    """All units, the most important first, of the folds together."""
    importance: Float[np.ndarray, " unit"]
    """Norm over all classes of the weights of standardised units, mean over the folds."""
    along: list[float]
    """Accuracy with the first 1, 2, … units of each fold's own order, as far as all folds looked."""

    @property
    def found(self) -> bool:
        return bool(self.units)

    @property
    def size(self) -> int | None:
        """Number of units; None where there is no group."""
        return len(self.units) or None

    def __str__(self) -> str:
        if self.found:
            count = f"{len(self.units)} unit{'s' * (len(self.units) > 1)}"
            return f"{self.label}: {count} at {self.accuracy:.3f} (all {self.full:.3f}, chance {self.chance:.3f})"
        why = "no group above chance" if self.p > LEVEL else "no group of so few units"
        return f"{self.label}: {why} (all {self.full:.3f}, chance {self.chance:.3f}, p = {self.p:.2g})"

    def views(self) -> list[View]:
        return [groups_table([self]), self.curve()]

    def curve(self) -> Lines:
        x = [float(n) for n in range(1, len(self.along) + 1)]
        flat = [("all units", self.full), ("95 % of it", 0.95 * self.full), ("chance", self.chance)]
        series = [Series("first units", self.along), *(Series(name, [y] * len(x)) for name, y in flat)]
        return Lines(
            f"{self.label}: units added in the order of their weights", x, series, "units", "held-out accuracy"
        )


def groups_table(groups: Sequence[FunctionalGroup]) -> Table:
    """One row per group: size never without accuracy and chance."""
    fields = [
        Field("label", "text"), Field("size", "text"), Field("accuracy"), Field("all units"), Field("chance"),
        Field("shuffled labels"), Field("p", "number", "that the full probe is no better than chance"),
        Field("events", "integer"), Field("units", "text"),
    ]  # fmt: skip
    rows = [
        [
            g.label, str(g.size) if g.found else str(g).partition(": ")[2].partition(" (")[0], g.accuracy, g.full,
            g.chance, g.shuffled, g.p, g.events, ", ".join(map(str, g.units)),
        ]
        for g in groups
    ]  # fmt: skip
    return Table("Functional groups", fields, rows)


def functional_group(
    x: Float[Tensor, "event unit"],
    y: Int[Tensor, " event"],
    sequence: Int[Tensor, " event"],
    label: str = "label",
    classes: Sequence[str] | None = None,
    how: Grouping = Grouping(),
) -> FunctionalGroup:
    """The smallest group for a label with classes 0, 1, …; events of class −1 are left out.

    ``sequence`` says which events are one piece of evidence: they are held out together. Raises ``InputError`` for
    fewer than two classes or fewer sequences than folds.
    """
    known = y >= 0
    x, y, sequence = x[known], y[known], sequence[known]
    _, group = torch.unique(sequence, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    kinds = int(y.max()) + 1 if len(y) else 0
    if len(torch.unique(y)) < 2:
        raise InputError(f"{label} has one class only on these events; there is nothing to tell apart")
    if count < how.folds:
        raise InputError(f"{count} sequences cannot be held out in {how.folds} folds; give more sequences")
    fold = torch.randperm(count, generator=torch.Generator().manual_seed(how.seed))[group] % how.folds
    folds = torch.arange(how.folds)[:, None]
    train = torch.where(fold[None] == folds, -1, y)  # [fold event]
    mixed = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(how.seed))]
    mixed_train = torch.where(fold[None] == folds, -1, mixed)
    fit = fit_linear([x], torch.cat([train, mixed_train]), kinds, [Penalty(l2=how.l2)])
    right = _right(fit.weight[: how.folds], fit.intercept[: how.folds], x, y, fold)
    shuffled = _right(fit.weight[how.folds :], fit.intercept[how.folds :], x, mixed, fold)
    common = torch.stack([torch.bincount(t[t >= 0], minlength=kinds).argmax() for t in train])[fold]
    gain = right.double() - (y == common).double()
    p = above_zero(*by_piece(gain.numpy(), group.numpy()))
    full = float(right.double().mean())
    importance = fit.standardised[: how.folds].norm(dim=1).mean(0)  # over all classes: [unit]
    order = importance.argsort(descending=True, stable=True)
    along: list[float] = []
    units: list[int] = []
    accuracy = math.nan
    if p <= LEVEL:
        sizes, accuracy, along = _searched(x, y, fold, kinds, how)
        units = order[: math.ceil(np.median(sizes))].tolist() if sizes else []
    return FunctionalGroup(
        label=label,
        units=units,
        accuracy=accuracy,
        full=full,
        chance=float((y == common).double().mean()),
        shuffled=float(shuffled.double().mean()),
        p=p,
        classes=list(classes) if classes is not None else [str(k) for k in range(kinds)],
        events=len(y),
        sequences=count,
        order=order.numpy(),
        importance=importance.double().numpy(),
        along=along,
    )


def _searched(
    x: Float[Tensor, "event unit"], y: Int[Tensor, " event"], fold: Int[Tensor, " event"], kinds: int, how: Grouping
) -> tuple[list[int], float, list[float]]:
    """The size that each fold needs, the accuracy of these on sequences that chose nothing, and that of each size.

    Fold k is held out. The next one chooses the size, and the others rank the units and train the probes. No size at
    all, and NaN, if some fold finds none.
    """
    sizes: list[int] = []
    right = torch.zeros(len(y), dtype=torch.float64)
    curves: list[list[float]] = []
    most = min(how.most or x.shape[1], x.shape[1])
    for k in range(how.folds):
        held, choosing = fold == k, fold == (k + 1) % how.folds
        train = torch.where(held | choosing, -1, y)[None]
        whole = fit_linear([x], train, kinds, [Penalty(l2=how.l2)])
        order = whole.standardised[0].norm(dim=0).argsort(descending=True, stable=True)
        enough = how.kept * float(_told(whole.weight[0], whole.intercept[0], x[choosing], y[choosing]).mean())
        curve: list[float] = []
        for size in range(1, most + 1):
            part = x[:, order[:size]]
            few = fit_linear([part], train, kinds, [Penalty(l2=how.l2)])
            told = _told(few.weight[0], few.intercept[0], part, y)
            curve.append(float(told[held].mean()))
            if float(told[choosing].mean()) >= enough:
                sizes.append(size)
                right[held] = told[held]
                break
        else:
            return [], math.nan, curve
        curves.append(curve)
    shared = min(map(len, curves))
    return sizes, float(right.mean()), np.mean([curve[:shared] for curve in curves], 0).tolist()


def _told(
    weight: Float[Tensor, "class unit"],
    intercept: Float[Tensor, " class"],
    x: Float[Tensor, "event unit"],
    y: Int[Tensor, " event"],
) -> Float[Tensor, " event"]:
    """1 where a probe is right."""
    return ((x @ weight.T + intercept).argmax(1) == y).double()


def groups_by_class(
    x: Float[Tensor, "event unit"],
    y: Int[Tensor, " event"],
    sequence: Int[Tensor, " event"],
    label: str = "label",
    classes: Sequence[str] | None = None,
    how: Grouping = Grouping(),
) -> list[FunctionalGroup]:
    """One group for each class: this class against all others. Its chance is that of the rarer question."""
    names = list(classes) if classes is not None else [str(k) for k in range(int(y.max()) + 1)]
    found = []
    for k, name in enumerate(names):
        one = torch.where(y >= 0, (y == k).long(), -1)
        if bool((one == 1).any()):
            found.append(functional_group(x, one, sequence, f"{label} {name}", ["other", name], how))
    return found


@dataclass(frozen=True, eq=False)
class Events:
    """Labelled steps of a source, in memory."""

    x: Float[Tensor, "event unit"]
    y: Int[Tensor, " event"]
    sequence: Int[Tensor, " event"]
    position: Int[Tensor, " event"]
    classes: list[str]


def labelled_events(
    source: Source,
    site: str,
    label: str,
    position: int | None = None,
    sequences: Sequence[int] | None = None,
    most: int = 50_000,
) -> Events:
    """The steps of a site at which a label is defined, each value of it a class; at one ``position`` if it is given.

    ``label`` is the name of an annotation or hypothesis, ``position`` for the step itself as the class, or ``token``
    for the token. Memory holds these events: no sequence is read after ``most`` of them. Raises ``InputError`` where
    there is none.
    """
    own = () if label in ("position", "token") else (label,)
    parts: list[tuple[Tensor, ...]] = []
    count = 0
    wanted = source.sequences if sequences is None else sequences
    for chunks in source.chunks([site], own, wanted):
        chunk = chunks[site]
        values = {"position": chunk.position, "token": chunk.tokens}.get(label)
        values = (chunk.labels[label] if values is None else values).double()
        rows = torch.isfinite(values)
        if position is not None:
            rows &= chunk.position == position
        parts.append(
            tuple(v[rows].cpu() for v in (chunk.activations, values, chunk.sequence, chunk.position))
        )  # fmt: skip
        count += len(parts[-1][0])
        if count >= most:
            break
    if not count:
        raise InputError(f"{label} is defined at no step that was read of {source.name}")
    x, values, sequence, place = (torch.cat(column) for column in zip(*parts, strict=True))
    kinds, y = torch.unique(values, return_inverse=True)
    if label == "token":
        names = [source.vocabulary.symbols[int(value)] for value in kinds]
    else:
        names = [f"{float(value):g}" for value in kinds]
    return Events(x.float(), y, sequence, place, names)


def _right(
    weight: Float[Tensor, "fold class unit"],
    intercept: Float[Tensor, "fold class"],
    x: Float[Tensor, "event unit"],
    y: Int[Tensor, " event"],
    fold: Int[Tensor, " event"],
) -> Bool[Tensor, " event"]:
    """Whether each event is told rightly by the probe that has not seen its sequence."""
    right = torch.zeros(len(y), dtype=torch.bool)
    for k in range(len(weight)):
        held = fold == k
        right[held] = (x[held] @ weight[k].T + intercept[k]).argmax(1) == y[held]
    return right
