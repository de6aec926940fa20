"""``unitscope train classifier`` and ``unitscope train translator``."""

import html
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from sys import intern
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.fields import dialect_of
from unitscope.cli.options import (
    BatchSize,
    Checkpoints,
    Classifier,
    Columns,
    Depth,
    Device,
    Encoding,
    Epochs,
    HeldOut,
    LabelColumn,
    LongestText,
    Out,
    Precision,
    Quotes,
    Rate,
    Restart,
    RowsOfPart,
    Seed,
    Size,
    Snapshots,
    Test,
    TestPair,
    TextColumn,
    Translator,
    Unescape,
)
from unitscope.cli.training import training_bar
from unitscope.corpus.dialect import Notes
from unitscope.corpus.labelled import labelled_rows, read_labelled
from unitscope.corpus.spilled import Pairs
from unitscope.corpus.translations import read_parallel
from unitscope.networks.lessons import texts
from unitscope.networks.lessons.tasks import Classification, Translation, by_part, divide
from unitscope.networks.lessons.texts import Fit
from unitscope.networks.training import Trained


def train_classifier(
    files: Annotated[
        list[str],
        typer.Argument(help="lines of a label and a text, a table (.csv, .tsv, .jsonl, .parquet), or LABEL=FILE"),
    ],
    test: Test = None,
    out: Out = Path("net"),
    network: Classifier = "vdcnn",
    size: Size = "small",
    depth: Depth = 0,
    encoding: Encoding = "",
    columns: Columns = "",
    label: LabelColumn = "",
    text: TextColumn = "",
    part: RowsOfPart = "",
    quotes: Quotes = None,
    longest: LongestText = 0,
    epochs: Epochs = 30,
    batch_size: BatchSize = 32,
    rate: Rate = 2e-3,
    held_out: HeldOut = 0.1,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "auto",
    snapshots: Snapshots = None,
    checkpoint_seconds: Checkpoints = 60.0,
    restart: Restart = False,
) -> None:
    """Train a classifier of texts by their characters: a deep convolutional network, an LSTM, GRU or Transformer.

    Ctrl-C stops it; the same command continues from the last checkpoint. Texts that occur again count once, and none
    that is tested on is learnt from.

    For example: `unitscope train classifier pos=rt.pos neg=rt.neg --out polarity`
    """
    dialect, notes = dialect_of(encoding, columns, label, text, part, quotes), Notes()
    items, parts = Pairs(), []
    for row in labelled_rows(files, dialect, notes):
        items.append(row.text, row.label)
        parts.append(intern(row.part))
    divided = by_part(items, parts, held_out, notes) if not test else None
    if divided is None:
        divided = divide(items, read_labelled(test, dialect, notes) if test else (), held_out, notes=notes)
    for note in notes:
        console.out.print(f"  {note}")
    task = Classification(divided, ", ".join(Path(name).name for name in files), longest)
    fit = Fit(network, size, depth, epochs, batch_size, rate, precision=precision, seed=seed, device=device)
    trained = _train(task, fit, out, checkpoint_seconds, snapshots, restart)
    metrics = trained.card.metrics
    console.out.print(
        f"  accuracy on {len(task.test):,} test texts: {metrics['test accuracy']:.3f} "
        f"(most frequent class {metrics['majority']:.3f}, naive Bayes on words {metrics['naive bayes']:.3f})"
    )


def train_translator(
    source: Annotated[Path, typer.Argument(help="sentences, one a line")],
    target: Annotated[Path, typer.Argument(help="their translations, line by line")],
    test: TestPair = None,
    out: Out = Path("net"),
    network: Translator = "attentive",
    size: Size = "small",
    depth: Depth = 0,
    encoding: Encoding = "",
    unescape: Unescape = False,
    longest: LongestText = 200,
    epochs: Epochs = 10,
    batch_size: BatchSize = 16,
    rate: Rate = 1.5e-3,
    held_out: HeldOut = 0.02,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "auto",
    snapshots: Snapshots = None,
    checkpoint_seconds: Checkpoints = 60.0,
    restart: Restart = False,
) -> None:
    """Train a translator of characters that is made of convolutions.

    Ctrl-C stops it; the same command continues from the last checkpoint.

    For example: `unitscope train translator train.en train.de --out net --size small`
    """

    notes = Notes()

    def read(files: tuple[Path, Path]) -> Sequence[tuple[str, str]]:
        pairs = read_parallel(*files, encoding, notes)
        return Pairs((html.unescape(a), html.unescape(b)) for a, b in pairs) if unescape else pairs

    divided = divide(read((source, target)), read(test) if test else (), held_out, notes=notes)
    for note in notes:
        console.out.print(f"  {note}")
    task = Translation(divided, f"{source.name} to {target.name}", longest)
    fit = Fit(
        network, size, depth, epochs, batch_size, rate, noise=0.033, precision=precision, seed=seed, device=device
    )  # fmt: skip
    trained = _train(task, fit, out, checkpoint_seconds, snapshots, restart)
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
