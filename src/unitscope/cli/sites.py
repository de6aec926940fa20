"""``unitscope sites``."""

from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.inputs import Inputs
from unitscope.models.networks.files import SHIPPED
from unitscope.models.transformers import PREFIX, open_transformer


@app.command()
def sites(
    model: Annotated[
        str, typer.Argument(help=f"folder of a trained network, {SHIPPED.name}, or hf:FOLDER")
    ] = SHIPPED.name,
) -> None:
    """List what can be read in a network: every state and gate, or the residual stream, heads and neurons.

    Other commands choose among them by glob patterns: `--sites 'rnn.*.forget_gate'`, `--sites '*.mlp.hook_post'`.
    """
    inputs = Inputs(model=model)
    if inputs.is_transformer:
        network, _ = open_transformer(model.removeprefix(PREFIX))
    elif inputs.reads_texts:
        network, _ = inputs.open_text_network()
    else:
        network, _ = inputs.open_model()
    table = Table("site", "units", "from", "to", title=f"{network.name}: what can be read", title_justify="left")
    for site in network.sites():
        name = f"{site.name}  ({site.alias})" if site.alias else site.name
        table.add_row(name, f"{site.units:,}", f"{site.low:g}", f"{site.high:g}")
    console.out.print(table)
