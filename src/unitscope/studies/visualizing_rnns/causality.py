"""What the network loses without a found cell, symbol by symbol: a double dissociation shows what each is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from unitscope.asking import Answer
from unitscope.corpus.text import TextCorpus
from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.studies.visualizing_rnns.cells import mean_of
from unitscope.view import Field, Table

RANDOM_UNITS = 14


@dataclass(frozen=True)
class Costs:
    """The rise of the loss at each next symbol, in nats, with one unit held at its mean at every step."""

    model: str
    symbols: Sequence[str]
    units: Mapping[str, str]
    """Address of each unit, by what it stands for."""
    by_unit: Mapping[str, Sequence[float]]
    random: Sequence[Sequence[float]]
    """The same for random units of the same sites."""

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
    """Hold each unit, and random units of the same sites, at its mean; ``units`` are addresses by name.

    ``findings`` hold the means. Sequences should not be those on which the units were chosen.
    """
    targets = torch.cat([_targets(corpus, number) for number in sequences])
    flags = {symbol: targets == corpus.vocabulary.ids[symbol] for symbol in symbols}
    bench = Bench(model, corpus, sequences, flags)

    def held(address: str) -> list[float]:
        site, _, unit = address.rpartition("/")
        damage = bench.damage([Edit(site, (int(unit),), (float(mean_of(findings, site)[int(unit)]),))])
        return [damage.where[symbol].mean for symbol in symbols]

    drawn = np.random.default_rng(seed)
    sites = sorted({address.rpartition("/")[0] for address in units.values()})
    others = [f"{site}/{unit}" for site in sites for unit in range(len(mean_of(findings, site)))]
    others = [others[at] for at in drawn.permutation(len(others)).tolist() if others[at] not in units.values()]
    return Costs(
        model.name,
        symbols,
        units,
        {name: held(address) for name, address in units.items()},
        [held(address) for address in others[:RANDOM_UNITS]],
    )


def _targets(corpus: TextCorpus, number: int) -> torch.Tensor:
    batch = corpus.batch([number])
    return batch.targets[0, int(batch.context[0]) : int(batch.lengths[0])]
