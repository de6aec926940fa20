"""``unitscope analyze``."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.fields import listing
from unitscope.cli.options import RECORDING, Json, PartOfWork, Sites, States, Workers
from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis, catalogue, parse, standard
from unitscope.fold.analyze import analyze as fold
from unitscope.fold.analyze import fold_share
from unitscope.fold.store import Store
from unitscope.page.parts.results import FOLDER, Results
from unitscope.recording.recording import Recording


def list_analyses() -> None:
    """Print the analyses, their parameters and what they tell."""
    import dataclasses

    table = Table("analysis", "parameters", "what it tells", title_justify="left")
    for name, kind in sorted(catalogue().items()):
        parameters = "\n".join(f"{f.name}: {f.metadata.get('help', '')}" for f in dataclasses.fields(kind))  # type: ignore[arg-type]
        table.add_row(name, parameters, " ".join((kind.__doc__ or "").split("\n\n", 1)[-1].split()))
    console.out.print(table)


@app.command()
def analyze(
    recording: Annotated[Path, typer.Argument(help=RECORDING)],
    analyses: Annotated[
        list[str] | None, typer.Argument(help="names, with parameters as in histogram:bins=64; all if not given")
    ] = None,
    sites: Sites = ["*"],  # noqa: B006
    workers: Workers = 1,
    states: States = "",
    part: PartOfWork = "",
    json: Json = False,
    listed: bool = listing(list_analyses),
) -> None:
    """Describe each unit: moments, histogram, saturation, examples, time scale …

    All analyses share one pass over the recording. Results are kept in it, under `results/`.

    For example: `unitscope analyze run`, or `unitscope analyze run moments examples:count=20`
    """
    source = Recording.open(recording)
    asked = [parse(text) for text in analyses] if analyses else standard()
    if part:
        _share(source, asked, sites, states, part)
        return
    with console.progress_bar() as show:
        results = fold(source, asked, sites, show, workers=workers, store=states or None)
    Results(results).save(recording)
    if json:
        console.answer(results.to_pandas())
    console.out.print(f"{recording / FOLDER}: {len(list(results))} results for {len(results.sites())} sites")
    console.out.print(f"next: unitscope ask {recording}, or unitscope report {recording}")


def _share(source: Recording, asked: Sequence[Analysis[Any]], sites: Sequence[str], states: str, part: str) -> None:
    """One task of many: fold its share of the first stage that is not all there."""
    match = re.fullmatch(r"(\d+)/(\d+)", part)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--part is I/N, the task I (from 1) of N, as in 3/8, not {part!r}")
    if not states:
        raise InputError("--part needs --states, a folder or an address that all tasks see")
    with console.progress_bar() as show:
        left, stage, of = fold_share(source, asked, sites, Store(states), int(match[1]) - 1, int(match[2]), show)
    if left:
        console.out.print(f"stage {stage} of {of}: this share is done, {left:,} parts of others are not yet")
    elif stage < of:
        console.out.print(f"stage {stage} of {of}: all parts are there; run every share once more for the next stage")
    else:
        console.out.print(f"all parts are there; next: unitscope analyze with the same analyses and --states {states}")
