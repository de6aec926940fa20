"""``unitscope analyze``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.fold.analysis import catalogue, parse, standard
from unitscope.fold.analyze import analyze as fold
from unitscope.recording.recording import Recording

RESULTS = "results"


def list_analyses(wanted: bool) -> bool:
    """Print the analyses, their parameters and what they tell; then stop."""
    if not wanted:
        return False
    import dataclasses

    table = Table("analysis", "parameters", "what it tells", title_justify="left")
    for name, kind in sorted(catalogue().items()):
        parameters = "\n".join(f"{f.name}: {f.metadata.get('help', '')}" for f in dataclasses.fields(kind))  # type: ignore[arg-type]
        table.add_row(name, parameters, " ".join((kind.__doc__ or "").split("\n\n", 1)[-1].split()))
    console.out.print(table)
    raise typer.Exit


@app.command(rich_help_panel=STEPS)
def analyze(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    analyses: Annotated[
        list[str] | None, typer.Argument(help="names, with parameters as in histogram:bins=64; all if not given")
    ] = None,
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites")] = ["*"],  # noqa: B006
    listing: Annotated[
        bool, typer.Option("--list", help="List the analyses and stop.", callback=list_analyses, is_eager=True)
    ] = False,
) -> None:
    """Describe each unit: moments, histogram, saturation, examples, time scale …

    All analyses share one pass over the recording. Results are kept in it, under `results/`.

    For example: `unitscope analyze run`, or `unitscope analyze run moments examples:count=20`
    """
    source = Recording.open(recording)
    asked = [parse(text) for text in analyses] if analyses else standard()
    with console.progress_bar() as show:
        results = fold(source, asked, sites, show)
    results.merge_into(recording / RESULTS)
    console.out.print(f"{recording / RESULTS}: {len(list(results))} results for {len(results.sites())} sites")
    console.out.print(f"next: unitscope find {recording}, or unitscope report {recording}")
