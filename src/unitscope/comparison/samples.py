"""Are samples that share something nearer to each other than samples that do not, step by step?

A *group* is what sequences may share: their second token, their label. At each step the mean distance of pairs within a
group is divided by that of pairs across groups. Pairs are not independent (each sequence is in many of them), so they
are never the evidence: groups are permuted over sequences, and where there are several runs, runs are tested.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.evidence.permutation import of_draws
from unitscope.source.source import Source
from unitscope.views import Field, Lines, Series, Table, View

MOST = 1000
"""Sequences whose distances are measured; more are thinned out evenly."""
OUTLYING = 2.0
"""Standard deviations over units beyond which a unit is an outlier."""


@dataclass(frozen=True, eq=False)
class SampleDistances:
    """At each step, pairs of sequences that are in one group against pairs that are not."""

    site: str
    steps: list[int]
    """Steps at which there are pairs of both kinds."""
    sequences: Int[np.ndarray, " step"]
    within: Float[np.ndarray, " step"]
    """Mean Euclidean distance of pairs in one group."""
    across: Float[np.ndarray, " step"]
    p: Float[np.ndarray, " step"]
    """Share of the permutations of the groups over sequences with a ratio at least as far from 1."""
    steady: list[list[int]]
    """For each step the units that hardly differ within groups (mean squared difference 2 standard deviations below
    the units' mean, in the logarithm) and do differ across."""
    lively: list[list[int]]
    """For each step the units that differ much within groups, and not across."""

    @property
    def ratio(self) -> Float[np.ndarray, " step"]:
        """Within over across: below 1 where what is shared brings samples together."""
        found: np.ndarray = self.within / self.across
        return found

    def views(self) -> list[View]:
        fields = [
            Field("step", "integer"), Field("sequences", "integer"), Field("within"), Field("across"), Field("ratio"),
            Field("p", "number", "groups permuted over sequences"), Field("steady within", "text"),
            Field("lively within", "text"),
        ]  # fmt: skip
        rows = [
            [
                step, int(self.sequences[k]), float(self.within[k]), float(self.across[k]), float(self.ratio[k]),
                float(self.p[k]), _listed(self.steady[k]), _listed(self.lively[k]),
            ]
            for k, step in enumerate(self.steps)
        ]  # fmt: skip
        x = [float(step) for step in self.steps]
        lines = [Series("within a group", self.within.tolist()), Series("across groups", self.across.tolist())]
        return [
            Table(f"Distances of samples: {self.site}", fields, rows),
            Lines(f"Mean distance of two samples: {self.site}", x, lines, "step", "Euclidean distance"),
        ]


def sample_distances(
    source: Source,
    site: str,
    groups: Sequence[int],
    steps: Sequence[int] | None = None,
    sequences: Sequence[int] | None = None,
    permutations: int = 999,
    seed: int = 0,
) -> SampleDistances:
    """Distances between sequences at each step, by the group of each (one number per sequence; −1 leaves it out).

    ``steps`` are the first 16 if they are not given; shorter sequences drop out of later steps. Memory holds the
    activations of at most 1,000 sequences at these steps. Raises ``InputError`` for groups that do not fit the
    sequences, and where no step has pairs of both kinds.
    """
    wanted = list(source.sequences if sequences is None else sequences)
    if len(groups) != len(wanted):
        raise InputError(f"{len(wanted)} sequences are in {len(groups)} groups; give one group for each sequence")
    kept = [k for k, group in enumerate(groups) if group >= 0]
    kept = kept[:: max(1, math.ceil(len(kept) / MOST))]
    looked = list(range(16) if steps is None else steps)
    group_of = {wanted[k]: groups[k] for k in kept}
    values = _gather(source, site, list(group_of), looked)
    generator = np.random.default_rng(seed)
    rows = []
    for step in looked:
        numbers = [number for number in group_of if (number, step) in values]
        kinds = np.array([group_of[number] for number in numbers], dtype=np.int64)
        same, other = _pairs(kinds)
        if not same.any() or not other.any():
            continue
        x = torch.stack([values[number, step] for number in numbers])  # [sequence unit]
        distance = torch.cdist(x[None], x[None], compute_mode="donot_use_mm_for_euclid_dist")[0].numpy()
        ratio = distance[same].mean() / distance[other].mean()
        drawn = [_ratio(distance, generator.permutation(kinds)) for _ in range(permutations)]
        # On a log scale, twice as near and twice as far are as far from 1.
        p = of_draws(abs(math.log(max(ratio, 1e-300))), np.abs(np.log(np.array(drawn))))
        steady, lively = _outliers(x, kinds)
        rows.append((step, len(numbers), distance[same].mean(), distance[other].mean(), p, steady, lively))
    if not rows:
        raise InputError(f"no step of {source.name} has both pairs of one group and pairs of two")
    found = list(zip(*rows, strict=True))
    return SampleDistances(
        site=site,
        steps=list(found[0]),
        sequences=np.array(found[1]),
        within=np.array(found[2], dtype=np.float64),
        across=np.array(found[3], dtype=np.float64),
        p=np.array(found[4]),
        steady=list(found[5]),
        lively=list(found[6]),
    )


def groups_by_token(source: Source, position: int, sequences: Sequence[int] | None = None) -> list[int]:
    """Groups of sequences that share the token at a position; −1 for sequences that end before."""
    wanted = list(source.sequences if sequences is None else sequences)
    found: dict[int, int] = {}
    for chunks in source.chunks([source.sites[0].name], (), wanted):
        chunk = next(iter(chunks.values()))
        here = chunk.position == position
        found |= dict(zip(chunk.sequence[here].tolist(), chunk.tokens[here].tolist(), strict=True))
    return [found.get(number, -1) for number in wanted]


def _gather(
    source: Source, site: str, sequences: Sequence[int], steps: Sequence[int]
) -> dict[tuple[int, int], Float[Tensor, " unit"]]:
    """The activations of some sequences at some steps."""
    found: dict[tuple[int, int], Tensor] = {}
    looked = torch.tensor(list(steps))
    for chunks in source.chunks([site], (), sequences):
        chunk = chunks[site]
        rows = torch.nonzero(torch.isin(chunk.position.cpu(), looked)).squeeze(1)
        keys = zip(chunk.sequence[rows].tolist(), chunk.position[rows].tolist(), strict=True)
        found |= dict(zip(keys, chunk.activations[rows].cpu().double(), strict=True))
    return found


def _pairs(kinds: Int[np.ndarray, " sequence"]) -> tuple[Bool[np.ndarray, "s s"], Bool[np.ndarray, "s s"]]:
    """Above the diagonal: pairs of one group, and of two."""
    above = np.triu(np.ones((len(kinds), len(kinds)), dtype=bool), 1)
    same = kinds[:, None] == kinds[None, :]
    return same & above, ~same & above


def _ratio(distance: Float[np.ndarray, "s s"], kinds: Int[np.ndarray, " sequence"]) -> float:
    """Within over across, by sums over groups: no mask of pairs is made."""
    _, group = np.unique(kinds, return_inverse=True)
    member = np.zeros((len(kinds), group.max() + 1))
    member[np.arange(len(kinds)), group] = 1
    sizes = member.sum(0)
    inside = float((member * (distance @ member)).sum()) / 2
    total = float(distance.sum()) / 2
    pairs = float((sizes * (sizes - 1)).sum()) / 2
    every = len(kinds) * (len(kinds) - 1) / 2
    across = (total - inside) / (every - pairs)
    return inside / pairs / across if across > 0 else math.inf


def _outliers(x: Float[Tensor, "sequence unit"], kinds: Int[np.ndarray, " sequence"]) -> tuple[list[int], list[int]]:
    """Units whose mean squared difference lies far below or above that of other units within groups, not across."""
    within, across = _squared_differences(x, kinds)
    low_in, high_in = _far(within)
    low_out, high_out = _far(across)
    return np.flatnonzero(low_in & ~low_out).tolist(), np.flatnonzero(high_in & ~high_out).tolist()


def _squared_differences(
    x: Float[Tensor, "sequence unit"], kinds: Int[np.ndarray, " sequence"]
) -> tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]:
    """Mean of (a − b)² of each unit over pairs of one group and of two, from sums: Σ (a − b)² = n Σ a² − (Σ a)²."""

    def over(part: Tensor) -> Tensor:
        return len(part) * part.square().sum(0) - part.sum(0) ** 2

    x = x - x.mean(0)
    parts = [x[torch.from_numpy(kinds == kind)] for kind in np.unique(kinds)]
    inside = torch.stack([over(part) for part in parts]).sum(0)
    pairs = sum(len(part) * (len(part) - 1) for part in parts) / 2
    every = len(x) * (len(x) - 1) / 2
    within, across = inside / pairs, (over(x) - inside) / (every - pairs)
    return within.numpy(), across.numpy()


def _far(values: Float[np.ndarray, " unit"]) -> tuple[np.ndarray, np.ndarray]:
    """Which units lie 2 standard deviations below and above the mean, of logarithms: differences are skewed."""
    logs = np.log(np.maximum(values, 1e-30))
    centre, width = logs.mean(), OUTLYING * logs.std()
    return logs < centre - width, logs > centre + width


def _listed(units: Sequence[int], most: int = 8) -> str:
    shown = ", ".join(map(str, units[:most]))
    return f"{shown}, … {len(units)} in all" if len(units) > most else shown
