"""``unitscope sites``."""

from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.inputs import Inputs
from unitscope.models.networks.files import SHIPPED
from unitscope.models.site import choose
from unitscope.models.transformers import PREFIX, open_transformer

FLOAT16 = 2
"""Bytes of a value as `unitscope record --dtype float16` writes it."""


@app.command(rich_help_panel=STEPS)
def sites(
    model: Annotated[
        str, typer.Argument(help=f"folder of a trained network, {SHIPPED.name}, or hf:FOLDER")
    ] = SHIPPED.name,
    patterns: Annotated[list[str], typer.Option("--sites", help="glob patterns; all if not given")] = ["*"],  # noqa: B006
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
    found = choose(network.sites(), patterns)
    heads = ("site", "units", "from", "to", "bytes per token")
    table = Table(title=f"{network.name}: what can be read", title_justify="left", show_footer=True)
    whole = sum(site.units for site in found if not site.name.startswith("output."))
    for head, foot in zip(heads, ("all inside", f"{whole:,}", "", "", f"{whole * FLOAT16:,}"), strict=True):
        table.add_column(head, foot, justify="left" if head == "site" else "right")
    for site in found:
        name = f"{site.name}  ({site.alias})" if site.alias else site.name
        table.add_row(name, f"{site.units:,}", f"{site.low:g}", f"{site.high:g}", f"{site.units * FLOAT16:,}")
    console.out.print(table)
    console.out.print(f"As float16, a million tokens of all inside are {whole * FLOAT16 / 1e3:,.1f} GB on disk.")
