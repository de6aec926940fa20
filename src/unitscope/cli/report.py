"""``unitscope report``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.analyze import RESULTS
from unitscope.cli.app import STEPS, app
from unitscope.cli.find import FINDINGS
from unitscope.files.frames import write_frame
from unitscope.findings import Findings
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.cumulative import load_curves
from unitscope.matches import Matches
from unitscope.page.html import write_html
from unitscope.page.json import write_json
from unitscope.page.page import Page
from unitscope.page.png import write_png
from unitscope.page.run import page_of
from unitscope.probing.table import FILE as PROBES
from unitscope.probing.table import ProbeTable
from unitscope.recording.recording import Recording
from unitscope.view import View

MATCHES = "matches"


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
    with console.error.status("writing the page"):
        write_html(open_page(recording), path)
    console.out.print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if table:
        frame = ResultSet.load(recording / RESULTS).to_pandas()
        write_frame(table, frame)
        console.out.print(f"{table}: {len(frame):,} units")
    if json:
        write_json(open_page(recording), json)
        console.out.print(f"{json}: {json.stat().st_size / 1e6:.1f} MB")
    if png:
        page = open_page(recording)
        write_pictures({section.id: section.views for section in page.sections}, png)


def open_page(recording: Path) -> Page:
    """The page of a recording's folder. Raises ``InputError`` if it has not been analysed."""
    source = Recording.open(recording)
    results = ResultSet.load(recording / RESULTS)
    findings = Findings.load(recording / FINDINGS) if (recording / FINDINGS).exists() else None
    probes = ProbeTable.load(recording) if (recording / PROBES).exists() else None
    matches = [Matches.load(path) for path in sorted((recording / MATCHES).glob("*.json"))]
    return page_of(source, results, findings, probes, load_curves(recording), matches)


def write_pictures(groups: Mapping[str, Sequence[View]], folder: Path) -> None:
    """One PNG per view, named by its group and number."""
    count = 0
    for name, views in groups.items():
        for number, view in enumerate(views):
            write_png(view, folder / f"{name}-{number}.png")
            count += 1
    console.out.print(f"{folder}: {count} pictures")
