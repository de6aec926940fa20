"""``unitscope unit``."""

from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.report import open_page, save_pictures
from unitscope.errors import InputError
from unitscope.page.text import render


@app.command(rich_help_panel=STEPS)
def unit(
    recording: Annotated[Path, typer.Argument(help="folder of a recording that has been analysed")],
    address: Annotated[str, typer.Argument(help="site and number, as in rnn.0.hidden/67")],
    png: Annotated[Path | None, typer.Option(help="write its pictures into this folder instead")] = None,
) -> None:
    """Show everything about one unit in the terminal.

    For example: `unitscope unit run rnn.0.hidden/67`
    """
    site, _, number = address.rpartition("/")
    page = open_page(recording)
    if site not in page.units or not number.isdigit():
        raise InputError(f"{address!r} is no unit; write a site and a number, with a site of {', '.join(page.units)}")
    if int(number) >= len(page.units[site]):
        raise InputError(f"{site} has no unit {number}")
    groups = page.units[site][int(number)]
    if png:
        stem = address.replace("/", "-")
        save_pictures({f"{stem}-{place}": group.views for place, group in enumerate(groups)}, png)
        return
    for group in groups:
        console.out.rule(group.title, align="left")
        for view in group.views:
            console.out.print(render(view))
