"""``unitscope ask``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.table import Table

from unitscope import labels as library
from unitscope.asking import Answer
from unitscope.asking import ask as put
from unitscope.asking.ask import suggested
from unitscope.asking.measures import ALWAYS, MEASURES
from unitscope.asking.units import chosen_units
from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.fields import listing
from unitscope.cli.options import (
    NETWORK,
    RECORDING,
    Ablate,
    Arguments,
    Baselines,
    Controls,
    Device,
    DryRun,
    Fdr,
    FormLength,
    Having,
    Json,
    Labels,
    ModelDtype,
    Over,
    Rows,
    Scores,
    Seed,
    Sequences,
    Share,
    States,
    TableFile,
    Tolerance,
    Units,
    Weights,
    Workers,
)
from unitscope.concepts.formulas import LENGTH
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.labels.language import PREFIXES
from unitscope.models.model import Model
from unitscope.opening.inputs import Inputs, of_recording
from unitscope.page.parts.answer import Asked
from unitscope.page.parts.skill import Skilled
from unitscope.recording.manifest import MANIFEST
from unitscope.source.live import Live
from unitscope.source.pace import pace
from unitscope.source.skill import skill
from unitscope.source.source import Recipe, Source


def list_names() -> None:
    """Print the labels and the measures."""
    table = Table("label", "kind", "what it says of a character", title_justify="left")
    for name in library.names():
        label = library.given(name)
        table.add_row(label.key, label.kind, label.help)
    for says in PREFIXES.values():
        table.add_row(says.split(":", 1)[0] + ":", "", says)
    console.out.print(table)
    table = Table("measure", "what it says of a unit and a label", title_justify="left")
    for measure in MEASURES.values():
        table.add_row(measure.name, measure.help)
    console.out.print(table)


@app.command()
def ask(
    models: Annotated[list[str], typer.Argument(help=f"{RECORDING}, or {NETWORK}; each has an answer of its own")],
    labels: Labels = None,
    over: Over = None,
    units: Units = ["*"],  # noqa: B006
    measure: Scores = None,
    having: Having = None,
    tolerance: Tolerance = 0.0,
    form_length: FormLength = LENGTH,
    fdr: Fdr = 0.05,
    baselines: Baselines = 20,
    share: Share = 0.25,
    controls: Controls = True,
    ablate: Ablate = True,
    sequences: Sequences = 0,
    seed: Seed = 0,
    workers: Workers = 1,
    states: States = "",
    device: Device = "",
    weights: Weights = "",
    model_dtype: ModelDtype = "auto",
    arg: Arguments = None,
    dry_run: DryRun = False,
    rows: Rows = 20,
    table: TableFile = None,
    json: Json = False,
    listed: bool = listing(list_names),
) -> None:
    """Ask which units follow what, how sure that is, and whether the network uses them.

    A unit is chosen on some documents and confirmed on others, against labels that mean nothing, against untrained
    networks, and by the cost of ablating it. Without labels, all that mean something on this text are asked.

    For example:

        unitscope ask run

        unitscope ask run --label digit --label 'regex:[0-9]+'

        unitscope ask net --over ewt.conllu --label column:upos --units '*.hidden' --having 'auroc > 0.9'

        unitscope ask net --over gum/*.ptb --label bank:bank --measure soft-wpmi --measure formula
    """
    frames = []
    given = {"sequences": sequences, "device": device, "weights": weights, "precision": model_dtype}
    for name in models:
        source, network, corpus, opened = _opened(name, over or [], {**given, "arguments": arg or []})
        if dry_run:
            live = Live(network, corpus) if network is not None and corpus is not None else None
            _say_work(source, labels, units, live, baselines, share)
            continue
        with console.progress_bar() as show:
            answer = put(
                source, labels, corpus, model=network, units=units, measures=ALWAYS if measure is None else measure,
                having=having or (), tolerance=tolerance, length=form_length, fdr=fdr, baselines=baselines,
                share=share, controls=controls, ablate=ablate, seed=seed, progress=show, workers=workers, store=states,
                opened=opened,
            )  # fmt: skip
        frames.append(answer.to_pandas())
        print_answer(answer, rows)
        console.say_as_read(source.describe())
        if (Path(name) / MANIFEST).exists():
            Asked(answer).save(Path(name))
            console.out.print(f"next: unitscope report {name}")
    if dry_run:
        return
    whole = pd.concat(frames, ignore_index=True)
    if table:
        write_frame(table, whole)
        console.out.print(f"{table}: {len(whole):,} rows")
    if json:
        console.answer(whole)


def _opened(
    name: str, over: Sequence[str], said: Mapping[str, Any]
) -> tuple[Source, Model | None, Corpus | None, Recipe | None]:
    """The source, and the model and corpus behind it where there are such, with how these were opened."""
    if not (Path(name) / MANIFEST).exists():
        if not over:
            raise InputError(f"{name} is no recording; say by --over what it is to read, for example --over book.txt")
        inputs = Inputs(name, tuple(over), **{**said, "arguments": tuple(said["arguments"])})
        with console.doing(f"opening {name} and {', '.join(over)}"):
            live = inputs.live()
            found = skill(live)
        if found and not found.is_skilled:
            console.out.print(found.sentence)
        return live, live.model, live.corpus, live.opened
    if over:
        raise InputError(f"{name} is a recording, which has been read already; leave --over out")
    for part in Skilled.load(Path(name)):
        if not part.skill.is_skilled:
            console.out.print(part.skill.sentence)
    recording, network, corpus, asked = of_recording(Path(name), said["device"])
    return recording, network, corpus, asdict(asked) if asked else None


def _say_work(
    source: Source,
    labels: Sequence[str] | None,
    units: Sequence[str],
    live: Live | None,
    baselines: int,
    share: float,
) -> None:
    """Print the amount of data to be read, and the time that takes at the pace of the first batch."""
    asked = suggested(source) if labels is None else labels
    chosen = chosen_units(source, units)
    sites = list(chosen)
    count, tokens = sum(len(some) for some in chosen.values()), sum(source.lengths(source.sequences))
    seconds = pace(source, sites) * tokens
    untrained = ""
    if live is not None and baselines:
        seconds += baselines * share * pace(live, sites) * tokens
        untrained = f", and {baselines} untrained networks on {share:.0%} of them"
    console.out.print(
        f"{source.name}: {count:,} units × {len(asked):,} labels = {count * len(asked):,} pairs on {tokens:,} tokens"
        f"{untrained}: {console.span(seconds)} to read, by the pace of the first batch on this machine; scores and "
        "ablations come on top",
        soft_wrap=True,
    )


def print_answer(answer: Answer, top: int = 20) -> None:
    """Print confirmed findings as a table, unit by unit, and counts of the others."""
    confirmed = answer.findings()
    shown = confirmed or answer.found[:top]
    measured = list(dict.fromkeys(name for f in shown for name in f.scores))
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("unit", overflow="fold")
    table.add_column("label", no_wrap=True)
    for head in ("r", *measured, "untrained", "cost", "elsewhere"):
        table.add_column(head, no_wrap=True, justify="right")
    table.add_column("used" if confirmed else "why not", overflow="fold")
    before = ""
    for f in shown:
        costs = [f"{d[f.label].mean:+.3f}" for d in (f.damage.where, f.damage.elsewhere)] if f.damage else ["", ""]
        address, before = "" if f.address == before else f.address, f.address
        scores = [_number(f.scores[name].value) if name in f.scores else "" for name in measured]
        last = f.used if confirmed else "; ".join(f.failed(answer.question))
        table.add_row(address, f.label, f"{f.r:+.2f}", *scores, _number(f.untrained), *costs, last)
    console.out.print(table)
    counts = ", ".join(f"{count:,} under {name}" for name, count in answer.controls.items())
    console.out.print(
        f"{answer.counted} {answer.verdict}, for {len(confirmed)} of {len(answer.question.labels)} "
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
        else "none was compared, so these may follow from wiring alone"
    )
    console.out.print(f"untrained: {untrained}. cost: nats per token where the label holds, without the unit.")
    if answer.question.tolerance and answer.read < 1:
        console.out.print(f"{answer.read:.0%} of the text was read, which keeps the tolerance.")
    if answer.beyond:
        _print_beyond(answer, top)


def _print_beyond(answer: Answer, top: int) -> None:
    ranked = sorted(answer.beyond, key=lambda b: (b.measure, -b.score.value if b.score.value == b.score.value else 1.0))
    for measure in dict.fromkeys(b.measure for b in ranked):
        own = [b for b in ranked if b.measure == measure]
        table = Table("unit" if own[0].unit is not None else "site", "label", measure, "95 %", "where chosen", box=None)
        for b in own[:top]:
            interval = f"{_number(b.score.low)} … {_number(b.score.high)}"
            table.add_row(b.address, b.label, _number(b.score.value), interval, _number(b.where_chosen))
        console.out.print(table)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
