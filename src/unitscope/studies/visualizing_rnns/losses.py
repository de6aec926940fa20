"""The table of losses: every network on the held-out text, with intervals, beside what was published."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from unitscope.studies.visualizing_rnns.grid import Member
from unitscope.studies.visualizing_rnns.held_out import Estimate, estimate
from unitscope.studies.visualizing_rnns.published import STATUS, Reference
from unitscope.view import Field, Lines, Series, Table, View

Scores = Mapping[str, Float[np.ndarray, "stretch character"]]
"""Log-probabilities of the held-out characters, by model."""


@dataclass(frozen=True, eq=False)
class Losses:
    """Test losses of networks and n-grams, in nats per character."""

    members: Sequence[Member]
    scores: Scores
    ngrams: Mapping[int, Float[np.ndarray, "stretch character"]]
    """The same by characters of context."""
    reference: Reference | None

    def of(self, member: Member) -> Estimate:
        return estimate(-self.scores[member.name])

    def gap(self, worse: Member, better: Member) -> Estimate:
        """How much more one network loses than another on the same characters."""
        return estimate(self.scores[better.name] - self.scores[worse.name])

    def best(self, members: Sequence[Member]) -> Member:
        """The network that loses least."""
        return min(members, key=lambda member: -float(self.scores[member.name].mean(dtype=np.float64)))

    def pick(self, cell: str, layers: int, row: int, protocol: str = "modern") -> Member | None:
        """The network of this place in the grid, with the protocol's own forget bias."""
        own = {"modern": 1.0, "paper": 0.0}
        for m in self.members:
            usual = cell != "lstm" or m.forget_bias == own.get(protocol)
            if (m.cell, m.layers, m.row, m.protocol) == (cell, layers, row, protocol) and usual:
                return m
        return None

    def views(self) -> list[View]:
        return [self._table(), *self._seeds(), *self._ngrams(), self._learning()]

    def _table(self) -> Table:
        fields = [
            Field("network", "text"),
            Field("cell", "text"),
            Field("layers", "integer"),
            Field("row", "integer", "budget: as many weights as a one-layer LSTM of so many units"),
            Field("units", "integer", "of each layer"),
            Field("weights", "integer"),
            Field("protocol", "text"),
            Field("epochs", "integer"),
            Field("validation", help="nats per character, of the epoch that was kept"),
            Field("test", help="nats per character"),
            Field("95 %", "text", "bootstrap over the stretches of the test text"),
            Field("bits", help="test loss in bits per character"),
        ]
        if self.reference:
            fields.append(Field("published", help=f"test, nats; {STATUS}"))
        rows = []
        for m in sorted(self.members, key=lambda m: (m.row, m.layers, m.cell, m.protocol)):
            loss = self.of(m)
            row = [m.name, m.cell, m.layers, m.row, m.card.network.units, m.size, m.protocol, len(m.history)]
            row += [m.validation, loss.mean, f"{loss.low:.3f} to {loss.high:.3f}", loss.mean / math.log(2)]
            rows.append([*row, self.reference.loss(m.cell, m.layers, m.row)] if self.reference else row)
        return Table("Test loss", fields, rows)

    def _seeds(self) -> list[View]:
        """Where networks differ in nothing but their first weights: how far they lie apart."""
        alike: dict[tuple[object, ...], list[Member]] = {}
        for m in self.members:
            bias = m.forget_bias if m.cell == "lstm" else None
            alike.setdefault((m.row, m.layers, m.cell, m.protocol, bias, len(m.history)), []).append(m)
        groups = [group for _, group in sorted(alike.items(), key=lambda item: item[0][:4]) if len(group) > 1]
        if not groups:
            return []
        fields = [
            Field("network", "text"),
            Field("seeds", "integer"),
            Field("mean", help="of the test losses, nats per character"),
            Field("deviation", help="standard deviation over the seeds"),
            Field("lowest"),
            Field("highest"),
        ]
        rows = []
        for group in groups:
            found = [self.of(m).mean for m in group]
            rows.append([group[0].name, len(group), np.mean(found), np.std(found, ddof=1), min(found), max(found)])
        return [Table("Test loss over seeds", fields, rows)]

    def _ngrams(self) -> list[View]:
        if not self.ngrams:
            return []
        found = {context: estimate(-scores) for context, scores in self.ngrams.items()}
        fields = [Field("characters of context", "integer"), Field("test"), Field("95 %", "text"), Field("calibrated")]
        known = self.reference.ngrams if self.reference else {}
        rows = [
            [context, loss.mean, f"{loss.low:.3f} to {loss.high:.3f}", known.get(context, float("nan"))]
            for context, loss in found.items()
        ]
        note = "interpolated modified Kneser-Ney; calibrated: the same measured before on this file"
        return [Table("n-grams", fields, rows, note=note)]

    def _learning(self) -> Lines:
        most = max((len(m.history) for m in self.members), default=0)
        series = [
            Series(m.name, [h["validation"] for h in m.history] + [float("nan")] * (most - len(m.history)))
            for m in self.members
        ]
        epochs = [float(n + 1) for n in range(most)]
        return Lines("Validation loss while learning", epochs, series, "epoch", "nats per character")
