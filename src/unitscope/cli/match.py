"""``unitscope match``."""

from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import (
    RECORDING,
    Candidates,
    Count,
    Json,
    Keep,
    Left,
    Longest,
    Occurrence,
    Page,
    Pictures,
    Place,
    Right,
    Shortest,
    Shown,
    Sites,
    TableFile,
    Threshold,
)
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


@app.command()
def match(
    recording: Annotated[Path, typer.Argument(help=RECORDING)],
    text: Annotated[str, typer.Argument(help="a text in the recording; or give --at")] = "",
    at: Place = "",
    occurrence: Occurrence = 0,
    sites: Sites = ["*.hidden"],  # noqa: B006
    threshold: Threshold = "deviations:1",
    left: Left = False,
    right: Right = False,
    count: Count = 50,
    shortest: Shortest = 2,
    longest: Longest = 0,
    candidates: Candidates = 1000,
    shown: Shown = 10,
    keep: Keep = "",
    table: TableFile = None,
    html: Page = None,
    png: Pictures = None,
    json: Json = False,
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
    console.say_as_read(source.describe())
    if keep:
        Match(found, keep).save(recording)
        console.out.print(f"next: unitscope report {recording}")
    if table:
        frame = found.to_pandas()
        write_frame(table, frame, index=False)
        console.out.print(f"{table}: {len(frame):,} passages")
    if json:
        console.answer(found)
    if html:
        section = matches_section(found, shown=count)
        page = build_page("Where units are on together", source.name, [section])
        write_html(page, html)
        console.out.print(f"{html}: {html.stat().st_size / 1e6:.1f} MB")
    if png:
        save_pictures({"match": views}, png)
