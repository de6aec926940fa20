"""``unitscope ablate``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from unitscope.analyses.importance import ImportanceResult
from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import (
    RECORDING,
    Becomes,
    By,
    Device,
    Factor,
    Json,
    Measure,
    Only,
    Orders,
    Seed,
    Sequences,
    Sites,
    WhereLabel,
    Window,
)
from unitscope.interventions.ablate import ablate as put
from unitscope.interventions.cumulative import Cumulative, save_curves
from unitscope.opening.inputs import Inputs
from unitscope.page.parts.results import FOLDER, Results
from unitscope.recording.recording import Recording

SHOWN = 8


@app.command()
def ablate(
    recording: Annotated[Path, typer.Argument(help=RECORDING)],
    sites: Sites = ["*.hidden"],  # noqa: B006
    to: Becomes = "mean",
    factor: Factor = 0.5,
    seed: Seed = 0,
    window: Window = "",
    only: Only = "",
    measure: Measure = "loss",
    where: WhereLabel = None,
    by: By = "",
    orders: Orders = 0,
    sequences: Sequences = 64,
    device: Device = "",
    json: Json = False,
) -> None:
    """Change every unit of a site in turn, and measure what it costs.

    The numbers join those of `unitscope analyze` in the table of all units. Hidden states held at a value cost one run
    of the network each, or less; gates, windows and other sequences about half as long again.

    For example: `unitscope ablate run --sites 'rnn.0.hidden' --where inside-parentheses --orders 10`
    """
    source = Recording.open(recording)
    network, corpus = Inputs.load(recording, device).open()
    with console.progress_bar() as show:
        done = put(
            source, sites, to, model=network, corpus=corpus, factor=factor, where=where or (), by=by, measure=measure,
            window=window, only=only, orders=orders, sequences=sequences, seed=seed, progress=show,
        )  # fmt: skip
    results, curves = done.results, done.curves
    for result in results:
        assert isinstance(result, ImportanceResult)
        console.out.print(_table(result))
    console.say_as_read(source.describe())
    if json:
        console.answer(results.to_pandas())
    Results(results).save(recording)
    if curves:
        save_curves(curves, recording)
        console.out.print(_areas(curves))
    console.out.print(
        f"{recording / FOLDER}: the damage of {len(results.sites())} sites, {done.sequences} sequences each"
    )
    console.out.print(f"next: unitscope report {recording}")


def _table(result: ImportanceResult) -> Table:
    """The units that are missed most."""
    title = f"{result.site}: rise of the {result.measure} with a unit {result.change}"
    parts = [name for name in result.parts if not name.startswith("not ")]
    table = Table("unit", "rise", "95 % interval", *parts, title=title, title_justify="left")
    for unit in np.argsort(-np.nan_to_num(result.mean), kind="stable")[:SHOWN]:
        interval = f"{result.low[unit]:+.4f} … {result.high[unit]:+.4f}"
        told = (f"{result.part(name)[unit]:+.4f}" for name in parts)
        table.add_row(str(unit), f"{result.mean[unit]:+.4f}", interval, *told)
    return table


def _areas(curves: Sequence[Cumulative]) -> Table:
    """Mean cost of ablating more and more units."""
    title = "area under the curve of units ablated"
    table = Table("site", "worst first", "random orders", "p", title=title, title_justify="left")
    for curve in curves:
        table.add_row(curve.site, f"{curve.area:.4f}", f"{curve.random_area:.4f}", f"{curve.p:.3f}")
    return table
