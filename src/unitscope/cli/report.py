"""``unitscope report``."""

from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.analyze import RESULTS
from unitscope.cli.app import app
from unitscope.cli.find import FINDINGS
from unitscope.findings import Findings
from unitscope.recording.recording import Recording
from unitscope.report.html import write_html
from unitscope.report.run import page_of
from unitscope.resultset import ResultSet


@app.command()
def report(
    recording: Annotated[Path, typer.Argument(help="folder of a recording that has been analysed")],
    out: Annotated[Path | None, typer.Option(help="the page; RECORDING/report.html if not given")] = None,
    table: Annotated[
        Path | None, typer.Option(help="also write the table of all units: .json, .parquet, else CSV")
    ] = None,
) -> None:
    """Write one HTML page with everything about every unit; it needs no network and no server.

    For example: `unitscope report run --table units.csv`
    """
    source = Recording.open(recording)
    results = ResultSet.load(recording / RESULTS)
    findings = Findings.load(recording / FINDINGS) if (recording / FINDINGS).exists() else None
    path = out or recording / "report.html"
    with console.error.status("writing the page"):
        write_html(page_of(source, results, findings), path)
    console.out.print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if table:
        frame = results.to_pandas()
        if table.suffix == ".parquet":
            frame.to_parquet(table)
        elif table.suffix == ".json":
            frame.reset_index().to_json(table, orient="records")
        else:
            frame.to_csv(table)
        console.out.print(f"{table}: {len(frame):,} units")
