"""``unitscope report``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.files.frames import write_frame
from unitscope.page.page import Page
from unitscope.page.part import load_parts
from unitscope.page.run import page_of
from unitscope.page.write import write_page, write_pictures
from unitscope.recording.recording import Recording
from unitscope.view import View


@app.command(rich_help_panel=STEPS)
def report(
    recording: Annotated[Path, typer.Argument(help="folder of a recording that has been analysed")],
    out: Annotated[Path | None, typer.Option(help="the page; RECORDING/report.html if not given")] = None,
    table: Annotated[
        Path | None, typer.Option(help="also write the table of all units: .json, .parquet, else CSV")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="also write all that is on the page as JSON")] = None,
    png: Annotated[Path | None, typer.Option(help="also write the pictures of the overview into this folder")] = None,
) -> None:
    """Write one HTML page with everything about every unit; it needs no network and no server.

    For example: `unitscope report run --table units.csv --png figures`
    """
    path = out or recording / "report.html"
    page = open_page(recording)
    with console.progress_bar() as show:
        write_page(page, path, json, show)
    for file in filter(None, (path, json)):
        console.out.print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    if table:
        frame = page.table.to_pandas()
        write_frame(table, frame)
        console.out.print(f"{table}: {len(frame):,} units")
    if png:
        save_pictures({section.id: section.views for section in page.sections}, png)


def open_page(recording: Path) -> Page:
    """The page of a recording's folder, of whatever is kept there."""
    return page_of(Recording.open(recording), load_parts(recording))


def save_pictures(groups: Mapping[str, Sequence[View]], folder: Path) -> None:
    """One PNG per view, named by its group and number."""
    console.out.print(f"{folder}: {write_pictures(groups, folder)} pictures")
