"""``unitscope train``."""

from unitscope.cli import console
from unitscope.cli.app import NETWORKS, app
from unitscope.cli.options import from_fields
from unitscope.cli.training import training_bar
from unitscope.networks.lessons import text
from unitscope.networks.lessons.text import TrainOptions


@app.command(name="train", rich_help_panel=NETWORKS)
@from_fields(TrainOptions)
def train(options: TrainOptions) -> None:
    """Train a language model of characters: an RNN, LSTM or GRU.

    Ctrl-C stops it; the same command goes on from the last checkpoint and ends with the same weights.

    The folder holds `config.json` and `model.safetensors`, and is what `unitscope record` takes as its model.

    For example: `unitscope train stdlib --out net --units 128 --epochs 4`
    """
    with training_bar() as show:
        trained = text.train(options, show)
    console.out.print(f"{options.out}: {sum(w.numel() for w in trained.net.parameters()):,} weights")
    metrics = trained.card.metrics
    console.out.print(f"{options.out}: {sum(w.numel() for w in trained.net.parameters()):,} weights")
    for part in ("validation", "test"):
        if f"{part} nats" in metrics:
            nats, bits = metrics[f"{part} nats"], metrics[f"{part} bits"]
            console.out.print(f"  {part}: {nats:.3f} nats, {bits:.3f} bits per symbol")
