"""``unitscope report``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import RECORDING, Json, Pictures, SomeOut, TableFile, Unit
from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.page.page import Page, unit_json
from unitscope.page.part import load_parts
from unitscope.page.run import page_of
from unitscope.page.text import render
from unitscope.page.write import write_page, write_pictures
from unitscope.recording.recording import Recording
from unitscope.views import View


@app.command()
def report(
    recording: Annotated[Path, typer.Argument(help=RECORDING)],
    out: SomeOut = None,
    unit: Unit = "",
    table: TableFile = None,
    png: Pictures = None,
    json: Json = False,
) -> None:
    """Write one page with everything about every unit; it needs no network and no server.

    The page is RECORDING/report.html if no --out is given; one that ends in .json holds the same for programs, and one
    without an ending, such as `page`, is a folder that opens at once however many units there are. With
    --json the table of all units is printed. With --unit nothing is written: that unit is shown in the terminal.

    For example: `unitscope report run --table units.csv --png figures`, or
    `unitscope report run --unit rnn.0.hidden/67`
    """
    page = open_page(recording)
    if unit:
        show_unit(page, unit, png, json)
        return
    path = out or recording / "report.html"
    with console.progress_bar() as show:
        write_page(page, **{"json" if path.suffix == ".json" else "html": path}, progress=show)
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    opened = " in a folder; open index.html in it" if path.is_dir() else ""
    console.out.print(f"{path}: {sum(file.stat().st_size for file in files) / 1e6:.1f} MB{opened}")
    frame = page.table.to_pandas()
    if table:
        write_frame(table, frame)
        console.out.print(f"{table}: {len(frame):,} units")
    if png:
        save_pictures({section.id: section.views for section in page.sections}, png)
    if json:
        console.answer(frame)


def show_unit(page: Page, address: str, png: Path | None, json: bool) -> None:
    """Everything about one unit, in the terminal. Raises ``InputError`` for what is no unit."""
    site, _, number = address.rpartition("/")
    if site not in page.units or not number.isdigit():
        raise InputError(f"{address!r} is no unit; write a site and a number, with a site of {', '.join(page.units)}")
    if int(number) >= len(page.units[site]):
        raise InputError(f"{site} has no unit {number}")
    groups = page.units[site][int(number)]
    if png:
        stem = address.replace("/", "-")
        save_pictures({f"{stem}-{place}": group.views for place, group in enumerate(groups)}, png)
    if json:
        console.answer(unit_json(groups))
    for group in groups:
        console.out.rule(group.title, align="left")
        for view in group.views:
            console.out.print(render(view))


def open_page(recording: Path) -> Page:
    """The page of a recording's folder, of whatever is kept there."""
    return page_of(Recording.open(recording), load_parts(recording))


def save_pictures(groups: Mapping[str, Sequence[View]], folder: Path) -> None:
    """One PNG per view, named by its group and number."""
    console.out.print(f"{folder}: {write_pictures(groups, folder)} pictures")
