"""``unitscope probe``."""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.inputs import Inputs
from unitscope.corpus.treebank import CONTEXT, TreebankCorpus, read_treebank
from unitscope.probing.layers import Probing, probe_layers, untrained_twin
from unitscope.probing.table import ProbeTable
from unitscope.recording.live import Live
from unitscope.report.html import write_html
from unitscope.report.page import Section, UnitTable, build_page


@app.command()
def probe(
    model: Annotated[str, typer.Argument(help="folder of a trained network, or stdlib-lstm256, which comes with it")],
    treebanks: Annotated[
        list[Path], typer.Argument(help="annotated sentences: .conllu, .ptb, .iob2, .conll, .bio, .csv or .tsv")
    ],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="what to predict: upos, deprel, feats.Number …; may be repeated; upos if not given"
        ),
    ] = None,
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites to probe")] = ["*"],  # noqa: B006
    out: Annotated[Path, typer.Option(help="folder for the numbers and the page; a recording's will do")] = Path(
        "probes"
    ),
    pool: Annotated[
        Literal["first", "last", "mean"], typer.Option(help="which tokens of a word stand for it")
    ] = "last",
    words: Annotated[int, typer.Option(help="training words; as many at most are held out")] = 20_000,
    controls: Annotated[int, typer.Option(help="control tasks, each with its own random classes")] = 1,
    codelength: Annotated[
        bool, typer.Option("--codelength/--no-codelength", help="measure the description length; takes as long again")
    ] = True,
    twin: Annotated[bool, typer.Option("--twin/--no-twin", help="probe an untrained twin too")] = True,
    context: Annotated[int, typer.Option(help="tokens of the same document read before each sentence")] = CONTEXT,
    stand_in: Annotated[
        str, typer.Option(help="symbol to read in place of those that the network does not know; empty to refuse them")
    ] = "?",
    seed: Annotated[int, typer.Option(help="of the division, the control tasks and the untrained twin")] = 0,
) -> None:
    """Measure what each layer knows of the words it reads, with linear probes and their controls.

    Sentences are divided by document for training, choosing and testing. Beside each accuracy stand those on a control
    task, of an untrained twin, of the majority class and on shuffled labels, and the bits of an online code.

    For example: `unitscope probe net en_ewt-ud-dev.conllu --label upos --label deprel`
    """
    network, card = Inputs(model).open_model()
    sentences = [sentence for path in treebanks for sentence in read_treebank(path)]
    name = ", ".join(path.stem for path in treebanks)
    unknown = None if card.vocabulary.unknown is not None else stand_in or None
    corpus = TreebankCorpus(sentences, name, card.unit, card.vocabulary, context, unknown)
    how = Probing(tuple(labels or ["upos"]), tuple(sites), pool, words, controls, codelength, seed=seed)
    source = Live(network, corpus)
    with console.error.status("probing") as status:
        other = untrained_twin(network, corpus, source, seed) if twin else None
        table = probe_layers(source, corpus, how, other, lambda what: status.update(what))
    table.save(out)
    page = build_page(
        title=f"What {network.name} knows of words",
        subtitle=f"{', '.join(table.labels())} of {name}",
        sections=[Section("probes", "Probes", TEXT, table.views())],
        table=UnitTable((), ()),
        units={},
    )
    write_html(page, out / "probing.html")
    console.out.print(_short(table))
    console.out.print(f"{out / 'probing.html'}: every number and picture")


TEXT = """
A linear probe predicts a label of a word from the activations of one site at that word. Control is its accuracy when
every word type has a random class instead, which only the probe itself can have learnt; selectivity is the difference.
Scores are from documents that were neither fitted on nor used to choose a penalty.

Codelength is the bits of an online code of the training labels: the sooner a probe predicts well, the shorter it is.
"""


def _short(table: ProbeTable) -> Table:
    heads = (
        "site",
        "label",
        "accuracy",
        "95 %",
        "control",
        "selectivity",
        "majority",
        "twin",
        "kbit",
        "compression",
        "q",
    )
    shown = Table(*heads, title_justify="left")
    for row in table.rows:
        numbers = (row.control, row.selectivity, row.majority, row.twin_accuracy)
        shown.add_row(
            row.site,
            row.label,
            f"{row.accuracy:.3f}",
            f"{row.low:.3f}–{row.high:.3f}",
            *(_number(value, ".3f") for value in numbers),
            _number(row.codelength / 1000, ".1f"),
            _number(row.compression, ".2f"),
            _number(row.q, ".2g"),
        )
    return shown


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)
