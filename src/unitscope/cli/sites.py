"""``unitscope sites``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.inputs import Inputs, by_default
from unitscope.cli.options import Layouts
from unitscope.models.site import Site, choose
from unitscope.networks.card import kind_of, load
from unitscope.networks.files import SHIPPED
from unitscope.networks.models import sites_of

FLOAT16 = 2
"""Bytes of a value as `unitscope record --dtype float16` writes it."""


@app.command(rich_help_panel=STEPS)
def sites(
    model: Annotated[
        str, typer.Argument(help=f"folder of a trained network, {SHIPPED.name}, or hf:FOLDER")
    ] = SHIPPED.name,
    patterns: Annotated[list[str], typer.Option("--sites", help="glob patterns; all if not given")] = ["*"],  # noqa: B006
    layout: Layouts = None,
) -> None:
    """List what can be read in a network: every state and gate, or the residual stream, heads and neurons.

    Other commands choose among them by glob patterns: `--sites 'rnn.*.forget_gate'`, `--sites '*.mlp.hook_post'`.
    """
    name, all_sites = _sites(Inputs(model=model, layouts=tuple(layout or ())))
    found = choose(all_sites, patterns)
    usual = set(by_default(all_sites))
    heads = ("site", "units", "from", "to", "bytes per token", "recorded")
    table = Table(title=f"{name}: what can be read", title_justify="left", show_footer=True)
    whole = sum(site.units for site in found if site.kind != "prediction")
    taken = sum(site.units for site in found if site.name in usual)
    foot = ("all inside", f"{whole:,}", "", "", f"{whole * FLOAT16:,}", f"{taken:,}")
    for head, below in zip(heads, foot, strict=True):
        table.add_column(head, below, justify="left" if head == "site" else "right")
    for site in found:
        shown = f"{site.name}  ({site.alias})" if site.alias else site.name
        numbers = (f"{site.units:,}", f"{site.low:g}", f"{site.high:g}", f"{site.units * FLOAT16:,}")
        table.add_row(shown, *numbers, "yes" if site.name in usual else "if named")
    console.out.print(table)
    console.out.print(
        f"As float16, a million tokens of all inside are {whole * FLOAT16 / 1e3:,.1f} GB on disk; of what "
        f"unitscope record takes where no --sites are given, {taken * FLOAT16 / 1e3:,.1f} GB."
    )


def _sites(inputs: Inputs) -> tuple[str, Sequence[Site]]:
    """The name of a network, and its sites."""
    folder = Path(inputs.model)
    if not inputs.is_transformer and kind_of(folder) == "seq2seq":
        console.out.print(
            "An encoder–decoder: unitscope record-pairs records it. Its decoder.attention has a unit for each place of "
            "the longest source, counted as 1 here."
        )
        return folder.name, sites_of(*load(folder), folder.name)
    network = inputs.open_network()
    return network.name, network.sites()
