"""``unitscope verify``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.inputs import NAME as INPUTS
from unitscope.errors import InputError
from unitscope.files.sound import unsound
from unitscope.fold.resultset import INDEX, ResultSet
from unitscope.interventions.cumulative import FILE as CURVES
from unitscope.page.parts.results import FOLDER as RESULTS
from unitscope.probing.table import FILE as PROBES
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording

MEND = "give the command that made it again"
KEPT = (INPUTS, PROBES, CURVES)
"""Files of a recording's folder that have a digest of their own."""


@app.command(rich_help_panel=STEPS)
def verify(recording: Annotated[Path, typer.Argument(help="folder of a recording")]) -> None:
    """Read everything that a recording keeps, and compare it with the digests that it was written with.

    Activations, tokens, texts, results, findings, probes, matches and notes. Whatever is damaged is named, with what to
    do; then the status is 1.

    For example: `unitscope verify run`
    """
    with console.error.status("comparing every byte with its digest"):
        found = list(damage(recording))
    for error in found:
        console.out.print(str(error), soft_wrap=True, markup=False)
    if found:
        raise typer.Exit(1)
    console.out.print(f"{recording}: everything is as it was written")


def damage(folder: Path) -> Iterator[InputError]:
    """What is damaged in a recording's folder. Raises ``InputError`` where there is no recording."""
    try:
        yield from Recording.open(folder, incomplete=True).damage()
    except InputError as error:
        if not (folder / "shards").exists():
            raise
        yield error
    yield from unsound(folder, MEND, KEPT, besides=("shards", RESULTS, MANIFEST))
    if (folder / RESULTS / INDEX).exists():
        yield from ResultSet.damage(folder / RESULTS)
