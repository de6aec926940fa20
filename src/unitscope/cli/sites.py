"""``unitscope sites``."""

from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.inputs import Inputs
from unitscope.models.networks.files import SHIPPED


@app.command()
def sites(
    model: Annotated[str, typer.Argument(help=f"folder of a trained network, or {SHIPPED.name}")] = SHIPPED.name,
) -> None:
    """List what can be read in a network: every state and gate of every layer.

    Other commands choose among them by glob patterns: `--sites 'rnn.*.forget_gate'`.
    """
    network, _ = Inputs(model=model).open_model()
    table = Table("site", "units", "from", "to", title=f"{network.name}: what can be read", title_justify="left")
    for site in network.sites():
        table.add_row(site.name, f"{site.units:,}", f"{site.low:g}", f"{site.high:g}")
    console.out.print(table)
