"""``unitscope train``: one command; what is to be learnt is its first argument."""

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.fields import from_fields
from unitscope.cli.pairs import train_pairs
from unitscope.cli.train_texts import train_classifier, train_translator
from unitscope.cli.training import training_bar
from unitscope.networks.lessons import text
from unitscope.networks.lessons.text import TrainOptions

train = typer.Typer(no_args_is_help=True)
app.add_typer(
    train,
    name="train",
    help="Train a network: of a `text`, a `classifier`, a `translator`, or an encoder–decoder of `pairs`.",
)


@train.command("text")
@from_fields(TrainOptions)
def train_text(options: TrainOptions) -> None:
    """Train a language model of characters: an RNN, LSTM or GRU.

    Ctrl-C stops it; the same command continues from the last checkpoint and ends with the same weights.

    The folder holds `config.json` and `model.safetensors`, and is what `unitscope record` takes as its model.

    For example: `unitscope train text stdlib --out net --hidden 128 --epochs 4`
    """
    with training_bar() as show:
        trained = text.train(options, show)
    metrics = trained.card.metrics
    console.out.print(f"{options.out}: {sum(w.numel() for w in trained.net.parameters()):,} weights")
    for part in ("validation", "test"):
        if f"{part} nats" in metrics:
            nats, bits = metrics[f"{part} nats"], metrics[f"{part} bits"]
            console.out.print(f"  {part}: {nats:.3f} nats, {bits:.3f} bits per symbol")


train.command("classifier")(train_classifier)
train.command("translator")(train_translator)
train.command("pairs")(train_pairs)
