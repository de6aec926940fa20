"""``unitscope verify``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import RECORDING, Json
from unitscope.errors import InputError
from unitscope.files.jsons import read_json
from unitscope.files.sound import unsound
from unitscope.fold.resultset import INDEX, ResultSet
from unitscope.interventions.cumulative import FILE as CURVES
from unitscope.interventions.cumulative import load_curves
from unitscope.opening.inputs import Inputs
from unitscope.page.part import kinds
from unitscope.page.parts.results import FOLDER as RESULTS
from unitscope.probing.table import FILE as PROBES
from unitscope.probing.table import ProbeTable
from unitscope.recording.known import INPUTS
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording

MEND = "give the command that made it again"
KEPT: dict[str, Callable[[Path], object]] = {
    INPUTS: lambda folder: read_json(folder / INPUTS, Inputs, MEND, halves=True),
    PROBES: ProbeTable.load,
    CURVES: load_curves,
}
"""Files of a recording's folder, and what reads each."""


@app.command()
def verify(recording: Annotated[Path, typer.Argument(help=RECORDING)], json: Json = False) -> None:
    """Read everything that a recording keeps, and compare it with the digests that it was written with.

    Activations, tokens, texts, results, findings, probes, matches and notes. Whatever is damaged is named, with what to
    do; then the status is 1.

    For example: `unitscope verify run`
    """
    with console.doing("comparing every byte with its digest"):
        found = list(damage(recording))
    if json:
        console.answer([str(error) for error in found])
    for error in found:
        console.out.print(str(error), soft_wrap=True, markup=False)
    if found:
        raise typer.Exit(1)
    console.out.print(f"{recording}: everything is as it was written")


def damage(folder: Path) -> Iterator[InputError]:
    """List damage in a recording's folder. Raises ``InputError`` where there is no recording."""
    try:
        yield from Recording.open(folder, incomplete=True).damage()
    except InputError as error:
        if not (folder / "shards").exists():
            raise
        yield error
    found = [*_kept(folder), *unsound(folder, MEND, besides=("shards", RESULTS, MANIFEST, *KEPT))]
    if (folder / RESULTS / INDEX).exists():
        found += ResultSet.damage(folder / RESULTS)
    yield from found or _unread(folder)


def _kept(folder: Path) -> Iterator[InputError]:
    for name, load in KEPT.items():
        if (folder / name).exists():
            try:
                load(folder)
            except InputError as error:
                yield error


def _unread(folder: Path) -> Iterator[InputError]:
    """What a page cannot read of files that are all sound: such as one that stands in another's place."""
    for kind in kinds().values():
        try:
            kind.load(folder)
        except InputError as error:
            yield error
