"""``unitscope ask``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope import labels as library
from unitscope.asking import Answer
from unitscope.asking import ask as put
from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.inputs import Inputs, of_recording
from unitscope.cli.options import (
    NETWORK,
    RECORDING,
    Ablate,
    Baselines,
    Controls,
    Fdr,
    Having,
    Json,
    Labels,
    Over,
    Seed,
    Sequences,
    Share,
    TableFile,
    Units,
    listing,
)
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.labels.language import PREFIXES
from unitscope.models.model import Model
from unitscope.page.parts.answer import Asked
from unitscope.recording.manifest import MANIFEST
from unitscope.source.live import Live
from unitscope.source.source import Source


def list_labels() -> None:
    """Print the labels."""
    table = Table("label", "kind", "what it says of a character", title_justify="left")
    for name in library.names():
        label = library.given(name)
        table.add_row(label.key, label.kind, label.help)
    for says in PREFIXES.values():
        table.add_row(says.split(":", 1)[0] + ":", "", says)
    console.out.print(table)


@app.command()
def ask(
    model: Annotated[str, typer.Argument(help=f"{RECORDING}, or {NETWORK}")],
    labels: Labels = None,
    over: Over = None,
    units: Units = ["*"],  # noqa: B006
    having: Having = None,
    fdr: Fdr = 0.05,
    baselines: Baselines = 20,
    share: Share = 0.25,
    controls: Controls = True,
    ablate: Ablate = True,
    sequences: Sequences = 0,
    seed: Seed = 0,
    table: TableFile = None,
    json: Json = False,
    listed: bool = listing(list_labels),
) -> None:
    """Ask which units follow what, how sure that is, and whether the network uses them.

    A unit is chosen on some documents and confirmed on others, against labels that mean nothing, against untrained
    networks, and by the cost of ablating it. Without labels, all that mean something on this text are asked.

    For example:

        unitscope ask run

        unitscope ask run --label digit --label 'regex:[0-9]+'

        unitscope ask net --over ewt.conllu --label column:upos --units '*.hidden' --having '|correlation| > 0.3'
    """
    folder = Path(model)
    recorded = (folder / MANIFEST).exists()
    source: Source
    network: Model | None
    corpus: Corpus | None
    if recorded:
        if over:
            raise InputError(f"{model} is a recording, which has been read already; leave --over out")
        source, network, corpus = of_recording(folder)
    else:
        if not over:
            raise InputError(f"{model} is no recording; say by --over what it is to read, for example --over book.txt")
        inputs = Inputs(model, tuple(over), sequences=sequences)
        network, corpus = inputs.open()
        source = Live(network, corpus, sequences=inputs.chosen(corpus))
    with console.progress_bar() as show:
        answer = put(
            source, labels, corpus, model=network, units=units, having=having or (), fdr=fdr, baselines=baselines,
            share=share, controls=controls, ablate=ablate, seed=seed, progress=show,
        )  # fmt: skip
    if recorded:
        Asked(answer).save(folder)
    print_answer(answer)
    console.say_as_read(source.describe())
    if table:
        write_frame(table, answer.to_pandas())
        console.out.print(f"{table}: {len(answer.found):,} rows")
    if json:
        console.answer(answer.to_pandas())
    if recorded:
        console.out.print(f"next: unitscope report {folder}")


def print_answer(answer: Answer) -> None:
    """What is confirmed as a table, unit by unit, and how much of the rest fell."""
    confirmed = answer.findings()
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("unit", overflow="fold")
    table.add_column("label", no_wrap=True)
    for head in ("r", "AUC", "untrained", "cost", "elsewhere"):
        table.add_column(head, no_wrap=True, justify="right")
    table.add_column("used", no_wrap=True)
    before = ""
    for f in confirmed:
        costs = [f"{d[f.label].mean:+.3f}" for d in (f.damage.where, f.damage.elsewhere)] if f.damage else ["", ""]
        untrained = f"{f.untrained:.2f}" if f.untrained == f.untrained else ""
        address, before = "" if f.address == before else f.address, f.address
        table.add_row(address, f.label, f"{f.r:+.2f}", f"{f.auc.value:.2f}", untrained, *costs, f.used)
    console.out.print(table)
    counts = ", ".join(f"{count:,} under {name}" for name, count in answer.controls.items())
    console.out.print(
        f"{len(answer.units())} units are {answer.verdict}, for {len(confirmed)} of {len(answer.question.labels)} "
        f"labels; the evidence is {answer.evidence}. {answer.significant:,} of {answer.tests:,} pairs are significant"
        f"{f'; of labels that mean nothing {counts}' if counts else ''}."
    )
    levels = [f.label for f in confirmed if f.by_level]
    if levels:
        console.out.print(
            f"By the level of whole documents alone, and not seen to be followed within them: {', '.join(levels)}."
        )
    untrained = (
        f"the best |r| of {answer.networks} untrained networks"
        if answer.networks
        else "no network was at hand to compare with, so these may follow from wiring alone"
    )
    console.out.print(f"untrained: {untrained}. cost: nats per token where the label holds, without the unit.")
