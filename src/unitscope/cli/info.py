"""``unitscope info``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import NETWORK, RECORDING, Arguments, Device, Json, Layouts, ModelDtype, Sites, Weights
from unitscope.errors import InputError
from unitscope.models.description import described
from unitscope.models.site import Site, choose
from unitscope.networks.card import load
from unitscope.networks.files import CONFIG, SHIPPED
from unitscope.networks.models import sites_of
from unitscope.opening.inputs import Inputs, by_default
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording

FLOAT16 = 2
"""Bytes of a value as `unitscope record --dtype float16` writes it."""


@app.command()
def info(
    path: Annotated[str, typer.Argument(help=f"{RECORDING}, or {NETWORK}")] = SHIPPED.name,
    patterns: Sites = ["*"],  # noqa: B006
    layout: Layouts = None,
    device: Device = "",
    weights: Weights = "",
    model_dtype: ModelDtype = "auto",
    arg: Arguments = None,
    json: Json = False,
) -> None:
    """Say what a recording or a network is, and list its sites: every state and gate, or the residual stream, heads
    and neurons.

    Other commands choose among the sites by glob patterns: `--sites 'rnn.*.forget_gate'`,
    `--sites '*.mlp.hook_post'`.

    For example: `unitscope info run`, or `unitscope info net --sites '*_gate'`
    """
    folder = Path(path)
    recorded = (folder / MANIFEST).exists()
    if recorded:
        recording = Recording.open(folder, incomplete=True)
        rows = {"recording": recording.name, **recording.describe()}
        rows["recorded"] = f"{len(recording.sequences):,} of {recording.manifest.sequences:,} sequences"
        sites: Sequence[Site] = recording.sites
    else:
        inputs = Inputs(
            path, layouts=tuple(layout or ()), device=device, weights=weights, precision=model_dtype,
            arguments=tuple(arg or ()),
        )  # fmt: skip
        rows, sites = _network(inputs)
    found = choose(sites, patterns)
    usual = {site.name for site in sites} if recorded else set(by_default(sites))
    if json:
        listed = [{"site": s.name, "alias": s.alias, "kind": s.kind, "units": s.units} for s in found]
        console.answer({**rows, "sites": listed})
    table = Table(show_header=False, box=None)
    for name, value in rows.items():
        table.add_row(name, value)
    console.out.print(table)
    console.out.print(_sites(found, usual, recorded))


def _network(inputs: Inputs) -> tuple[dict[str, str], Sequence[Site]]:
    """Print a network's card and its sites."""
    folder = SHIPPED if inputs.model == SHIPPED.name and not Path(inputs.model).exists() else Path(inputs.model)
    if folder.is_dir() and not (folder / CONFIG).exists():
        raise InputError(f"{folder} holds neither a recording ({MANIFEST}) nor a network ({CONFIG})")
    if not (folder / CONFIG).exists() or inputs.is_transformer:
        network = inputs.open_network()
        return {"network": network.name, **described(network.module, network.name)}, network.sites()
    net, card = load(folder)
    rows = {"network": folder.name, **described(net, folder.name), "trained on": card.corpus}
    rows |= {name: f"{value:,.4g}" for name, value in card.metrics.items()}
    rows["made by"] = card.command
    sites = sites_of(net, card, folder.name) if inputs.reads_pairs else inputs.open_network().sites()
    if inputs.reads_pairs:
        rows["attention"] = "decoder.attention has a unit for each place of the longest source, counted as 1 here"
    return rows, sites


def _sites(found: Sequence[Site], usual: set[str], recorded: bool) -> Table:
    table = Table(title="sites", title_justify="left", show_footer=True)
    whole = sum(site.units for site in found if site.kind != "prediction")
    taken = sum(site.units for site in found if site.name in usual)
    heads: tuple[str, ...] = ("site", "kind", "units", "from", "to", "bytes per token")
    foot: tuple[str, ...] = ("all inside", "", f"{whole:,}", "", "", f"{whole * FLOAT16:,}")
    if not recorded:
        heads, foot = (*heads, "recorded"), (*foot, f"{taken:,}")
        table.caption = (
            f"As float16, a million tokens of all inside are {whole * FLOAT16 / 1e3:,.1f} GB on disk; of what "
            f"unitscope record takes where no --sites are given, {taken * FLOAT16 / 1e3:,.1f} GB."
        )
    for head, below in zip(heads, foot, strict=True):
        table.add_column(head, below, justify="left" if head in ("site", "kind") else "right")
    for site in found:
        shown = f"{site.name}  ({site.alias})" if site.alias else site.name
        row = (shown, site.kind, f"{site.units:,}", f"{site.low:g}", f"{site.high:g}", f"{site.units * FLOAT16:,}")
        table.add_row(*row, *(() if recorded else ("yes" if site.name in usual else "if named",)))
    return table
