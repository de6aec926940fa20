"""Does a network know where in the sequence it is? Regression of a number of each step on the units.

The number is the step itself, or any label that is a number: a count, a depth. Everything follows from running sums of
products (``Gram``), one for each fold of whole sequences: the fit of all units, of every single unit, of all but one,
and of units added one at a time, each judged on sequences that it has not seen. No activation is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.ridge import Gram
from unitscope.source.source import Source
from unitscope.views import Field, Group, Lines, Scatter, Series, Table, View

FOLDS = 10


@dataclass(frozen=True, eq=False)
class StepPrediction:
    """Mean squared errors on held-out sequences, in squared units of what is predicted."""

    site: str
    label: str
    tokens: int
    sequences: int
    variance: float
    """Of the number itself: the error of always saying its mean."""
    full: float
    """Of a fit of all units."""
    single: Float[np.ndarray, " unit"]
    """Of each unit alone."""
    left_out: Float[np.ndarray, " unit"]
    """By how much the full error rises without the unit, all others fitted again."""
    order: Int[np.ndarray, " chosen"]
    """Units in the order of the greedy choice on all sequences."""
    stepwise: Float[np.ndarray, " chosen"]
    """Error of the first 1, 2, … units, chosen anew in each fold without its held-out sequences."""

    @property
    def r2(self) -> float:
        """Held-out share of the variance that all units explain."""
        return 1 - self.full / self.variance if self.variance > 0 else float("nan")

    def to_pandas(self) -> pd.DataFrame:
        """One row per unit."""
        return pd.DataFrame(
            {"site": self.site, "unit": range(len(self.single)), "single": self.single, "left out": self.left_out}
        )

    def views(self) -> list[View]:
        fields = [
            Field("site", "text"), Field("number", "text"), Field("variance", "number", "the error of saying the mean"),
            Field("all units"), Field("R²"), Field("best unit", "unit"), Field("its error"),
            Field("units below half of the variance", "integer"), Field("largest rise without a unit"),
        ]  # fmt: skip
        best = int(np.nanargmin(self.single))
        row = [
            self.site, self.label, self.variance, self.full, self.r2, f"{self.site}/{best}", float(self.single[best]),
            int((self.single < self.variance / 2).sum()), float(np.nanmax(self.left_out)),
        ]  # fmt: skip
        note = f"mean squared errors on held-out sequences; {self.tokens:,} steps of {self.sequences:,} sequences"
        ranked = np.sort(self.single)
        x = [float(n) for n in range(1, len(ranked) + 1)]
        flat = [("all units", self.full), ("saying the mean", self.variance)]
        names = [f"{self.site}/{u}" for u in range(len(self.single))]
        added = [float(n) for n in range(1, len(self.stepwise) + 1)]
        return [
            Table(f"Predicting {self.label}", fields, [row], note=note),
            Lines(
                f"{self.label} from one unit: units by their error", x,
                [Series("one unit", ranked.tolist()), *(Series(name, [y] * len(x)) for name, y in flat)],
                "units", "mean squared error",
            ),
            Lines(
                f"{self.label} from the best units, added one at a time", added,
                [Series("first units", self.stepwise.tolist()), *(Series(name, [y] * len(added)) for name, y in flat)],
                "units", "mean squared error",
            ),
            Scatter(
                f"{self.label}: alone, and left out",
                [Group("units", self.single.tolist(), self.left_out.tolist(), names)],
                "error of the unit alone", "rise of the error without it",
            ),
        ]  # fmt: skip


def predict_step(
    source: Source,
    site: str,
    label: str = "position",
    l2: float = 1.0,
    folds: int = FOLDS,
    most: int = 32,
    sequences: Sequence[int] | None = None,
) -> StepPrediction:
    """Predict the step (or the number ``label``, where it is defined) from the units of a site, by ridge regression.

    ``most`` is how many units are added one at a time. One pass over the source; memory holds the products of the units
    ``folds`` times. Raises ``InputError`` for fewer sequences than folds, and for a number that is always the same.
    """
    own = () if label == "position" else (label,)
    wanted = list(source.sequences if sequences is None else sequences)
    if len(wanted) < folds or folds < 2:
        raise InputError(f"{len(wanted)} sequences cannot be held out in {folds} folds; give more, or fewer folds")
    fold_of = {number: rank % folds for rank, number in enumerate(wanted)}
    grams: list[Gram] | None = None
    for chunks in source.chunks([site], own, wanted):
        chunk = chunks[site]
        y = (chunk.position if label == "position" else chunk.labels[label]).double().cpu()
        fold = torch.tensor([fold_of[number] for number in chunk.sequence.tolist()], dtype=torch.int64)
        known = torch.isfinite(y)
        x = chunk.activations.cpu()
        grams = grams or [Gram.empty(x.shape[1], 1) for _ in range(folds)]
        for k in fold[known].unique().tolist():
            rows = known & (fold == k)
            grams[k] = grams[k].merge(Gram.of(x[rows], y[rows, None]))
    assert grams is not None
    return from_grams(site, label, grams, len(wanted), l2, most)


def from_grams(
    site: str, label: str, grams: Sequence[Gram], sequences: int = 0, l2: float = 1.0, most: int = 32
) -> StepPrediction:
    """The same from one ``Gram`` per fold, of one value. Raises ``InputError`` where that value does not vary."""
    whole = _merged(grams)
    if whole.count < 2 or float(whole.yy) <= 1e-12 * (float(whole.yy) + whole.count * float(whole.y) ** 2):
        raise InputError(f"{label} is the same at every step that was read; there is nothing to predict")
    order = whole.forward(most, l2)
    units = len(whole.x)
    full, tokens = 0.0, 0
    single, without = torch.zeros(units, dtype=torch.float64), torch.zeros(units, dtype=torch.float64)
    stepwise = torch.zeros(len(order), dtype=torch.float64)
    for k, held in enumerate(grams):
        train = _merged([gram for number, gram in enumerate(grams) if number != k])
        if not held.count or train.count < 2:
            continue
        tokens += held.count
        inverse = torch.linalg.pinv(train.xx + l2 * torch.eye(units, dtype=torch.float64), hermitian=True)
        weight = inverse @ train.xy  # [unit 1]
        full += float(_squared_error(train, held, weight)[0])
        # Without unit u the others' weights are w − A⁻¹ᵤ·(wᵤ / A⁻¹ᵤᵤ): one fit per column.
        spread = inverse.diagonal().clamp(min=1e-300)
        without += _squared_error(train, held, weight - inverse * (weight[:, 0] / spread))
        alone = train.xy[:, 0] / (train.xx.diagonal() + l2).clamp(min=1e-300)
        single += _squared_error(train, held, torch.diag(alone))
        chosen = train.forward(len(order), l2)
        for size in range(1, len(order) + 1):
            # A fold that runs out of units that are not copies stays with those it has.
            stepwise[size - 1] += _error_of(train, held, chosen[:size], l2)
    return StepPrediction(
        site=site,
        label=label,
        tokens=whole.count,
        sequences=sequences,
        variance=float(whole.yy) / whole.count,
        full=full / tokens,
        single=(single / tokens).numpy(),
        left_out=((without - full) / tokens).numpy(),
        order=order.numpy(),
        stepwise=(stepwise / tokens).numpy(),
    )


def _merged(grams: Sequence[Gram]) -> Gram:
    whole = grams[0]
    for gram in grams[1:]:
        whole = whole.merge(gram)
    return whole


def _squared_error(train: Gram, held: Gram, weight: Float[Tensor, "unit fit"]) -> Float[Tensor, " fit"]:
    """Sum of squared errors on held-out steps of fits to one value, with the intercepts of the training steps."""
    inside = (weight * (held.xx @ weight)).sum(0) - 2 * (weight * held.xy).sum(0) + held.yy
    offset = (held.y - train.y) - (held.x - train.x) @ weight
    total: Tensor = inside + held.count * offset.square()
    return total


def _error_of(train: Gram, held: Gram, units: Int[Tensor, " chosen"], l2: float) -> float:
    matrix = train.xx[units][:, units] + l2 * torch.eye(len(units), dtype=torch.float64)
    weight = torch.zeros(len(train.x), 1, dtype=torch.float64)
    weight[units] = torch.linalg.solve(matrix, train.xy[units])
    return float(_squared_error(train, held, weight)[0])
