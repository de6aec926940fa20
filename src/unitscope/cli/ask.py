"""``unitscope ask``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope import labels as library
from unitscope.asking import Answer
from unitscope.asking import ask as put
from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.inputs import Inputs, of_recording
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.labels.language import PREFIXES
from unitscope.models.model import Model
from unitscope.page.parts.answer import Asked
from unitscope.recording.manifest import MANIFEST
from unitscope.source.live import Live
from unitscope.source.source import Source


def list_labels(wanted: bool) -> bool:
    """Print the labels and stop."""
    if not wanted:
        return False
    table = Table("label", "kind", "what it says of a character", title_justify="left")
    for name in library.names():
        label = library.given(name)
        table.add_row(label.key, label.kind, label.help)
    for says in PREFIXES.values():
        table.add_row(says.split(":", 1)[0] + ":", "", says)
    console.out.print(table)
    raise typer.Exit


@app.command(rich_help_panel=STEPS)
def ask(
    model: Annotated[
        str, typer.Argument(help="folder of a recording, or a trained network (a folder, stdlib-lstm256, hf:FOLDER)")
    ],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            help="a name from --list, regex:PATTERN, words:the,a,an, column:upos, concept:TEXT, bank:FOLDER, "
            "neighbours:FOLDER, role:SPEAKER, file.py:function of your own; may be repeated. If not given: all "
            "that mean something on this text",
        ),
    ] = None,
    over: Annotated[
        list[str] | None, typer.Option("--over", help="what a network reads: files, a folder, stdlib, treebanks")
    ] = None,
    units: Annotated[
        list[str], typer.Option(help="sites by glob pattern, with or without numbers: 'rnn.0.hidden/0-9,17'")
    ] = ["*"],  # noqa: B006
    having: Annotated[
        list[str] | None,
        typer.Option(
            help="all pairs with such a score where units are chosen, in place of the best unit of each label: "
            "'|correlation| > 0.3'"
        ),
    ] = None,
    fdr: Annotated[float, typer.Option(help="false discovery rate over all units and labels")] = 0.05,
    baselines: Annotated[int, typer.Option(help="untrained networks to compare with; 0 for none", min=0)] = 20,
    share: Annotated[float, typer.Option(help="share of the text on which they are compared")] = 0.25,
    controls: Annotated[bool, typer.Option(help="ask the same under labels that mean nothing")] = True,
    ablate: Annotated[bool, typer.Option(help="ablate the units that pass all else")] = True,
    sequences: Annotated[int, typer.Option(help="read only so many sequences of --over, spread evenly; 0 for all")] = 0,
    seed: Annotated[int, typer.Option(help="of untrained networks, controls and random units", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="also write the table: .csv, .parquet or .json")] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the labels and stop.", callback=list_labels, is_eager=True)
    ] = False,
) -> None:
    """Ask which units follow what, how sure that is, and whether the network uses them.

    A unit is chosen on some documents and confirmed on others, against labels that mean nothing, against untrained
    networks, and by the cost of ablating it.

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
    if out:
        write_frame(out, answer.to_pandas())
        console.out.print(f"{out}: {len(answer.found):,} rows")
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
