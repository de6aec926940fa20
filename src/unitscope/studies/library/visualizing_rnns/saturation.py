"""Share of open and shut gates, and the paper's statements about them.

Karpathy, Johnson & Fei-Fei 2015, figure 3: a gate's unit is left-saturated where it is below 0.1 and right-saturated
where it is above 0.9. ``nn.GRU`` has its update gate the other way round (near 1 it keeps the old state), so here its
ends are exchanged, to read as the paper's does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from unitscope.analyses.gate_saturation import GateSaturation, GateSaturationResult
from unitscope.corpus.corpus import Corpus
from unitscope.fold.analyze import analyze
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live
from unitscope.source.source import ALL
from unitscope.views import Group, Scatter, View

GATES = ("input_gate", "forget_gate", "output_gate", "reset_gate", "update_gate")
Shares = tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]
"""Left- and right-saturated share of the characters, for each unit of one gate of one layer."""


@dataclass(frozen=True, eq=False)
class Saturation:
    """The gates of one network."""

    name: str
    gates: Mapping[str, Sequence[Shares]]
    """By gate, one pair for each layer."""

    def left(self, gate: str) -> Float[np.ndarray, " unit"]:
        """Shares over the units of all layers."""
        return np.concatenate([left for left, _ in self.gates[gate]])

    def right(self, gate: str) -> Float[np.ndarray, " unit"]:
        """Shares over the units of all layers."""
        return np.concatenate([right for _, right in self.gates[gate]])

    def by_layer(self, gate: str) -> list[float]:
        """Mean share of characters at either end, for each layer."""
        return [float((left + right).mean()) for left, right in self.gates[gate]]

    def views(self) -> list[View]:
        """One picture for each gate, a colour for each layer."""
        shown: list[View] = []
        for gate, layers in self.gates.items():
            groups = [
                Group(f"layer {n}", right.tolist(), left.tolist(), [f"layer {n}, unit {u}" for u in range(len(left))])
                for n, (left, right) in enumerate(layers, start=1)
            ]
            title = f"{gate.replace('_', ' ').capitalize()}: {self.name}"
            note = "z as the paper writes it, near 1 where the state is renewed" if gate == "update_gate" else ""
            ends = (0.0, 1.0)
            shown.append(Scatter(title, groups, "share > 0.9", "share < 0.1", note=note, xrange=ends, yrange=ends))
        return shown


def saturation(model: ModuleModel, corpus: Corpus, sequences: Sequence[int] = ALL) -> Saturation:
    """Read every gate of a network over a text; networks without gates have none."""
    sites = [site.name for site in model.sites() if site.name.rsplit(".", 1)[-1] in GATES]
    if not sites:
        return Saturation(model.name, {})
    results = analyze(Live(model, corpus, sequences=sequences), [GateSaturation()], sites)
    gates: dict[str, list[Shares]] = {}
    for name in sites:
        result = results[name, GateSaturation().key]
        assert isinstance(result, GateSaturationResult)
        gate = name.rsplit(".", 1)[-1]
        ends = (result.right, result.left) if gate == "update_gate" else (result.left, result.right)
        gates.setdefault(gate, []).append(ends)
    return Saturation(model.name, gates)
