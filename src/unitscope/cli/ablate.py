"""``unitscope ablate``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.table import Table

from unitscope.analyses.importance import Importance, ImportanceResult
from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.analyze import analyze
from unitscope.cli import console
from unitscope.cli.analyze import RESULTS, merge_into
from unitscope.cli.app import app
from unitscope.cli.inputs import Inputs
from unitscope.errors import InputError
from unitscope.interventions.ablated import Ablated
from unitscope.models.site import choose
from unitscope.recording.recording import Recording
from unitscope.resultset import ResultSet

SHOWN = 8


@app.command()
def ablate(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites whose units are ablated")] = ["*.hidden"],  # noqa: B006
    at: Annotated[Literal["mean", "zero"], typer.Option(help="the value that a unit is held at")] = "mean",
    measure: Annotated[Literal["loss", "error"], typer.Option(help="nats, or the share of wrong symbols")] = "loss",
    where: Annotated[
        list[str] | None,
        typer.Option(help="a hypothesis or label whose damage is told apart from that elsewhere; may be repeated"),
    ] = None,
    sequences: Annotated[int, typer.Option(help="how many recorded sequences, spread evenly; 0 for all")] = 64,
) -> None:
    """Hold every unit of a site in turn, and measure what it costs.

    The numbers join those of `unitscope analyze` in the table of all units. Hidden states are held at the price of one
    run of the network each; gates and cells take about half as long again.

    For example: `unitscope ablate run`, or `unitscope ablate run --sites 'rnn.0.hidden' --where inside-parentheses`
    """
    source = Recording.open(recording)
    network, card = (inputs := Inputs.load(recording)).open_model()
    corpus = inputs.open_corpus(card)
    if (network.fingerprint, corpus.fingerprint) != (
        source.manifest.model.fingerprint,
        source.manifest.corpus.fingerprint,
    ):
        raise InputError(f"the network or the text of {recording} has changed since it was recorded; record it again")
    if sequences < 0:
        raise InputError(f"{sequences} sequences cannot be read; 0 for all")
    every = len(source.sequences)
    count = min(sequences or every, every)
    numbers = [source.sequences[place * every // count] for place in range(count)]
    asked = Importance(measure, tuple(where or ()))
    results = ResultSet(source.fingerprint)
    chosen = [site.name for site in choose(network.sites(), sites) if not site.name.startswith("output.")]
    for name in asked.where:
        corpus.labels(name, numbers[0])  # an unknown name is refused before any work
    means = analyze(source, [Moments()], chosen) if at == "mean" else None
    with console.progress_bar() as show:
        for site in chosen:
            values = _means(means, site) if means else None
            ablated = Ablated(network, corpus, site, measure, values, numbers, batch_size=32)
            found = analyze(ablated, [asked], progress=partial(show, site))
            results.entries |= found.entries
    merge_into(recording / RESULTS, results)
    for result in results:
        assert isinstance(result, ImportanceResult)
        console.out.print(_table(result))
    console.out.print(f"{recording / RESULTS}: the damage of {len(list(results))} sites, {count} sequences each")
    console.out.print(f"next: unitscope report {recording}")


def _means(results: ResultSet, site: str) -> list[float]:
    moments = results[site, Moments().key]
    assert isinstance(moments, MomentsResult)
    return [float(value) for value in moments.mean]


def _table(result: ImportanceResult) -> Table:
    """The units that are missed most."""
    title = f"{result.site}: rise of the {result.measure} without a unit"
    table = Table("unit", "rise", "95 % interval", *result.labels, title=title, title_justify="left")
    for unit in np.argsort(-np.nan_to_num(result.mean), kind="stable")[:SHOWN]:
        interval = f"{result.low[unit]:+.4f} … {result.high[unit]:+.4f}"
        table.add_row(str(unit), f"{result.mean[unit]:+.4f}", interval, *(f"{row[unit]:+.4f}" for row in result.where))
    return table
