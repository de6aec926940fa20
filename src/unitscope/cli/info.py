"""``unitscope info``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.errors import InputError
from unitscope.models.description import described
from unitscope.networks.card import load
from unitscope.networks.files import CONFIG
from unitscope.networks.models import sites_of
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording


@app.command(rich_help_panel=STEPS)
def info(
    path: Annotated[Path, typer.Argument(help="folder of a recording or of a trained network")],
) -> None:
    """Say what a folder holds: a recording or a trained network."""
    if (path / MANIFEST).exists():
        recording = Recording.open(path, incomplete=True)
        rows = {"recording": recording.name, **recording.describe()}
        rows["sites"] = ", ".join(f"{site.name} ({site.units})" for site in recording.sites)
        rows["recorded"] = f"{len(recording.sequences):,} of {recording.manifest.sequences:,} sequences"
    elif (path / CONFIG).exists():
        net, card = load(path)
        rows = {"network": path.name, **described(net, path.name), "trained on": card.corpus}
        rows |= {name: f"{value:,.4g}" for name, value in card.metrics.items()}
        rows["sites"] = ", ".join(site.name for site in sites_of(net, card, path.name))
        rows["made by"] = card.command
    else:
        raise InputError(f"{path} holds neither a recording ({MANIFEST}) nor a network ({CONFIG})")
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(name, value)
    console.out.print(table)
