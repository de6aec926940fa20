"""``unitscope ablate``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.table import Table

from unitscope.analyses.importance import Importance, ImportanceResult
from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.cli import console
from unitscope.cli.app import ASK, app
from unitscope.cli.inputs import Inputs
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.cumulative import Cumulative, cumulative, save_curves
from unitscope.labels import said
from unitscope.models.edit import Resampled, Scaled, Steps, Where
from unitscope.models.site import Site, choose
from unitscope.page.parts.results import FOLDER, Results
from unitscope.recording.recording import Recording
from unitscope.source.source import Source

SHOWN = 8

At = Literal["mean", "zero", "resampled", "scaled"]


@app.command(rich_help_panel=ASK)
def ablate(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites whose units are ablated")] = ["*.hidden"],  # noqa: B006
    at: Annotated[
        At, typer.Option(help="what a unit becomes: its mean, zero, its value in another sequence, or --factor times")
    ] = "mean",
    factor: Annotated[float, typer.Option(help="for --at scaled")] = 0.5,
    seed: Annotated[int, typer.Option(help="which other sequences are drawn, and which random orders")] = 0,
    steps: Annotated[str, typer.Option(help="only in a window of steps, as 10:20 or 10:")] = "",
    only: Annotated[str, typer.Option(help="only at tokens where a hypothesis or label holds, or has NAME=VALUE")] = "",
    measure: Annotated[Literal["loss", "error"], typer.Option(help="nats, or the share of wrong symbols")] = "loss",
    where: Annotated[
        list[str] | None,
        typer.Option(help="a hypothesis or label whose damage is told apart from that elsewhere; may be repeated"),
    ] = None,
    by: Annotated[str, typer.Option(help="a label of few values, at each of which damage is told apart")] = "",
    orders: Annotated[
        int, typer.Option(help="also ablate more and more units, the worst first, against so many random orders")
    ] = 0,
    sequences: Annotated[int, typer.Option(help="how many recorded sequences, spread evenly; 0 for all")] = 64,
) -> None:
    """Change every unit of a site in turn, and measure what it costs.

    The numbers join those of `unitscope analyze` in the table of all units. Hidden states held at a value cost one run
    of the network each, or less; gates, windows and other sequences about half as long again.

    For example: `unitscope ablate run --sites 'rnn.0.hidden' --where inside-parentheses --orders 10`
    """
    source = Recording.open(recording)
    network, corpus = Inputs.load(recording).open()
    if (network.fingerprint, corpus.fingerprint) != (
        source.manifest.model.fingerprint,
        source.manifest.corpus.fingerprint,
    ):
        raise InputError(f"the network or the text of {recording} has changed since it was recorded; record it again")
    if sequences < 0 or orders < 0:
        raise InputError("sequences and orders are counts: 0 sequences for all, 0 orders for no curve")
    every = len(source.sequences)
    count = min(sequences or every, every)
    if orders and count < 2:
        raise InputError("a curve needs two sequences: one to put the units in order, and one to measure")
    numbers = [source.sequences[place * every // count] for place in range(count)]
    place = _place(steps, only)
    asked = Importance(measure, tuple(where or ()), by, _words(at, factor, seed, steps, only))
    chosen = [site for site in choose(network.sites(), sites) if site.kind != "prediction"]
    named = tuple(filter(None, (*asked.where, by)))
    said(named)
    for name in named:
        corpus.labels(name, numbers[0])  # an unknown name is refused before any work
    none = [0.0] * max(site.units for site in chosen)
    for site in chosen:  # and so is whatever else cannot be done
        Ablated(network, corpus, site.name, measure, none[: site.units], place, numbers)
    values = _values(source, chosen, at, factor, seed)
    results, curves = ResultSet(source.fingerprint), []
    with console.progress_bar() as show:
        for site, changed in zip(chosen, values, strict=True):
            ablated = Ablated(network, corpus, site.name, measure, changed, place, numbers, batch_size=32)
            found = analyze(ablated, [asked], progress=console.renamed(show, site.name))
            results.entries |= found.entries
            if orders:
                curves.append(_curve(ablated, asked, orders, seed))
    for result in results:
        assert isinstance(result, ImportanceResult)
        console.out.print(_table(result))
    Results(results).save(recording)
    if curves:
        save_curves(curves, recording)
        console.out.print(_areas(curves))
    console.out.print(f"{recording / FOLDER}: the damage of {len(chosen)} sites, {count} sequences each")
    console.out.print(f"next: unitscope report {recording}")


def _curve(source: Ablated, asked: Importance, orders: int, seed: int) -> Cumulative:
    """Units are put in order on every second sequence, and the curve is of the others."""
    (result,) = analyze(replace(source, sequences=source.sequences[::2]), [asked])
    assert isinstance(result, ImportanceResult)
    worst = np.argsort(-np.nan_to_num(result.mean), kind="stable").tolist()
    return cumulative(replace(source, sequences=source.sequences[1::2]), worst, repeats=orders, seed=seed)


def _place(steps: str, only: str) -> Steps | Where | None:
    """Where the edit holds, as the options say. Raises ``InputError`` for what cannot be read."""
    if steps and only:
        raise InputError("an edit holds in a window of steps or where a label does; give --steps or --only")
    if only:
        label, _, value = only.partition("=")
        try:
            said([label])
            return Where(label, float(value) if value else 1.0)
        except ValueError as error:
            raise InputError(f"--only {only}: the value of a label is a number") from error
    if not steps:
        return None
    start, colon, stop = steps.partition(":")
    try:
        return Steps(int(start or 0), int(stop) if stop else None if colon else int(start) + 1)
    except ValueError as error:
        raise InputError(f"--steps {steps}: a window is written as 10:20, 10: or 10") from error


def _words(at: At, factor: float, seed: int, steps: str, only: str) -> str:
    """What becomes of the units; nothing is said of the default, so that its columns keep their short names."""
    said = {"mean": "", "zero": "zero", "resampled": f"resampled, seed {seed}", "scaled": f"times {factor:g}"}[at]
    place = f"steps {steps}" if steps else f"where {only}" if only else ""
    return ", ".join(filter(None, [said, place]))


def _values(
    source: Source, chosen: Sequence[Site], at: At, factor: float, seed: int
) -> list[list[float] | Scaled | Resampled | None]:
    """What becomes of the units of each site."""
    if at == "mean":
        means = analyze(source, [Moments()], [site.name for site in chosen])
        return [_means(means, site.name) for site in chosen]
    if at == "scaled":
        return [Scaled((factor,) * site.units) for site in chosen]
    return [Resampled(seed) if at == "resampled" else None for _ in chosen]


def _means(results: ResultSet, site: str) -> list[float]:
    moments = results[site, Moments().key]
    assert isinstance(moments, MomentsResult)
    return [float(value) for value in moments.mean]


def _table(result: ImportanceResult) -> Table:
    """The units that are missed most."""
    title = f"{result.site}: rise of the {result.measure} without a unit"
    parts = [name for name in result.parts if not name.startswith("not ")]
    table = Table("unit", "rise", "95 % interval", *parts, title=title, title_justify="left")
    for unit in np.argsort(-np.nan_to_num(result.mean), kind="stable")[:SHOWN]:
        interval = f"{result.low[unit]:+.4f} … {result.high[unit]:+.4f}"
        told = (f"{result.part(name)[unit]:+.4f}" for name in parts)
        table.add_row(str(unit), f"{result.mean[unit]:+.4f}", interval, *told)
    return table


def _areas(curves: Sequence[Cumulative]) -> Table:
    """What ablating more and more units costs on average."""
    title = "area under the curve of units ablated"
    table = Table("site", "worst first", "random orders", "p", title=title, title_justify="left")
    for curve in curves:
        table.add_row(curve.site, f"{curve.area:.4f}", f"{curve.random_area:.4f}", f"{curve.p:.3f}")
    return table
