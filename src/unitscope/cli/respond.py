"""``unitscope respond``."""

from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import (
    RECORDING,
    Band,
    Device,
    Drives,
    DriveSteps,
    Frequency,
    From,
    Json,
    Mode,
    Sequences,
    Sites,
    Streams,
    Way,
)
from unitscope.interventions.respond import respond as put
from unitscope.opening.inputs import Inputs
from unitscope.page.parts.results import FOLDER, Results
from unitscope.recording.recording import Recording


@app.command()
def respond(
    recording: Annotated[Path, typer.Argument(help=RECORDING)],
    drives: Drives = ["step", "sine"],  # noqa: B006
    mode: Mode = "isolated",
    way: Way = "each",
    at: From = "",
    sites: Sites = ["*"],  # noqa: B006
    streams: Streams = ["*"],  # noqa: B006
    steps: DriveSteps = 200,
    frequency: Frequency = 0.05,
    band: Band = 0.1,
    sequences: Sequences = 16,
    device: Device = "",
    json: Json = False,
) -> None:
    """Drive units with made-up inputs, and measure their dynamics.

    Units of recurrent layers are taken apart; any other model is driven as a whole, from a site (`--from`). Settling
    time, delay, overshoot, gain, phase and more, for each unit by its strongest response. The numbers join those of
    `unitscope analyze` in the table of all units.

    For example: `unitscope respond run`, or `unitscope respond run --drive impulse --mode clamped`
    """
    source = Recording.open(recording)
    network, corpus = Inputs.load(recording, device).open()
    with console.progress_bar() as show:
        results = put(
            source, drives, mode, model=network, corpus=corpus, way=way, start=at, sites=sites, streams=streams,
            steps=steps, frequency=frequency, band=band, sequences=sequences, progress=show,
        )  # fmt: skip
    Results(results).save(recording)
    if json:
        console.answer(results.to_pandas())
    how = "coupled" if at else mode
    console.out.print(f"{recording / FOLDER}: {how} responses to {', '.join(drives)} of {', '.join(results.sites())}")
    console.out.print(f"next: unitscope report {recording}")
