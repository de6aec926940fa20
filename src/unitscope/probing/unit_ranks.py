"""Where each unit of a site stands when units are ranked by what they tell of a label."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.probing.rankings import by_weight, probeless
from unitscope.views import Field, Table


@dataclass(frozen=True)
class UnitRanks:
    """Ranks of units for one site and label; the best unit has rank 1."""

    site: str
    label: str
    by_weight: Sequence[int]
    """Rank by the linear probe's weight mass (``rankings.by_weight``)."""
    by_means: Sequence[int]
    """Rank by the distances of the class means of standardised units (``rankings.probeless``); no probe is trained."""
    speaks_for: Sequence[str]
    """The class to which the probe gives the unit the largest share of its weight."""
    share: Sequence[float]
    """That share of the class's weight mass."""

    @classmethod
    def of(
        cls,
        site: str,
        label: str,
        classes: Sequence[str],
        weight: Float[Tensor, "class unit"],
        x: Float[Tensor, "word unit"],
        y: Int[Tensor, " word"],
    ) -> "UnitRanks":
        """From a probe's weights of standardised units, and the words it was fitted on."""
        size = weight.abs()
        share, best = (size / size.sum(1, keepdim=True).clamp(min=1e-30)).max(0)
        spread = x.std(0).clamp(min=1e-30)
        means = probeless(x, y, len(classes)) / spread
        return cls(
            site,
            label,
            _ranks(by_weight(weight)),
            _ranks(means.argsort(descending=True, stable=True)),
            [classes[k] for k in best.tolist()],
            [round(value, 5) for value in share.tolist()],
        )


def ranks_view(ranks: Sequence[UnitRanks], unit: int) -> Table:
    """One unit's ranks, a row per label."""
    fields = [
        Field("label", "text"),
        Field("rank by weight", "text", "by the weight mass of a linear probe of the site"),
        Field("rank by means", "text", "by the distances of the class means; no probe is trained"),
        Field("speaks for", "text", "the class to which the probe gives the unit the largest share of its weight"),
        Field("share", "share", "of that class's weight mass; all units equal would be 1 / units"),
    ]
    rows = [
        [
            r.label,
            f"{r.by_weight[unit]} of {len(r.share)}",
            f"{r.by_means[unit]} of {len(r.share)}",
            r.speaks_for[unit],
            r.share[unit],
        ]
        for r in ranks
    ]
    return Table("What probes read from it", fields, rows)


def _ranks(order: Int[Tensor, " unit"]) -> list[int]:
    out = torch.empty_like(order)
    out[order] = torch.arange(1, len(order) + 1)
    return out.tolist()
