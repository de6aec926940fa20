"""A page into files: every unit is made once, and goes to all of them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from unitscope.page.html import html_file, html_folder
from unitscope.page.json import json_file
from unitscope.page.page import Page, unit_json
from unitscope.page.png import write_png
from unitscope.progress import Progress, silent
from unitscope.views import View

Add = Callable[[str, int, Sequence[Mapping[str, Any]]], None]
"""Takes a site, a unit's number, and its groups as JSON values; site by site, each from unit 0 on."""


def write_page(page: Page, html: Path | None = None, json: Path | None = None, progress: Progress = silent) -> None:
    """Write a page as HTML, as JSON, or both. Each file appears complete or not at all; memory holds a few units.

    An ``html`` whose name ends in nothing, such as ``page``, is a folder, which opens at once however large it is.

    Raises ``InputError`` where a file cannot be written.
    """
    wanted: list[AbstractContextManager[Add]] = []
    if json:
        wanted.append(json_file(page, json))
    if html:
        wanted.append(html_file(page, html) if html.suffix else html_folder(page, html))
    total = sum(map(len, page.units.values()))
    done = 0
    with ExitStack() as stack:
        files = [stack.enter_context(file) for file in wanted]
        for site, units in page.units.items():
            for unit, groups in enumerate(units):
                plain = unit_json(groups)
                for add in files:
                    add(site, unit, plain)
                done += 1
                progress("writing the page", done, total)


def write_html(page: Page, path: Path | str) -> None:
    """Write a page as one HTML file that works from disk, without a network."""
    write_page(page, html=Path(path))


def write_pictures(groups: Mapping[str, Sequence[View]], folder: Path) -> int:
    """One PNG per view, named by its group and number; returns how many."""
    count = 0
    for name, views in groups.items():
        for number, view in enumerate(views):
            write_png(view, folder / f"{name}-{number}.png")
            count += 1
    return count
