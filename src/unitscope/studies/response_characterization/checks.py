"""The published statements, the numbers behind them, and whether they hold here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unitscope.interventions.ranking import Ranking, rank
from unitscope.studies.check import Check
from unitscope.studies.response_characterization.networks import FREQUENCY, Network
from unitscope.studies.response_characterization.tasks import Task

SIZED = "CO2"
"""The task that networks of every size learn."""
METRICS = ("amplitude", "size of delta", "settling")
PAPER, CALIBRATION = "Hasani et al. 2019, from memory", "calibration runs"


@dataclass(frozen=True)
class Outcome:
    """All networks of a task and a size."""

    task: Task
    units: int
    networks: list[Network]
    ranking: Ranking = field(init=False)

    def __post_init__(self) -> None:
        skilled = all(network.score.skilled for network in self.networks)
        object.__setattr__(self, "ranking", rank(self.pairs, skilled))

    @property
    def pairs(self) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
        """Scores and damages of each network."""
        return [(network.scores, network.damage) for network in self.networks]

    @property
    def name(self) -> str:
        return f"{self.task.name}, {self.units} units"

    def pooled(self, score: str) -> np.ndarray:
        """Of all units of all networks, where it is defined."""
        values = np.concatenate([network.scores[score] for network in self.networks])
        known: np.ndarray = values[np.isfinite(values)]
        return known

    def mean(self, score: str) -> float:
        """Over all units of all networks."""
        return float(self.pooled(score).mean())


def checks_of(outcomes: Sequence[Outcome]) -> list[Check]:
    """Every statement that these networks can be asked about."""
    base = {o.task.name: o for o in outcomes if o.units == 32}
    skilled = [o for o in base.values() if o.ranking.skilled]
    checks = []
    for name, expected in (("digits, 64 steps", "0.42 and 0.49"), (SIZED, "0.46 and 0.49")):
        if name in base:
            row = base[name].ranking["amplitude × readout"]
            statement = f"{name}: amplitude × readout ranks damage (Spearman above 0.25, and not by chance)"
            met = row.rho > 0.25 and row.p < 0.05
            note = f"95 % interval {row.low:.2f} to {row.high:.2f}, p = {row.p:.3f}"
            checks.append(Check(f"ranking-{name}", statement, row.rho, expected, CALIBRATION, met, note))
    for o in skilled:
        rows = [o.ranking[name] for name in ("amplitude", "size of delta")]
        statement = f"{o.task.name}: a larger response means more damage (the interval is above zero)"
        value = ", ".join(f"{row.score} {row.rho:+.2f}" for row in rows)
        met, note = all(row.low > 0 for row in rows), ", ".join(f"{row.low:+.2f} to {row.high:+.2f}" for row in rows)
        checks.append(Check(f"sign-{o.task.name}", statement, value, "positive", PAPER, met, note))
    for o in skilled:
        if o.task.train.classes:
            row = o.ranking["class selectivity"]
            statement = f"{o.task.name}: class selectivity says little of importance (Spearman within 0.3 of zero)"
            note = f"95 % interval {row.low:.2f} to {row.high:.2f}, p = {row.p:.3f}"
            met = abs(row.rho) < 0.3
            checks.append(Check(f"selectivity-{o.task.name}", statement, row.rho, "weak", "Morcos 2018", met, note))
    if skilled:
        share = float((np.concatenate([o.pooled("delta") for o in skilled]) < 0).mean())
        statement = "about half of the units are inhibited by the step"
        checks.append(Check("negative", statement, share, "about 0.5", PAPER, 0.35 <= share <= 0.65))
        frequency = np.concatenate([o.pooled("frequency") for o in skilled])
        share = float((np.abs(frequency - FREQUENCY) <= 1 / 150).mean())
        statement = "almost all units keep the input's frequency"
        checks.append(Check("frequency", statement, share, "above 0.9", PAPER, share > 0.9))
    if "S&P 500" in base:
        warned = not base["S&P 500"].ranking.skilled
        checks.append(Check("no-skill", "S&P 500: no skill, and a warning", warned, "True", CALIBRATION, warned))
    sized = [o for o in outcomes if o.task.name == SIZED]
    return checks + _of_capacity(sized) if len(sized) > 1 else checks


def _of_capacity(sized: Sequence[Outcome]) -> list[Check]:
    checks = []
    sizes = ", ".join(str(o.units) for o in sized)
    for score, direction in (("amplitude", "falls"), ("size of delta", "falls"), ("settling", "rises")):
        means = [o.mean(score) for o in sized]
        steps = np.diff(means)
        met = bool((steps < 0).all()) if direction == "falls" else bool((steps > 0).all())
        value = ", ".join(f"{mean:.3g}" for mean in means)
        statement = f"{SIZED}: mean {score} over {sizes} units {direction}"
        checks.append(Check(f"capacity-{score}", statement, value, direction, PAPER, met))
    rows = [o.ranking["amplitude"] for o in sized]
    value = ", ".join(f"{row.rho:+.2f}" for row in rows)
    statement = f"{SIZED}: the relation of amplitude and damage weakens with size (beyond the last one's interval)"
    note = "; ".join(f"{row.low:+.2f} to {row.high:+.2f}" for row in rows)
    met = bool((np.diff([row.rho for row in rows]) < 0).all()) and rows[-1].high < rows[0].rho
    return [*checks, Check("capacity-relation", statement, value, "falls", PAPER, met, note)]


def figures_of(outcome: Outcome) -> dict[str, Any]:
    """The numbers behind the page."""
    first = outcome.networks[0].score
    quality = "mae" if first.mae == first.mae else "accuracy"
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    largest = [float(network.damage.max()) for network in outcome.networks]
    median = [float(np.median(network.damage)) for network in outcome.networks]
    return {
        quality: [getattr(network.score, quality) for network in outcome.networks],
        "baseline": [network.score.baseline for network in outcome.networks],
        "largest damage": largest,
        "median damage": median,
        "warning": outcome.ranking.warning,
        "spearman": {row.score: [row.rho, row.low, row.high, row.p] for row in outcome.ranking.rows},
        "means": {name: outcome.mean(name) for name in METRICS},
        "standard deviations": {name: float(outcome.pooled(name).std()) for name in METRICS},
        "quantiles 5, 25, 50, 75, 95 %": {name: np.quantile(outcome.pooled(name), shares).tolist() for name in METRICS},
    }
