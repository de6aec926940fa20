"""Response characterization: do the dynamics of a unit say what the network loses without it?

After Hasani, Amini, Lechner, Naser, Grosu & Rus 2019 (arXiv 1809.03864): LSTMs are trained on digits read pixel by
pixel and row by row, on the carbon dioxide of Mauna Loa, on the S&P 500 and on protein secondary structure; each unit
is taken apart and driven by a step and a sine; the scores made from its responses are set against the damage of
ablating it, beside scores that need no response at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from unitscope.analyses.importance import Importance, ImportanceResult
from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.analyses.response import ResponseResult
from unitscope.analyze import analyze
from unitscope.corpus.drives import DriveCorpus, Ends, sine, step
from unitscope.corpus.series import SeriesCorpus, forecasting, labelled, labelled_steps, read_table
from unitscope.errors import InputError
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.layers import find_layer
from unitscope.interventions.ranking import Ranking, rank, with_baselines
from unitscope.interventions.responses import respond
from unitscope.interventions.screen import gradients
from unitscope.models.networks.series import Score, evaluate, fit, network, series_model
from unitscope.recording.live import Live
from unitscope.report.html import write_html
from unitscope.report.page import Section, UnitTable, build_page
from unitscope.resultset import ResultSet
from unitscope.studies.check import Check, Progress, checks_table, write_results
from unitscope.view import Field, Group, Lines, Scatter, Series, Table, View

NAME = "response-characterization"
SITE, FREQUENCY = "rnn.0.hidden", 0.05


@dataclass(frozen=True)
class Task:
    """Data to learn, and how long."""

    name: str
    train: SeriesCorpus
    test: SeriesCorpus
    epochs: int
    low: float
    """Where the drives of every channel begin and end, in the units that the network reads."""
    high: float
    seeds: int
    most: int = 400
    """Test sequences on which units are ablated."""
    rate: float = 3e-3

    @property
    def measure(self) -> str:
        return "loss" if self.train.classes else "deviation"


@dataclass(frozen=True)
class Network:
    """One trained network, described."""

    score: Score
    results: ResultSet
    scores: dict[str, Float[np.ndarray, " unit"]]
    damage: Float[np.ndarray, " unit"]


@dataclass(frozen=True)
class Outcome:
    """All networks of a task and a size."""

    task: Task
    units: int
    networks: list[Network]
    ranking: Ranking = field(init=False)

    def __post_init__(self) -> None:
        skilled = all(network.score.skilled for network in self.networks)
        pairs = [(network.scores, network.damage) for network in self.networks]
        object.__setattr__(self, "ranking", rank(pairs, skilled, draws=500))

    def mean(self, score: str) -> float:
        """Over all units of all networks."""
        return float(np.nanmean(np.concatenate([network.scores[score] for network in self.networks])))


def digits(data: Path | None, steps: int) -> SeriesCorpus:
    """The 1,797 digits of scikit-learn, or ``digits.csv.gz`` of the data folder: 64 pixels or 8 rows of 8."""
    if data is not None and (data / "digits.csv.gz").exists():
        frame = pd.read_csv(data / "digits.csv.gz", header=None)
        table = frame.rename(columns={frame.columns[-1]: "digit"})
    else:
        try:
            from sklearn.datasets import load_digits  # type: ignore[import-untyped]
        except ImportError as error:
            raise InputError("the digits come with scikit-learn: pip install scikit-learn") from error
        given = load_digits()
        table = pd.DataFrame(given.data).assign(digit=given.target)
    pixels = table.drop(columns="digit") / 16
    return labelled(pixels.assign(digit=table["digit"].astype(int)), "digit", steps, name=f"digits in {steps} steps")


def tasks(data: Path | None, seeds: int) -> list[Task]:
    """Digits always; the others where ``data`` has their files. Raises ``InputError`` for a folder without any."""
    found = []
    for steps, epochs in ((64, 20), (8, 12)):
        corpus = digits(data, steps)
        order = np.random.default_rng(0).permutation(len(corpus)).tolist()
        train, test = corpus.take(order[:1347]), corpus.take(order[1347:])
        found.append(Task(f"digits, {steps} steps", train, test, epochs, 0.0, 1.0, min(seeds, 2)))
    if data is None:
        return found
    if not data.is_dir():
        raise InputError(f"{data} is no folder; give the one with co2-mm-mlo.csv and the others")
    if (path := data / "co2-mm-mlo.csv").exists():
        values = read_table(path)["Average"]
        rise = pd.DataFrame({"rise": values[values > 0].diff().dropna()})
        found.append(Task("CO2", *forecasting(rise, ["rise"], window=24, name="CO2"), 15, -1.0, 1.0, seeds))
    for path in sorted(data.glob("sp500*.csv")):
        change = pd.DataFrame({"change": np.log(read_table(path)["SP500"]).diff().dropna()})
        found.append(Task("S&P 500", *forecasting(change, ["change"], window=24, name="S&P 500"), 8, -1.0, 1.0, 2))
    if (path := data / "protein-ts115.csv").exists():
        corpus = proteins(read_table(path))
        found.append(
            Task("protein structure", corpus.take(range(92)), corpus.take(range(92, 115)), 20, 0.0, 1.0, 1, rate=1e-2)
        )
    return found


def proteins(table: pd.DataFrame) -> SeriesCorpus:
    """One residue per step, one channel per amino acid; helix, strand or coil at each."""
    letters = sorted(set("".join(table["seq"])))
    rows = [
        {"id": number, "structure": said, **{letter: float(letter == residue) for letter in letters}}
        for number, (sequence, structure) in enumerate(zip(table["seq"], table["dssp3"], strict=True))
        for residue, said in zip(sequence, structure, strict=True)
    ]
    return labelled_steps(pd.DataFrame(rows), "id", letters, "structure", name="protein structure")


def characterize(task: Task, units: int, seed: int) -> Network:
    """Train, drive, ablate."""
    net = network(task.train, "lstm", units, seed)
    fit(net, task.train, task.epochs, task.rate, seed=seed)
    model = series_model(net, task.train)
    channels = len(task.train.channels)
    ends = Ends(torch.full((1, channels), task.low), torch.full((1, channels), task.high))
    drives = DriveCorpus([step(), sine(frequency=FREQUENCY)], ends)
    results = respond(find_layer(model, "rnn.0"), drives, streams=["hidden"])
    stepped, waved = list(results)
    assert isinstance(stepped, ResponseResult)
    assert isinstance(waved, ResponseResult)
    sequences = range(min(len(task.test), task.most))
    ablated = analyze(Ablated(model, task.test, SITE, task.measure, sequences=sequences), [Importance(task.measure)])
    results.entries |= ablated.entries
    (damage,) = ablated
    assert isinstance(damage, ImportanceResult)
    moments = analyze(Live(model, task.test, sequences=sequences), [Moments()], [SITE])[SITE, Moments().key]
    assert isinstance(moments, MomentsResult)
    metrics = {
        "amplitude": waved.metric("amplitude"),
        "size of delta": np.abs(stepped.metric("delta")),
        "settling": stepped.metric("settling"),
    }
    readout = net.head.weight.detach().norm(dim=0).numpy().astype(np.float64)
    slope = gradients(model, task.test, SITE, sequences)
    scores = with_baselines(metrics, readout, moments.std, slope, seed)
    scores["delta"] = stepped.metric("delta")
    scores["frequency"] = waved.metric("frequency")
    return Network(evaluate(net, task.train, task.test), results, scores, damage.mean)


def run(
    out: Path,
    show: Progress,
    *,
    data: Annotated[Path | None, "folder with the study's data files; without it, what needs none"] = None,
    seeds: Annotated[int, "networks that are trained for each task, at most"] = 4,
) -> list[Check]:
    """Do the dynamics of a unit say what the network loses without it?

    For example: `unitscope study response-characterization --out study --data series`
    """
    if seeds < 1:
        raise InputError(f"at least one network is trained, not {seeds}")
    found = tasks(data, seeds)
    sizes = [(task, 32) for task in found] + [
        (task, units) for task in found if task.name == "CO2" for units in (64, 128)
    ]
    outcomes = []
    for done, (task, units) in enumerate(sizes):
        outcomes.append(Outcome(task, units, [characterize(task, units, seed) for seed in range(task.seeds)]))
        show("training, driving, ablating", done + 1, len(sizes))
    checks = checks_of(outcomes)
    figures = {f"{o.task.name}, {o.units} units": figures_of(o) for o in outcomes}
    write_results(out / "results.json", NAME, range(seeds), checks, figures)
    sections = [Section("checks", "What held", (__doc__ or "").split("\n\n", 1)[1], [checks_table(checks)])]
    sections += [Section(f"task-{n}", f"{o.task.name}, {o.units} units", "", views(o)) for n, o in enumerate(outcomes)]
    capacity = [o for o in outcomes if o.task.name == "CO2"]
    if len(capacity) > 1:
        sections.append(
            Section("capacity", "Capacity", "Means over all units of all networks of a size.", sized(capacity))
        )
    page = build_page(
        "Response characterization", ", ".join(task.name for task in found), sections, UnitTable([], []), {}
    )
    write_html(page, out / "index.html")
    return checks


def checks_of(outcomes: Sequence[Outcome]) -> list[Check]:
    """The published statements, and whether they hold here."""
    paper, spec = "Hasani et al. 2019, from memory", "calibration runs"
    base = {o.task.name: o for o in outcomes if o.units == 32}
    skilled = [o for o in base.values() if o.ranking.skilled]
    checks = []
    for name, expected in (("digits, 64 steps", "0.42 and 0.49"), ("CO2", "0.46 and 0.49")):
        if name in base:
            row = base[name].ranking["amplitude × readout"]
            statement = f"{name}: amplitude × readout ranks damage (Spearman above 0.25, and not by chance)"
            met = row.rho > 0.25 and row.p < 0.1
            note = f"95 % interval {row.low:.2f} to {row.high:.2f}, p = {row.p:.3f}"
            checks.append(Check(f"ranking-{name}", statement, row.rho, expected, spec, met, note))
    for o in skilled:
        rows = [o.ranking[name] for name in ("amplitude", "size of delta")]
        statement = f"{o.task.name}: a larger response means more damage"
        value = ", ".join(f"{row.score} {row.rho:+.2f}" for row in rows)
        checks.append(Check(f"sign-{o.task.name}", statement, value, "positive", paper, all(r.rho > 0 for r in rows)))
    delta = np.concatenate([n.scores["delta"] for o in skilled for n in o.networks])
    share = float((delta < 0).mean())
    statement = "about half of the units are inhibited by the step"
    checks.append(Check("negative", statement, share, "about 0.5", paper, 0.35 <= share <= 0.65))
    frequency = np.concatenate([n.scores["frequency"] for o in skilled for n in o.networks])
    share = float((np.abs(frequency - FREQUENCY) <= 1 / 150).mean())
    checks.append(
        Check("frequency", "almost all units keep the input's frequency", share, "above 0.9", paper, share > 0.9)
    )
    for name in ("S&P 500",):
        if name in base:
            warned = not base[name].ranking.skilled
            checks.append(Check("no-skill", f"{name}: no skill, and a warning", warned, "True", spec, warned))
    sized = [o for o in outcomes if o.task.name == "CO2"]
    if len(sized) > 1:
        for score, direction in (("amplitude", "falls"), ("size of delta", "falls"), ("settling", "rises")):
            means = [o.mean(score) for o in sized]
            steps = np.diff(means)
            met = bool((steps < 0).all()) if direction == "falls" else bool((steps > 0).all())
            value = ", ".join(f"{mean:.3g}" for mean in means)
            statement = f"CO2: mean {score} over {', '.join(str(o.units) for o in sized)} units {direction}"
            checks.append(Check(f"capacity-{score}", statement, value, direction, paper, met))
        rhos = [o.ranking["amplitude"].rho for o in sized]
        value = ", ".join(f"{rho:+.2f}" for rho in rhos)
        statement = "CO2: the relation of amplitude and damage weakens with size"
        checks.append(Check("capacity-relation", statement, value, "falls", paper, bool((np.diff(rhos) < 0).all())))
    return checks


def figures_of(outcome: Outcome) -> dict[str, Any]:
    """The numbers behind the page."""
    first = outcome.networks[0].score
    quality = "mae" if first.mae == first.mae else "accuracy"
    return {
        quality: [getattr(network.score, quality) for network in outcome.networks],
        "baseline": [network.score.baseline for network in outcome.networks],
        "largest damage": [float(network.damage.max()) for network in outcome.networks],
        "median damage": [float(np.median(network.damage)) for network in outcome.networks],
        "warning": outcome.ranking.warning,
        "spearman": {row.score: [row.rho, row.low, row.high, row.p] for row in outcome.ranking.rows},
        "means": {name: outcome.mean(name) for name in ("amplitude", "size of delta", "settling")},
    }


def views(outcome: Outcome) -> list[View]:
    """Scores against damage, and the first network's units: curves, heat map, damage by response."""
    first = outcome.networks[0]
    shown: list[View] = [_quality(outcome), outcome.ranking.view()]
    for result in first.results:
        if isinstance(result, ResponseResult):
            shown += [_curves(result), *result.views()]
    names = [f"{SITE}/{unit}" for unit in range(outcome.units)]
    x, y = first.scores["amplitude × readout"].tolist(), first.damage.tolist()
    title = f"Damage against response: {outcome.task.name}, seed 0"
    shown.append(
        Scatter(title, [Group("units", x, y, names)], "amplitude × readout", f"rise of the {outcome.task.measure}")
    )
    return shown


