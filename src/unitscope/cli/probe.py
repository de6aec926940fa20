"""``unitscope probe``."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.fields import dialect_of
from unitscope.cli.options import (
    NETWORK,
    RECORDING,
    Arguments,
    Codelength,
    Columns,
    Context,
    ControlTasks,
    Device,
    Encoding,
    Json,
    Level,
    ModelDtype,
    Pool,
    ProbedLabels,
    Quotes,
    Seed,
    Sites,
    SomeOut,
    StandIn,
    Tasks,
    TextColumn,
    Untrained,
    Weights,
    Words,
)
from unitscope.cli.treebanks import is_of_treebank, open_source, with_sentences
from unitscope.corpus.sentence_tasks import ALONE, make_task
from unitscope.corpus.treebank import CONTEXT
from unitscope.errors import InputError
from unitscope.opening.inputs import Inputs, of_recording
from unitscope.page.page import build_page
from unitscope.page.parts.probes import probes_section
from unitscope.page.write import write_html
from unitscope.probing.layers import Probing, probe_layers, untrained_twin
from unitscope.probing.probe import probe as put
from unitscope.probing.steps_as_words import StepsAsWords
from unitscope.probing.table import ProbeTable
from unitscope.probing.words import SPAN
from unitscope.recording.recording import Recording
from unitscope.source.live import Live

DEFAULT = {"word": "upos", "edge": "deprel", "span": SPAN, "sentence": ""}


@app.command()
def probe(
    model: Annotated[
        str,
        typer.Argument(help=f"{RECORDING}, or {NETWORK}"),
    ],
    treebanks: Annotated[
        list[Path] | None,
        typer.Argument(
            help="annotated sentences (.conllu, .ptb, .iob2, .conll, .bio, a table) or labelled texts; not needed for "
            "a recording of a treebank"
        ),
    ] = None,
    labels: ProbedLabels = None,
    sites: Sites = ["*"],  # noqa: B006
    out: SomeOut = None,
    level: Level = "word",
    tasks: Tasks = None,
    pool: Pool = "last",
    words: Words = 20_000,
    controls: ControlTasks = 1,
    codelength: Codelength = True,
    untrained: Untrained = True,
    context: Context = CONTEXT,
    stand_in: StandIn = "?",
    seed: Seed = 0,
    device: Device = "",
    weights: Weights = "",
    model_dtype: ModelDtype = "auto",
    arg: Arguments = None,
    json: Json = False,
    encoding: Encoding = "",
    columns: Columns = "",
    text_column: TextColumn = "",
    quotes: Quotes = None,
) -> None:
    """Measure what each layer knows of the words it reads, with linear probes and their controls.

    Sentences are divided by document for training, choosing and testing. Beside each accuracy stand those on a control
    task, of an untrained baseline, of the majority class and on shuffled labels, and the bits of an online code.
    Probes of a recording are added to those it has, and are part of its report. A recording of anything else than a
    treebank is probed for its labels, step by step, or with `--level sentence` sequence by sequence.

    For example: `unitscope probe net en_ewt-ud-dev.conllu --label upos --label deprel`
    """
    dialect = dialect_of(encoding, columns, text=text_column, quotes=quotes)
    asked = tuple(labels or filter(None, [DEFAULT[level]]))
    how = Probing(asked, tuple(sites), level, pool, words, controls, codelength, seed=seed)
    if not treebanks and not is_of_treebank(model):
        table = _probe_steps(Path(model), replace(how, labels=tuple(labels or ())), untrained, tasks or (), out, device)
        if json:
            console.answer(table.to_pandas())
        return
    inputs = Inputs(
        model, tuple(map(str, treebanks or ())), context=context, stand_in=stand_in, dialect=dialect,
        device=device, weights=weights, precision=model_dtype, arguments=tuple(arg or ()),
    )  # fmt: skip
    recording, network, corpus = open_source(inputs)
    if tasks and recording:
        raise InputError(f"{model} is a recording, and a task makes sentences of its own; give the model instead")
    if unknown := [task for task in tasks or () if task not in ALONE]:
        raise InputError(f"no task of whole sentences is called {unknown[0]!r}; there are: {', '.join(ALONE)}")
    found: ProbeTable | None = None
    with console.progress_bar() as show:
        for task in tasks or [""]:
            read = corpus
            if task:
                made = make_task(task, corpus.sentences, seed)
                read = with_sentences(corpus, made.sentences, corpus.name)
                how = replace(how, labels=(task,), level="sentence")
            one = put(
                recording or Live(network, read), how.labels, how.sites, model=network, corpus=read, level=how.level,
                pool=pool, words=words, controls=controls, codelength=codelength, untrained=untrained, seed=seed,
                progress=show,
            )  # fmt: skip
            found = one if found is None else found.beside(one)
    assert found is not None
    table = _tell(found, network.name, corpus.name, recording, out)
    if json:
        console.answer(table.to_pandas())


def _probe_steps(
    folder: Path, how: Probing, twin: bool, tasks: Sequence[str], out: Path | None, device: str
) -> ProbeTable:
    """Probe a recording for labels of its own, or of its text: each step, or each sequence."""
    recording, network, text, _ = of_recording(folder, device)
    if not how.labels or how.level not in ("word", "sentence") or tasks:
        raise InputError(
            f"{folder} is no recording of a treebank; give the treebank, or say by --label what to probe at each step "
            "(with --level sentence, of each sequence as a whole). It keeps: "
            f"{', '.join(recording.annotations) or 'no labels'}"
        )
    other = untrained_twin(network, text, recording, how.seed) if twin and network and text else None
    with console.progress_bar() as show:
        table = probe_layers(recording, StepsAsWords(recording, how.labels), how, other, show)
    return _tell(table, recording.model_origin.name, recording.corpus_origin.name, recording, out)


def _tell(table: ProbeTable, model: str, text: str, recording: Recording | None, out: Path | None) -> ProbeTable:
    """Print the table, and write numbers and page."""
    console.out.print(_short(table))
    console.out.print(f"{table.note[:1].upper()}{table.note[1:]}.")
    folder = out or (recording.folder if recording else Path("probes"))
    table = table.merge_into(folder)
    page = build_page(
        title=f"What {model} knows",
        subtitle=f"{', '.join(table.labels())} of {text}",
        sections=[probes_section(table)],
    )
    write_html(page, folder / "probing.html")
    console.out.print(f"{folder / 'probing.html'}: every number and picture")
    if recording:
        console.out.print(f"next: unitscope report {recording.folder}")
    return table


def _short(table: ProbeTable) -> Table:
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for head in ("site", "label"):
        shown.add_column(head, no_wrap=True)
    for head in ("accuracy", "95 %", "control", "selective", "majority", "untrained", "compress", "q"):
        shown.add_column(head, no_wrap=True, justify="right")
    for row in table.rows:
        shown.add_row(
            row.site,
            row.label,
            f"{row.accuracy:.3f}",
            f"{row.low:.3f}–{row.high:.3f}".replace("0.", "."),
            *(_number(value, ".3f") for value in (row.control, row.selectivity, row.majority, row.twin_accuracy)),
            _number(row.compression, ".2f"),
            _number(row.q, ".2g"),
        )
    return shown


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)
