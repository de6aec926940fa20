"""Loss of the network without a found cell, symbol by symbol: a double dissociation shows the role of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from unitscope.asking import Answer
from unitscope.corpus.text import TextCorpus
from unitscope.evidence.used import similar
from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.studies.library.visualizing_rnns.cells import mean_of
from unitscope.views import Field, Table

RANDOM_UNITS = 14
DISSOCIATIONS: tuple[dict[str, str], ...] = (
    {"position-in-line": "\r", "inside-double-quotes": '"'},
    {"position-in-line": "\n", "inside-double-quotes": '"'},
    {"c-block-depth": "}", "inside-parentheses": ")"},
)
"""Two labels, and the symbol that hangs on each. Units are chosen on validation text and judged on test text."""


@dataclass(frozen=True)
class Costs:
    """The rise of the loss at each next symbol, in nats, with one unit held at its mean at every step."""

    model: str
    symbols: Sequence[str]
    units: Mapping[str, str]
    """Address of each unit, by what it stands for."""
    by_unit: Mapping[str, Sequence[float]]
    random: Sequence[Sequence[float]]
    """The same for random units of the same sites whose standard deviations are like theirs."""

    def of(self, name: str, symbol: str) -> float:
        return self.by_unit[name][self.symbols.index(symbol)]

    def most_by_chance(self, symbol: str) -> float:
        """The largest cost among random units."""
        return max(costs[self.symbols.index(symbol)] for costs in self.random)

    def view(self) -> Table:
        fields = [Field("unit held at its mean", "text")]
        fields += [Field(f"cost at {symbol!r}", help="nats per occurrence") for symbol in self.symbols]
        drawn = np.array(self.random)
        rows: list[list[object]] = [[f"{name}: {self.units[name]}", *costs] for name, costs in self.by_unit.items()]
        rows.append([f"{len(drawn)} random units: median", *np.median(drawn, 0).tolist()])
        rows.append([f"{len(drawn)} random units: largest", *drawn.max(0).tolist()])
        return Table(f"What is lost: {self.model}", fields, rows)


def costs(
    model: ModuleModel,
    corpus: TextCorpus,
    units: Mapping[str, str],
    symbols: Sequence[str],
    findings: Answer,
    sequences: Sequence[int],
    seed: int = 0,
) -> Costs:
    """Hold each unit, and random units of the same site and of like deviation, at its mean; ``units`` are addresses.

    ``findings`` hold the means. Sequences should not be those on which the units were chosen.
    """
    targets = torch.cat([_targets(corpus, number) for number in sequences])
    flags = {symbol: targets == corpus.vocabulary.ids[symbol] for symbol in symbols}
    bench = Bench(model, corpus, sequences, flags)

    def held(address: str) -> list[float]:
        site, _, unit = address.rpartition("/")
        damage = bench.damage([Edit(site, (int(unit),), (float(mean_of(findings, site)[int(unit)]),))])
        return [damage.where[symbol].mean for symbol in symbols]

    taken = [tuple(address.rpartition("/")[::2]) for address in units.values()]
    others: list[str] = []
    for site, unit in taken:
        deviation = findings.association(site, chosen=True).std
        own = [int(number) for where, number in taken if where == site]
        count = RANDOM_UNITS // len(taken)
        others += [f"{site}/{other}" for other in similar(deviation, int(unit), own, count, seed).tolist()]
    return Costs(
        model.name,
        symbols,
        units,
        {name: held(address) for name, address in units.items()},
        [held(address) for address in dict.fromkeys(others)],
    )


def _targets(corpus: TextCorpus, number: int) -> torch.Tensor:
    batch = corpus.batch([number])
    return batch.targets[0, int(batch.context[0]) : int(batch.lengths[0])]
