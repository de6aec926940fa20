"""``unitscope train-classifier`` and ``unitscope train-translator``."""

import html
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from unitscope.cli import console
from unitscope.cli.app import NETWORKS, app
from unitscope.cli.options import Columns, Encoding, LabelColumn, Quotes, TextColumn, dialect_of
from unitscope.cli.training import training_bar
from unitscope.corpus.dialect import Notes
from unitscope.corpus.labelled import labelled_rows, read_labelled
from unitscope.corpus.translations import read_parallel
from unitscope.networks.lessons import texts
from unitscope.networks.lessons.tasks import Classification, Translation, by_part, divide
from unitscope.networks.lessons.texts import Fit, Precision
from unitscope.networks.training import Trained

Out = Annotated[Path, typer.Option(help="folder for the network; a run that was stopped goes on there")]
Size = Annotated[Literal["full", "small", "tiny"], typer.Option(help="full is the published size")]
Depth = Annotated[int, typer.Option(help="stages, layers or blocks; 0 for as many as the size has")]
Epochs = Annotated[int, typer.Option(help="times that the texts are read")]
BatchSize = Annotated[int, typer.Option("--batch", help="texts per update")]
Rate = Annotated[float, typer.Option(help="largest learning rate")]
HeldOut = Annotated[float, typer.Option(help="share of the texts to choose weights by, and to test on without --test")]
Seed = Annotated[int, typer.Option(help="of the first weights, of dropout and of the order of the texts")]
Device = Annotated[Literal["cpu", "cuda"], typer.Option(help="where to compute")]
Checkpoints = Annotated[float, typer.Option(help="seconds between checkpoints")]
Products = Annotated[
    Precision, typer.Option("--precision", help="of matrix products while training; auto: bfloat16 if it is faster")
]
Keep = Annotated[list[float] | None, typer.Option(help="epochs, such as 0.5, after which weights are kept as well")]
Restart = Annotated[bool, typer.Option("--restart", help="throw away what the folder holds and begin again")]


@app.command(name="train-classifier", rich_help_panel=NETWORKS)
def train_classifier(
    files: Annotated[
        list[str],
        typer.Argument(help="lines of a label and a text, a table (.csv, .tsv, .jsonl, .parquet), or LABEL=FILE"),
    ],
    test: Annotated[list[str] | None, typer.Option(help="file of texts to test on; may be repeated")] = None,
    out: Out = Path("net"),
    network: Annotated[
        Literal["vdcnn", "lstm", "gru", "transformer"], typer.Option(help="what reads the characters")
    ] = "vdcnn",
    size: Size = "small",
    depth: Depth = 0,
    encoding: Encoding = "",
    columns: Columns = "",
    label: LabelColumn = "",
    text: TextColumn = "",
    part: Annotated[str, typer.Option(help="only rows of this part of a table: PART, or COLUMN=PART")] = "",
    quotes: Quotes = None,
    longest: Annotated[int, typer.Option(help="cut texts after so many characters; 0 for never")] = 0,
    epochs: Epochs = 30,
    batch: BatchSize = 32,
    rate: Rate = 2e-3,
    held_out: HeldOut = 0.1,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Products = "auto",
    keep: Keep = None,
    checkpoint_seconds: Checkpoints = 60.0,
    restart: Restart = False,
) -> None:
    """Train a classifier of texts by their characters: a deep convolutional network, an LSTM, GRU or Transformer.

    Ctrl-C stops it; the same command goes on from the last checkpoint. Texts that occur again count once, and none
    that is tested on is learnt from.

    For example: `unitscope train-classifier pos=rt.pos neg=rt.neg --out polarity`
    """
    dialect, notes = dialect_of(encoding, columns, label, text, part, quotes), Notes()
    rows = list(labelled_rows(files, dialect, notes))
    divided = by_part(rows, held_out, notes) if not test else None
    if divided is None:
        tested = read_labelled(test, dialect, notes) if test else ()
        divided = divide([(row.text, row.label) for row in rows], tested, held_out, notes=notes)
    for note in notes:
        console.out.print(f"  {note}")
    task = Classification(divided, ", ".join(Path(name).name for name in files), longest)
    fit = Fit(network, size, depth, epochs, batch, rate, precision=precision, seed=seed, device=device)
    trained = _train(task, fit, out, checkpoint_seconds, keep, restart)
    metrics = trained.card.metrics
    console.out.print(
        f"  accuracy on {len(task.test):,} test texts: {metrics['test accuracy']:.3f} "
        f"(most frequent class {metrics['majority']:.3f}, naive Bayes on words {metrics['naive bayes']:.3f})"
    )


