"""``unitscope respond``."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer

from unitscope.cli import console
from unitscope.cli.app import ASK, app
from unitscope.cli.inputs import Inputs
from unitscope.corpus.drives import DRIVES, Drive, DriveCorpus, each_channel, principal, sine, together
from unitscope.errors import InputError
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.driven import respond_coupled, values_of
from unitscope.interventions.layers import layers
from unitscope.interventions.responses import layer_input
from unitscope.interventions.responses import respond as characterize
from unitscope.models.site import choose
from unitscope.page.parts.results import FOLDER, Results
from unitscope.recording.recording import Recording

WAYS = {"each": each_channel, "together": together, "principal": principal}


@app.command(rich_help_panel=ASK)
def respond(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    drives: Annotated[
        list[str], typer.Option("--drive", help="step, sine, impulse, ramp or chirp; may be repeated")
    ] = ["step", "sine"],  # noqa: B006
    mode: Annotated[
        Literal["isolated", "clamped", "coupled"],
        typer.Option(help="each unit alone, with the others at their means, or the layer as it is"),
    ] = "isolated",
    way: Annotated[
        Literal["each", "together", "principal"],
        typer.Option(help="what is driven: each channel, all together, or the main direction of the data"),
    ] = "each",
    at: Annotated[
        str,
        typer.Option(help="drive the whole model from this site, such as its embeddings, and watch all that follows"),
    ] = "",
    chosen: Annotated[
        list[str], typer.Option("--layers", help="glob patterns of the layers; with --at, of the sites")
    ] = ["*"],  # noqa: B006
    streams: Annotated[list[str], typer.Option(help="hidden, cell, or gates, as glob patterns")] = ["*"],  # noqa: B006
    steps: Annotated[int, typer.Option(help="length of the drives; they change half-way")] = 200,
    frequency: Annotated[float, typer.Option(help="of the sine, periods per step")] = 0.05,
    band: Annotated[float, typer.Option(help="share of the change within which a settled unit stays")] = 0.1,
    sequences: Annotated[int, typer.Option(help="recorded sequences that the range of the inputs is taken from")] = 16,
) -> None:
    """Drive units with made-up inputs, and measure their dynamics.

    Units of recurrent layers are taken apart; any other model is driven as a whole, from a site (`--at`). Settling
    time, delay, overshoot, gain, phase and more, for each unit by its strongest response. The numbers join those of
    `unitscope analyze` in the table of all units.

    For example: `unitscope respond run`, or `unitscope respond run --drive impulse --mode clamped`
    """
    source = Recording.open(recording)
    network, corpus = Inputs.load(recording).open()
    made = [_drive(name, steps, frequency) for name in drives]
    numbers = source.sequences[: max(1, sequences)]
    results = ResultSet(source.fingerprint)
    if at:
        driven, *others = [site.name for site in choose(network.sites(), [at])]
        if others:
            raise InputError(f"{at} is more than one site: {', '.join([driven, *others])}; drive one of them")
        ends = WAYS[way](values_of(network, corpus, driven, numbers))
        probes = DriveCorpus(made, ends, network.run(corpus.batch(numbers[:1]), [driven])[driven].dtype)
        results.entries |= respond_coupled(network, driven, probes, chosen, band).entries
        _save(recording, results, "coupled", drives)
        return
    wanted = [layer for layer in layers(network) if any(fnmatchcase(str(layer), pattern) for pattern in chosen)]
    if not wanted:
        known = ", ".join(str(layer) for layer in layers(network)) or "none, so say from which site with --at"
        raise InputError(f"no recurrent layer matches {', '.join(chosen)}; there are: {known}")
    with console.progress_bar() as show:
        for done, layer in enumerate(wanted):
            ends = WAYS[way](layer_input(network, corpus, layer, numbers))
            mean = None
            if mode == "clamped":
                parts = [network.run(corpus.batch([n]), [f"{layer}.hidden"])[f"{layer}.hidden"][0] for n in numbers]
                mean = torch.cat(parts).mean(0)
            results.entries |= characterize(layer, DriveCorpus(made, ends), mode, mean, band, streams).entries
            show("driving layers", done + 1, len(wanted))
    _save(recording, results, mode, drives)


def _save(recording: Path, results: ResultSet, mode: str, drives: Sequence[str]) -> None:
    sites = ", ".join(results.sites())
    Results(results).save(recording)
    console.out.print(f"{recording / FOLDER}: {mode} responses to {', '.join(drives)} of {sites}")
    console.out.print(f"next: unitscope report {recording}")


def _drive(name: str, steps: int, frequency: float) -> Drive:
    if name not in DRIVES:
        raise InputError(f"no drive is called {name!r}; there are: {', '.join(DRIVES)}")
    return sine(steps, frequency) if name == "sine" else DRIVES[name](steps)