def _quality(outcome: Outcome) -> Table:
    figures = figures_of(outcome)
    quality = next(iter(figures))
    rows = [list(row) for row in zip(figures[quality], figures["baseline"], figures["largest damage"], strict=True)]
    fields = [Field(quality), Field("baseline"), Field("largest damage")]
    return Table("Each network", fields, rows, note=outcome.ranking.warning)


def _curves(result: ResponseResult) -> Lines:
    steps = [float(t) for t in range(len(result.response))]
    series = [Series(f"unit {unit}", result.response[:, unit].tolist()) for unit in range(min(result.units, 32))]
    return Lines(f"Each unit's response to a {result.drive}", steps, series, "step", "hidden")


def sized(outcomes: Sequence[Outcome]) -> list[View]:
    """Dynamics by the number of units."""
    x = [float(o.units) for o in outcomes]
    made: list[View] = []
    for score in ("amplitude", "size of delta", "settling"):
        spread = [np.nanquantile(np.concatenate([n.scores[score] for n in o.networks]), [0.25, 0.75]) for o in outcomes]
        low, high = ([float(quantiles[end]) for quantiles in spread] for end in (0, 1))
        line = Series(score, [o.mean(score) for o in outcomes], low, high)
        made.append(Lines(f"{score} by size", x, [line], "units", score, note="the band holds half of the units"))
    return made
