"""Simulation scores: how well an explanation's activations resemble the unit's on data that it has not seen.

Bills et al. 2023 let a language model simulate a unit from its explanation. Here an explanation is a label (a concept,
a formula, a hypothesis), and it simulates the unit by two values learnt from other data: the unit's mean where the
label holds, and elsewhere. The score is the correlation over **all tokens of all texts joined**, not the mean of the
correlations of single texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.analyses._pairs import pearson
from unitscope.concepts.measures import find_measure
from unitscope.concepts.pair_rows import pair_rows
from unitscope.concepts.pairs import Hypotheses, Pairs, Scale

NAME = "simulation"
UNKNOWN = "the unit or the label never changes in one half"
_CORRELATION = find_measure("correlation")


@dataclass(frozen=True, eq=False)
class Simulator:
    """Two values for each unit and label."""

    holds: Float[Tensor, "unit hypothesis"]
    elsewhere: Float[Tensor, "unit hypothesis"]

    @classmethod
    def learnt(cls, pairs: Pairs) -> "Simulator":
        """From the sums over training tokens."""
        s = pairs.of_units(0, pairs.units)
        shift = pairs.scale.x_shift.double()[:, None]
        return cls(s.x_flagged / s.flagged + shift, (s.x - s.x_flagged) / (s.n - s.flagged) + shift)

    def simulate(
        self, flags: Float[Tensor, "token unit"], chosen: Float[Tensor, " unit"] | Tensor
    ) -> Float[Tensor, "token unit"]:
        """What each unit should be, from the flag of the label ``chosen[unit]`` at each token."""
        unit = torch.arange(len(chosen))
        holds, elsewhere = self.holds[unit, chosen], self.elsewhere[unit, chosen]
        return elsewhere + flags.double() * (holds - elsewhere)


@dataclass
class Simulation:
    """Running sums of real and simulated activations of each unit, over tokens of any texts."""

    units: int
    n: float = 0.0
    sums: Float[Tensor, "sum unit"] = field(init=False)
    """Σr Σs Σr² Σs² Σrs Σ|r−s| Σ|r|, r being real and s simulated."""

    def __post_init__(self) -> None:
        self.sums = torch.zeros(7, self.units, dtype=torch.float64)

    def update(self, real: Float[Tensor, "token unit"], simulated: Float[Tensor, "token unit"]) -> None:
        """Add tokens."""
        r, s = real.double(), simulated.double()
        self.n += len(r)
        parts = (r, s, r * r, s * s, r * s, (r - s).abs(), r.abs())
        self.sums += torch.stack([part.sum(0) for part in parts]).cpu()

    def merge(self, other: "Simulation") -> "Simulation":
        """New sums, as if the tokens of ``other`` had followed."""
        both = Simulation(self.units)
        both.n, both.sums = self.n + other.n, self.sums + other.sums
        return both

    def correlation(self) -> Float[np.ndarray, " unit"]:
        """Pearson's r over all tokens joined; NaN where either side is constant."""
        r, s, rr, ss, rs = self.sums[:5]
        found: np.ndarray = pearson(torch.tensor(self.n, dtype=torch.float64), r, s, rr, ss, rs).numpy()
        return found

    def explained(self) -> Float[np.ndarray, " unit"]:
        """1 − Σ(r − s)² / Σr², without centring; NaN for a unit that is always 0."""
        _, _, rr, ss, rs = self.sums[:5]
        return _share(rr - 2 * rs + ss, rr)

    def explained_absolute(self) -> Float[np.ndarray, " unit"]:
        """1 − Σ|r − s| / Σ|r|; NaN for a unit that is always 0."""
        return _share(self.sums[5], self.sums[6])


def _share(left: Tensor, whole: Tensor) -> Float[np.ndarray, " unit"]:
    found: np.ndarray = torch.where(whole > 0, 1 - left / whole, torch.nan).numpy()
    return found


class Simulated:
    """The score as a measure: a straight line from each label to each unit is learnt on every other batch, and scored
    on the rest.

    Of a flag the line has two values, as ``Simulator``. Pearson's r does not change with a line but for its direction,
    so the score is r on the held-out tokens with the sign of r where the line was learnt.
    """

    def __init__(self, hypotheses: Hypotheses, units: Mapping[str, Int[np.ndarray, " unit"]], sequences: int) -> None:
        self.hypotheses = hypotheses
        self.units = units
        self.sequences = sequences
        self.learnt: dict[str, Pairs] = {}
        self.held: dict[str, Pairs] = {}
        self.part: dict[str, Pairs] = {}
        self.batch = -1
        self.taken = 0

    @property
    def full(self) -> bool:
        return False

    def take(
        self,
        batch: int,
        sequence: Int[Tensor, " token"],
        x: Mapping[str, Float[Tensor, "token unit"]],
        y: Float[Tensor, "token hypothesis"],
    ) -> None:
        """Add tokens to the half of their batch."""
        if batch != self.batch:
            self._end()
            self.batch = batch
        for site, values in x.items():
            if site not in self.learnt:
                pairs = Pairs(values.shape[1], self.hypotheses, Scale.of(values, y, self.hypotheses, ()))
                self.learnt[site], self.held[site], self.part[site] = pairs, pairs.fresh(), pairs.fresh()
            (self.part if batch % 2 else self.learnt)[site].update(values, y)
        self.taken += len(torch.unique_consecutive(sequence))

    def _end(self) -> None:
        """Count a held-out batch."""
        if self.batch % 2:
            for site, part in self.part.items():
                self.held[site].add(part)
                self.part[site] = part.fresh()
        self.batch = -1

    def table(self) -> pd.DataFrame:
        """A row for each unit and hypothesis."""
        self._end()
        frames = []
        for site, numbers in self.units.items():
            known, held = _CORRELATION(self.learnt[site]), _CORRELATION(self.held[site])
            value = np.sign(known) * held
            note = np.where(np.isnan(value), UNKNOWN, "").astype(object)
            frames.append(
                pair_rows(
                    site,
                    numbers,
                    self.hypotheses.names,
                    NAME,
                    value=value,
                    note=note,
                )
            )
        return pd.concat(frames, ignore_index=True).assign(read=self.taken / self.sequences)
