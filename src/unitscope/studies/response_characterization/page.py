"""The page of the study."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unitscope.analyses.response import ResponseResult
from unitscope.interventions.ranking import against
from unitscope.page.page import Section, build_page
from unitscope.page.write import write_html
from unitscope.studies.check import Check, checks_table
from unitscope.studies.response_characterization.checks import METRICS, SIZED, Outcome, figures_of
from unitscope.studies.response_characterization.networks import SITE
from unitscope.view import Field, Lines, Scatter, Series, Table, View

CURVES = 16
"""Units whose responses are drawn as lines, evenly from the least to the greatest change."""
SHARES = np.linspace(0.02, 0.98, 49)


def write_page(path: Path, about: str, checks: Sequence[Check], outcomes: Sequence[Outcome]) -> None:
    """What held, then each task with its networks, then the sizes."""
    sections = [Section("checks", "What held", about, [checks_table(checks), _summary(outcomes)])]
    sized = [o for o in outcomes if o.task.name == SIZED]
    for number, outcome in enumerate(o for o in outcomes if o.units == 32 or o.task.name != SIZED):
        sections.append(Section(f"task-{number}", outcome.name, "", views(outcome)))
    if len(sized) > 1:
        text = "Networks of every size learn the same task. All units of all networks of a size are pooled."
        sections.append(Section("capacity", "Dynamics by size", text, capacity(sized)))
    names = ", ".join(dict.fromkeys(o.task.name for o in outcomes))
    write_html(build_page("Response characterization", names, sections), path)


def _summary(outcomes: Sequence[Outcome]) -> Table:
    names = [row.score for row in outcomes[0].ranking.rows if row.score not in ("delta", "frequency")]
    rows = []
    for o in outcomes:
        known = {row.score: row for row in o.ranking.rows}
        quality = figures_of(o)
        said = next(iter(quality))
        cells = [f"{known[n].rho:+.2f}" if n in known else "" for n in names]
        mean, baseline = np.mean(quality[said]), np.mean(quality["baseline"])
        rows.append([o.name, len(o.networks), f"{said} {mean:.3f} ({baseline:.3f})", *cells])
    fields = [Field("task", "text"), Field("networks", "integer"), Field("quality (without a model)", "text")]
    note = "Spearman's correlation with the damage of zero ablation, the mean over networks"
    return Table("Scores against damage", [*fields, *(Field(name, "text") for name in names)], rows, note)


def views(outcome: Outcome) -> list[View]:
    """Scores against damage, and the first network's units: curves and heat maps."""
    first = outcome.networks[0]
    shown: list[View] = [_quality(outcome), outcome.ranking.view()]
    for result in first.results:
        if isinstance(result, ResponseResult):
            shown += [_curves(result), *result.views()]
    shown += [_against(outcome, score) for score in ("amplitude × readout", "size of delta", "settling")]
    if "class selectivity" in first.scores:
        shown.append(_against(outcome, "class selectivity"))
    return shown


def _quality(outcome: Outcome) -> Table:
    figures = figures_of(outcome)
    quality = next(iter(figures))
    columns = (quality, "baseline", "largest damage", "median damage")
    rows = [list(row) for row in zip(*(figures[name] for name in columns), strict=True)]
    return Table("Each network", [Field(name) for name in columns], rows, note=outcome.ranking.warning)


def _curves(result: ResponseResult) -> Lines:
    """How far each unit is from where it rested before a step, or from its mean in a sine."""
    step = result.drive == "step"
    y = result.response
    moved = y - (y[len(y) // 2 - 1] if step else y[len(y) // 4 :].mean(axis=0))  # [time unit]
    order = np.argsort(moved[-1] if step else moved.std(axis=0), kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(CURVES, len(order))).astype(int)]
    steps = [float(t) for t in range(len(moved))]
    series = [Series(f"unit {unit}", moved[:, unit].tolist()) for unit in chosen]
    title = f"Responses of single units to a {result.drive}, network 0"
    return Lines(title, steps, series, "step", "change of the hidden value")


def _against(outcome: Outcome, score: str) -> Scatter:
    return against(score, outcome.pairs, outcome.ranking[score], SITE, outcome.task.measure)


def capacity(sized: Sequence[Outcome]) -> list[View]:
    """The distribution of each metric for every size, and what a unit is worth."""
    x = [float(o.units) for o in sized]
    made: list[View] = []
    for score in METRICS:
        lines = [Series(f"{o.units} units", np.quantile(o.pooled(score), SHARES).tolist()) for o in sized]
        made.append(Lines(f"Distribution of {score} by size", SHARES.tolist(), lines, "share of units below", score))
        spread = [np.quantile(o.pooled(score), [0.25, 0.75]) for o in sized]
        low, high = ([float(quantiles[end]) for quantiles in spread] for end in (0, 1))
        mean = Series("mean", [o.mean(score) for o in sized], low, high)
        made.append(Lines(f"Mean {score} by size", x, [mean], "units", score, note="the band holds half of the units"))
    worth = [Series(n, [float(np.mean(figures_of(o)[n])) for o in sized]) for n in ("largest damage", "median damage")]
    made.append(Lines("Damage of a unit by size", x, worth, "units", f"rise of the {sized[0].task.measure}"))
    rows = {name: [o.ranking[name] for o in sized] for name in ("amplitude", "amplitude × readout", "std × readout")}
    relation = [Series(n, [r.rho for r in f], [r.low for r in f], [r.high for r in f]) for n, f in rows.items()]
    made.append(Lines("Relation of scores and damage by size", x, relation, "units", "Spearman's correlation"))
    return made
