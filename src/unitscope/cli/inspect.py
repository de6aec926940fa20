"""``unitscope inspect``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.table import Column, Table

from unitscope.banks.bank import Bank
from unitscope.banks.neighbours import neighbours
from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.inputs import Inputs
from unitscope.concepts.catalogue import CATALOGUE
from unitscope.concepts.fed import FED
from unitscope.concepts.formulas import LENGTH
from unitscope.concepts.inspection import GROUP, NEVER
from unitscope.concepts.inspection import inspect as look
from unitscope.concepts.measures import MEASURES
from unitscope.concepts.questions import Asked
from unitscope.concepts.searched import FORMS
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.corpus.treebank import TreebankCorpus
from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.models.model import Model
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.source.source import Source

BANK, NEIGHBOURS = "bank:", "neighbours:"


def list_measures(wanted: bool) -> bool:
    """Print the measures and stop."""
    if not wanted:
        return False
    table = Table("measure", "what it is", title_justify="left")
    for name, says in CATALOGUE.items():
        table.add_row(name, says)
    console.out.print(table)
    raise typer.Exit


@app.command()
def inspect(
    models: Annotated[
        list[str], typer.Argument(help="trained networks (a folder, stdlib-lstm256, hf:FOLDER) or recordings")
    ],
    ask: Annotated[
        list[str],
        typer.Option(
            "--ask",
            help="a hypothesis: a name from `unitscope ask --list`, regex:PATTERN, words:the,a,an, words:FILE, "
            "column:upos or column:upos=NOUN of a treebank, concept:TEXT, bank:FOLDER (each concept of a bank), "
            "neighbours:FOLDER (each with the five most like it), file.py:function; repeat it",
        ),
    ],
    over: Annotated[
        list[str] | None,
        typer.Option("--over", help="what the networks read: files, a folder, stdlib, or treebanks (.conllu, .ptb)"),
    ] = None,
    measure: Annotated[list[str], typer.Option(help="from --list; repeat it")] = ["correlation"],  # noqa: B006
    units: Annotated[
        list[str], typer.Option(help="sites by glob pattern, with numbers of units: 'rnn.0.hidden/0-9,17'")
    ] = ["*"],  # noqa: B006
    having: Annotated[
        list[str] | None, typer.Option(help="keep pairs with such a score: '|correlation| > 0.3'; repeat it")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="stop reading when 95 % of the values are this near to those on all data; 0 reads all")
    ] = 0.0,
    length: Annotated[int, typer.Option(help="hypotheses that a formula joins, at most")] = LENGTH,
    sequences: Annotated[int, typer.Option(help="read only so many sequences of each text, spread evenly")] = 0,
    out: Annotated[Path | None, typer.Option(help="write all rows: .csv, .parquet or .json")] = None,
    top: Annotated[int, typer.Option(help="rows to print, the largest values first")] = 20,
    listing: Annotated[
        bool, typer.Option("--list", help="List the measures and stop.", callback=list_measures, is_eager=True)
    ] = False,
) -> None:
    """Ask which units follow which hypotheses: models, units, hypotheses, measures, data, least score in one question.

    Each network reads each part of the data once (twice for thresholds), for everything that is asked. Values describe
    this data; a best unit out of many is chosen, so its value is too high: `unitscope ask` says what holds elsewhere.

    For example:

        unitscope inspect net --over book.txt --ask digit --ask 'words:he,she,it' --measure auroc

        unitscope inspect net --over ewt.conllu --ask column:upos --units '*.hidden' --having '|correlation| > 0.3'

        unitscope inspect run --ask inside-double-quotes --tolerance 0.02

        unitscope inspect stdlib-lstm256 --over stdlib --sequences 64 --ask digit --ask inside-parentheses

        unitscope inspect net --over ewt.conllu --ask column:upos --measure formula --having 'formula > 0.04'
    """
    opened = [_open(model, over or [], sequences) for model in models]
    asked = [_asked(item) for item in dict.fromkeys(ask)]
    wanted: dict[str, Any] = {"measures": measure, "units": units, "having": having or (), "length": length}
    wanted["tolerance"] = tolerance or None
    with console.progress_bar() as show:
        frames = [look(model, asked, corpus, progress=show, **wanted) for model, corpus in opened]
    table = pd.concat(frames, ignore_index=True)
    if out:
        _write(table, out)
    _print(table, top)
    console.say_as_read(*((corpus or model).describe() for model, corpus in opened))


def _asked(item: str) -> Asked:
    if item.startswith(NEIGHBOURS):
        return neighbours(Bank.load(Path(item.removeprefix(NEIGHBOURS))))
    return Bank.load(Path(item.removeprefix(BANK))) if item.startswith(BANK) else item


def _open(model: str, over: Sequence[str], sequences: int) -> tuple[Model | Source, Corpus | None]:
    folder = Path(model)
    if (folder / MANIFEST).exists():
        if over:
            raise InputError(f"{model} is a recording, which has been read already; leave --over out")
        try:
            return Recording.open(folder), _passages(Inputs.load(folder).open()[1])
        except InputError:
            return Recording.open(folder), None  # its own labels and its text are still there
    if not over:
        raise InputError(f"say by --over what {model} is to read, for example --over book.txt")
    inputs = Inputs(model, tuple(over), sequences=sequences)
    network, corpus = inputs.open()
    read = _passages(corpus)
    return Live(network, read, sequences=inputs.chosen(read)), read


def _passages(corpus: Corpus) -> Corpus:
    """A treebank as a corpus that knows the tokens of every span, which concepts of a bank need."""
    if not isinstance(corpus, TreebankCorpus):
        return corpus
    reading = Characters(corpus.vocabulary, corpus.unit, corpus.stand_in)
    return Passages(corpus.sentences, corpus.name, reading, corpus.context)


def _write(table: pd.DataFrame, path: Path) -> None:
    write_frame(path, table, index=False)
    console.out.print(f"{path}: {len(table):,} rows")


def _print(table: pd.DataFrame, top: int) -> None:
    is_chosen = table["measure"].isin([form.chosen for form in FORMS.values()])
    where_chosen = table[is_chosen].set_index(["model", "measure", "site", "unit"])["value"].to_dict()
    table = table[~is_chosen]
    for (model, measure), rows in table.groupby(["model", "measure"], sort=False):
        name = str(measure)
        chance = MEASURES[name].chance if name in MEASURES else 0.0 if name in FED else None
        # Below the value of no skill says as much as above it.
        strength = rows["value"] if chance is None else (rows["value"] - chance).abs()
        order = strength.sort_values(ascending=False, kind="stable")
        best = rows.loc[order.index[:top]]
        read = float(rows["read"].max())
        title = f"{model}: {read:.0%} read"
        heads = ["hypothesis", "unit", name, *(["where chosen"] if name in FORMS else [])]
        shown = Table(*(Column(head, overflow="fold") for head in heads), title=title, title_justify="left")
        for _, row in best.dropna(subset="value").iterrows():
            where = row["site"] if row["unit"] == GROUP else f"{row['site']}/{row['unit']}"
            words = [row["hypothesis"], where, f"{row['value']:.3f}"]
            if name in FORMS:
                words.append(f"{where_chosen[model, FORMS[name].chosen, row['site'], row['unit']]:.3f}")
            shown.add_row(*words)
        console.out.print(shown)
    undefined = table.loc[table["value"].isna(), "note"]
    if len(undefined):
        reasons = ", ".join(dict.fromkeys(note for note in undefined if note))
        console.out.print(f"{len(undefined):,} values are undefined: {reasons or 'too few tokens'}")
    silent = table.loc[table["note"] == NEVER, "hypothesis"].unique()
    if len(silent):
        console.out.print(f"never (or always) true on this data: {', '.join(silent[:10])}{' …' * (len(silent) > 10)}")