@app.command(name="train-translator", rich_help_panel=NETWORKS)
def train_translator(
    source: Annotated[Path, typer.Argument(help="sentences, one a line")],
    target: Annotated[Path, typer.Argument(help="their translations, line by line")],
    test: Annotated[tuple[Path, Path] | None, typer.Option(help="sentences and translations to test on")] = None,
    out: Out = Path("net"),
    network: Annotated[
        Literal["attentive", "bytenet"], typer.Option(help="convolutions with attention, or ByteNet without")
    ] = "attentive",
    size: Size = "small",
    depth: Depth = 0,
    encoding: Encoding = "",
    unescape: Annotated[
        bool, typer.Option("--unescape", help="read &apos; and the like as what they stand for")
    ] = False,
    longest: Annotated[int, typer.Option(help="leave out what has more characters on a side; 0 for nothing")] = 200,
    epochs: Epochs = 10,
    batch: BatchSize = 16,
    rate: Rate = 1.5e-3,
    held_out: HeldOut = 0.02,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Products = "auto",
    keep: Keep = None,
    checkpoint_seconds: Checkpoints = 60.0,
    restart: Restart = False,
) -> None:
    """Train a translator of characters that is made of convolutions.

    Ctrl-C stops it; the same command goes on from the last checkpoint.

    For example: `unitscope train-translator train.en train.de --out net --size small`
    """

    notes = Notes()

    def read(files: tuple[Path, Path]) -> list[tuple[str, str]]:
        pairs = read_parallel(*files, encoding, notes)
        return [(html.unescape(a), html.unescape(b)) for a, b in pairs] if unescape else pairs

    divided = divide(read((source, target)), read(test) if test else (), held_out, notes=notes)
    for note in notes:
        console.out.print(f"  {note}")
    task = Translation(divided, f"{source.name} to {target.name}", longest)
    fit = Fit(
        network, size, depth, epochs, batch, rate, noise=0.033, precision=precision, seed=seed, device=device
    )  # fmt: skip
    trained = _train(task, fit, out, checkpoint_seconds, keep, restart)
    metrics = trained.card.metrics
    console.out.print(
        f"  {metrics['test nats']:.3f} nats per character on {len(task.test):,} test sentences "
        f"({metrics['test wrong source']:.3f} when another sentence is read, "
        f"{metrics['frequencies nats']:.3f} by the frequencies of characters)"
    )
    if "bleu" in metrics:
        console.out.print(f"  BLEU {metrics['bleu']:.2f}, chrF {metrics['chrf']:.2f} of the likeliest translations")
    else:
        console.out.print("  for BLEU and chrF of the translations: pip install sacrebleu")


def _train(
    task: Classification | Translation,
    fit: Fit,
    out: Path,
    checkpoint_seconds: float,
    keep: list[float] | None,
    restart: bool,
) -> Trained:
    command = shlex.join(["unitscope", *sys.argv[1:]])
    with training_bar() as show:
        trained = texts.train(task, fit, out, command, checkpoint_seconds, show, keep or (), restart)
    weights = sum(weight.numel() for weight in trained.net.parameters())
    console.out.print(f"{out}: {weights:,} weights, {len(task.train):,} training texts")
    return trained
