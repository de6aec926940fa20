"""``unitscope train``."""

import math

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from unitscope.cli import console
from unitscope.cli.app import NETWORKS, app
from unitscope.cli.options import from_fields
from unitscope.networks import train as training
from unitscope.networks.train import TrainOptions


@app.command(name="train", rich_help_panel=NETWORKS)
@from_fields(TrainOptions)
def train(options: TrainOptions) -> None:
    """Train a language model of characters: an RNN, LSTM or GRU.

    Ctrl-C stops it; the same command goes on from the last checkpoint and ends with the same weights.

    The folder holds `config.json` and `model.safetensors`, and is what `unitscope record` takes as its model.

    For example: `unitscope train stdlib --out net --units 128 --epochs 4`
    """
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console.error) as bars:
        task = bars.add_task("reading the text", total=None)

        def show(p: training.Progress) -> None:
            held_out = "" if p.validation is None else f", held out {p.validation / math.log(2):.3f}"
            bars.update(
                task,
                total=1.0,
                completed=p.done,
                description=(
                    f"epoch {p.epoch}/{p.epochs}  {p.mean_loss:.3f} nats = {p.bits:.3f} bits{held_out}  "
                    f"{p.characters_per_second:,.0f} characters/s"
                ),
            )

        trained = training.train(options, show)
    metrics = trained.card.metrics
    console.out.print(f"{trained.folder}: {sum(w.numel() for w in trained.net.parameters()):,} weights")
    for part in ("validation", "test"):
        if f"{part} nats" in metrics:
            nats, bits = metrics[f"{part} nats"], metrics[f"{part} bits"]
            console.out.print(f"  {part}: {nats:.3f} nats, {bits:.3f} bits per symbol")
