"""``unitscope info``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.inputs import Inputs
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.models.seq2seq import Seq2SeqModel
from unitscope.networks.files import CONFIG
from unitscope.networks.seq2seq.files import is_seq2seq
from unitscope.networks.seq2seq.files import load as load_seq2seq
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording


@app.command(rich_help_panel=STEPS)
def info(
    path: Annotated[Path, typer.Argument(help="folder of a recording or of a trained network")],
    verify: Annotated[bool, typer.Option("--verify", help="read a recording whole and compare every checksum")] = False,
) -> None:
    """Say what a folder holds: a recording or a trained network."""
    if (path / MANIFEST).exists():
        recording = Recording.open(path, incomplete=True)
        rows = {"recording": recording.name, **recording.describe()}
        rows["sites"] = ", ".join(f"{site.name} ({site.units})" for site in recording.sites)
        rows["recorded"] = f"{len(recording.sequences):,} of {recording.manifest.sequences:,} sequences"
        if verify:
            recording.verify()
            rows["checksums"] = "all right"
    elif is_seq2seq(path):
        net, made = load_seq2seq(path)
        model = Seq2SeqModel(net, places=1, name=path.name)
        rows = {"network": model.name, **ModuleModel(net, name=path.name).describe(), "trained on": made.data}
        rows |= {name: f"{score['sequences']:.3f} of the pairs right" for name, score in made.scores.items()}
        rows["sites"] = ", ".join(model.sites)
        rows["made by"] = made.command
    elif (path / CONFIG).exists():
        network, card = Inputs(model=str(path)).open_model()
        rows = {"network": network.name, **network.describe(), "trained on": card.corpus}
        rows |= {name: f"{value:,.4g}" for name, value in card.metrics.items()}
        rows["made by"] = card.command
    else:
        raise InputError(f"{path} holds neither a recording ({MANIFEST}) nor a network ({CONFIG})")
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(name, value)
    console.out.print(table)
