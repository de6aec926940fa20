"""Everything that is known of one network of the zoo, and of pairs of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from unitscope.comparison.samples import SampleDistances, groups_by_token, sample_distances
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.probing.groups import FunctionalGroup
from unitscope.probing.steps import StepPrediction, predict_step
from unitscope.studies.machine_analysis.causal import Ablation, Curve, ablate, ablate_along
from unitscope.studies.machine_analysis.groups import ATTENDED, QUESTIONS, TABLE, groups
from unitscope.studies.machine_analysis.measures import ANALYSES, Measures, measure
from unitscope.studies.machine_analysis.states import PARTS, Exactness, exactness, sources, states
from unitscope.studies.machine_analysis.zoo import Material, Run

ABLATED = (TABLE, ATTENDED)
"""The groups that are taken out of the networks."""
PERMUTATIONS = 199
MOST_ADDED = 8
"""Units that are added one at a time to tell the step."""


@dataclass(frozen=True)
class Examined:
    """One network."""

    run: Run
    exactness: Exactness
    results: ResultSet
    measures: Measures
    time: dict[str, StepPrediction]
    """By part."""
    similar: dict[str, SampleDistances]
    """Of sources with one table in common."""
    groups: dict[str, FunctionalGroup]
    ablations: dict[str, Ablation]
    curve: Curve
    """Without ever more of the encoder's units, in the order in which they tell the table."""


def examine(run: Run, material: Material) -> Examined:
    """Everything of one network, from one reading of each part for each question."""
    model = run.model(max(len(pair.source) for pair in material.held_out))
    read = sources(model, material)
    found = states(model, material)
    results = analyze(read["encoder"], ANALYSES)
    results.entries |= analyze(read["decoder"], ANALYSES, ["decoder.*"]).entries
    time = {part: predict_step(read[part], f"{part}.hidden", most=MOST_ADDED) for part in PARTS}
    similar = {
        what: sample_distances(
            read["encoder"], "encoder.hidden", groups_by_token(read["encoder"], place), permutations=PERMUTATIONS
        )
        for what, place in (("same first table", 1), ("same second table", 2))
    }
    grouped = groups(read)
    ablations = {
        name: ablate(run, name, QUESTIONS[name].site, grouped[name].units, found[QUESTIONS[name].site], material)
        for name in ABLATED
        if grouped[name].found
    }
    hidden = QUESTIONS[TABLE].site
    curve = ablate_along(run, hidden, grouped[TABLE].order.tolist(), found[hidden], material)
    numbers = measure(found, results, time, similar)
    return Examined(run, exactness(model, material), results, numbers, time, similar, grouped, ablations, curve)


@dataclass(frozen=True)
class Pair:
    """Two networks that began with the same weights."""

    baseline: Examined
    guided: Examined


def pairs(zoo: Sequence[Examined], cell: str) -> list[Pair]:
    """By seed."""
    by = {(e.run.kind, e.run.seed): e for e in zoo if e.run.cell == cell}
    return [Pair(by["baseline", seed], by["guided", seed]) for kind, seed in by if kind == "guided"]


@dataclass(frozen=True)
class Compared:
    """One number of all pairs."""

    baseline: list[float]
    guided: list[float]

    @classmethod
    def of(cls, found: Sequence[Pair], number: Callable[[Examined], float]) -> "Compared":
        return cls([number(pair.baseline) for pair in found], [number(pair.guided) for pair in found])

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self.baseline, self.guided, strict=True)

    @property
    def larger(self) -> bool:
        """Whether the guided network has more in every pair."""
        return all(guided > baseline for baseline, guided in self)

    @property
    def means(self) -> tuple[float, float]:
        return sum(self.baseline) / len(self.baseline), sum(self.guided) / len(self.guided)

    def __str__(self) -> str:
        baseline, guided = self.means
        return f"{guided:.3g} against {baseline:.3g}"
