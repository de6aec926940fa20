"""``unitscope match``."""

from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import ASK, app
from unitscope.cli.report import save_pictures
from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.matches import Phrase
from unitscope.matches import match as look
from unitscope.page.page import build_page
from unitscope.page.parts.match import Match, matches_section
from unitscope.page.text import render
from unitscope.page.write import write_html
from unitscope.recording.recording import Recording


@app.command(rich_help_panel=ASK)
def match(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    text: Annotated[str, typer.Argument(help="a text in the recording; or give --at")] = "",
    at: Annotated[str, typer.Option(help="the phrase by its place: SEQUENCE:START-STOP, as in 12:30-41")] = "",
    occurrence: Annotated[int, typer.Option(help="which place of the text, counted from 0")] = 0,
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites whose units take part")] = ["*.hidden"],  # noqa: B006
    threshold: Annotated[
        str,
        typer.Option(
            help="on from here upwards and, below 0, downwards: a number, deviations:1 (from the unit's mean) or "
            "quantile:0.1 (the share of steps on either side)"
        ),
    ] = "deviations:1",
    left: Annotated[bool, typer.Option("--left", help="units must be off at the step before")] = False,
    right: Annotated[bool, typer.Option("--right", help="units must be off at the step after")] = False,
    count: Annotated[int, typer.Option(help="passages to find")] = 50,
    shortest: Annotated[int, typer.Option(help="steps of a passage, at least")] = 2,
    longest: Annotated[int, typer.Option(help="steps of a passage, at most; 0 for any")] = 0,
    candidates: Annotated[int, typer.Option(help="passages compared in full, of the largest intersections")] = 1000,
    shown: Annotated[int, typer.Option(help="passages shown as text")] = 10,
    keep: Annotated[str, typer.Option(help="keep it in the recording under this name, for its report")] = "",
    table: Annotated[Path | None, typer.Option(help="also write the passages as .csv or .parquet")] = None,
    json: Annotated[Path | None, typer.Option(help="also write everything as JSON")] = None,
    html: Annotated[Path | None, typer.Option(help="also write a page")] = None,
    png: Annotated[Path | None, typer.Option(help="also write the pictures into this folder")] = None,
) -> None:
    """From a phrase to the units that are on throughout it, and on to where else they are on together.

    For example: `unitscope match run '(self, '`, or
    `unitscope match run --at 12:30-41 --left --right --sites '*.hidden' --sites '*.cell'`
    """
    if bool(text) == bool(at):
        raise InputError("give the phrase as a text or, with --at, as a place")
    if Path(keep).name != keep:
        raise InputError(f"{keep!r} is no name of a file; leave out the folder")
    source = Recording.open(recording)
    found = look(
        source,
        Phrase.parse(at) if at else text,
        sites,
        threshold,
        left=left,
        right=right,
        count=count,
        shortest=shortest,
        longest=longest or None,
        candidates=candidates,
        occurrence=occurrence,
    )
    views = found.views(shown)
    for view in views:
        console.out.print(render(view))
        console.out.print()
    if keep:
        Match(found, keep).save(recording)
        console.out.print(f"next: unitscope report {recording}")
    if table:
        frame = found.to_pandas()
        write_frame(table, frame, index=False)
        console.out.print(f"{table}: {len(frame):,} passages")
    if json:
        found.save(json)
        console.out.print(f"{json}: {json.stat().st_size / 1e3:,.0f} kB")
    if html:
        section = matches_section(found, shown=count)
        page = build_page("Where units are on together", source.name, [section])
        write_html(page, html)
        console.out.print(f"{html}: {html.stat().st_size / 1e6:.1f} MB")
    if png:
        save_pictures({"match": views}, png)
