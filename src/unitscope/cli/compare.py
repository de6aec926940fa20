"""``unitscope compare``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import (
    Arguments,
    Context,
    Device,
    Groups,
    Json,
    Length,
    ModelDtype,
    Out,
    Pairs,
    Part,
    Pictures,
    ReadText,
    Seed,
    Sequences,
    Sites,
    Untrained,
    WeightsOfEach,
)
from unitscope.cli.report import save_pictures
from unitscope.comparison.compare import Comparison
from unitscope.comparison.compare import compare as compare_two
from unitscope.comparison.groups import GroupComparison, compare_groups
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.text import CONTEXT, LENGTH
from unitscope.errors import InputError
from unitscope.files.frames import write_frame
from unitscope.models.model import Model
from unitscope.networks.files import SHIPPED
from unitscope.opening.inputs import Inputs
from unitscope.page.comparison import (
    kinship_views,
    matched_table,
    page_of_comparison,
    page_of_groups,
    similarity_table,
)
from unitscope.page.page import Page
from unitscope.page.parts.comparison import Compared
from unitscope.page.text import render
from unitscope.page.write import write_page
from unitscope.recording.known import INPUTS
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.source.source import Source
from unitscope.views import Table

UNTRAINED = "untrained"
CLEAREST = 16
"""Differences that the terminal shows."""


@dataclass(frozen=True)
class Opened:
    """A source, and the model and corpus behind it where they are known."""

    source: Source
    model: Model | None = None
    corpus: Corpus | None = None

    def untrained(self, seed: int, sequences: Sequence[int]) -> Live | None:
        """Fresh weights over the same text; None where only a recording is at hand."""
        if self.model is None or self.corpus is None:
            return None
        return Live(self.model.untrained(seed), self.corpus, sequences=sequences)


@app.command()
def compare(
    networks: Annotated[
        list[str] | None,
        typer.Argument(help="two recordings or folders of trained networks; the second can be: untrained"),
    ] = None,
    groups: Groups = None,
    text: ReadText = None,
    part: Part = "",
    sequences: Sequences = 0,
    length: Length = LENGTH,
    context: Context = CONTEXT,
    sites: Sites = ["*"],  # noqa: B006
    pairs: Pairs = None,
    untrained: Untrained = True,
    seed: Seed = 0,
    device: Device = "",
    weights: WeightsOfEach = None,
    model_dtype: ModelDtype = "auto",
    arg: Arguments = None,
    out: Out = Path("compare"),
    png: Pictures = None,
    json: Json = False,
) -> None:
    """Compare two networks, or two groups of trained runs, over one text.

    Two networks: units matched with each other, similarity of the whole (CKA, SVCCA, PWCCA), with controls. Groups:
    what differs between the kinds, tested with the run as the unit of evidence. Where the first is a recording, the
    comparison is kept in it, for its report. Where a model.py:function builds two networks, give --weights twice.

    For example: `unitscope compare net1 net2 --text book.txt`, or
    `unitscope compare --group plain=run1,run2,run3,run4 --group guided=run5,run6,run7,run8`
    """
    asked = Inputs(
        "", tuple(text or ()), part, sequences, length, context,
        device=device, precision=model_dtype, arguments=tuple(arg or ()),
    )  # fmt: skip
    if groups:
        if networks:
            raise InputError("give two networks, or --group twice, not both")
        compared = _groups(groups, asked, weights or (), sites, out, png)
        if json:
            console.answer(compared.to_pandas())
    elif networks and len(networks) == 2:
        found = _two(networks, asked, weights or (), sites, pairs or [], untrained, seed, out, png)
        if json:
            console.answer(found.to_pandas())
        if (Path(networks[0]) / MANIFEST).exists():
            Compared(found).save(Path(networks[0]))
            console.out.print(f"next: unitscope report {networks[0]}")
    else:
        raise InputError(f"two networks are compared, and there are {len(networks or [])}; or give --group twice")


def _two(
    names: Sequence[str],
    asked: Inputs,
    weights: Sequence[str],
    sites: list[str],
    pairs: Sequence[str],
    twins: bool,
    seed: int,
    out: Path,
    png: Path | None,
) -> Comparison:
    named = dict(_halves(pair, "--pair", "SITE=SITE") for pair in pairs)
    if names[1] == UNTRAINED:
        (one,) = _open(names[:1], asked, weights)
        fresh = one.untrained(seed, one.source.sequences)
        if fresh is None:
            raise InputError(f"{names[0]} does not say which network it was made from; give the network, and --text")
        two = Opened(fresh, fresh.model, fresh.corpus)
    else:
        one, two = _open(names, asked, weights)
    with console.progress_bar() as show:
        found = compare_two(
            one.source, two.source, sites, named or None,
            twins=_twins(one, two, seed) if twins and names[1] != UNTRAINED else {},
            progress=show,
        )  # fmt: skip
    _write(page_of_comparison(found, (one.source, two.source)), out, png)
    write_frame(out / "units.csv", found.to_pandas())
    _say(found, out)
    return found


def _twins(one: Opened, two: Opened, seed: int) -> dict[str, tuple[Source, Source]]:
    common = [number for number in one.source.sequences if number in set(two.source.sequences)]
    fresh = [opened.untrained(seed + k, common) for k, opened in enumerate((one, two))]
    if fresh[0] is None or fresh[1] is None:
        return {}
    return {"A – untrained B": (one.source, fresh[1]), "untrained A – untrained B": (fresh[0], fresh[1])}


def _groups(
    groups: Sequence[str], asked: Inputs, weights: Sequence[str], sites: list[str], out: Path, png: Path | None
) -> GroupComparison:
    named = [_halves(group, "--group", "NAME=FOLDER,FOLDER") for group in groups]
    if len({name for name, _ in named}) != 2 or len(named) != 2:
        raise InputError(f"two groups are compared; --group names {', '.join(name for name, _ in named)}")
    folders = {name: [folder for folder in rest.split(",") if folder] for name, rest in named}
    every = [folder for name in folders for folder in folders[name]]
    sources = dict(zip(every, _open(every, asked, weights), strict=True))
    if len(sources) < len(every):
        raise InputError("a folder is given twice; each run is one piece of evidence and counts once")
    opened = {name: [sources[folder].source for folder in folders[name]] for name in folders}
    with console.progress_bar() as show:
        found = compare_groups(opened, sites, progress=show)
    _write(page_of_groups(found), out, png)
    write_frame(out / "differences.csv", found.to_pandas())
    write_frame(out / "units.csv", found.units(), index=False)
    console.out.print(render(_largest(found)))
    console.out.print(render(kinship_views(found)[0]))
    console.out.print(f"{out / 'index.html'}: every number and picture")
    return found


def _say(found: Comparison, out: Path) -> None:
    console.out.print(f"A: {found.names[0]}\nB: {found.names[1]}\n{found.tokens:,} tokens")
    console.out.print(render(_without(similarity_table(found), "units", "CKA", "PWCCA back")))
    console.out.print(render(_without(matched_table(found), "|r| > 0.5", "mutual", "back")))
    console.out.print(f"{out / 'index.html'}: every number and picture, every unit")


def _largest(found: GroupComparison) -> Table:
    """The clearest differences, in few columns: a terminal is narrow."""
    whole = found.differences.view()
    rows = sorted(found.differences.rows, key=lambda row: (row.p, -abs(row.effect)))
    order = [found.differences.rows.index(row) for row in rows[:CLEAREST]]
    note = f"{whole.note} The clearest {len(order)} of {len(rows)} measures; all are on the page."
    return _without(replace(whole, rows=[whole.rows[k] for k in order], note=note), "low", "high", "overlap")


def _without(table: Table, *names: str) -> Table:
    kept = [k for k, field in enumerate(table.fields) if field.name not in names]
    return replace(table, fields=[table.fields[k] for k in kept], rows=[[row[k] for k in kept] for row in table.rows])


def _write(page: Page, out: Path, png: Path | None) -> None:
    write_page(page, html=out / "index.html")
    write_page(replace(page, units={}), json=out / "compare.json")  # units are in the table beside it
    if png:
        save_pictures({section.id: section.views for section in page.sections}, png)


def _halves(pair: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not (name and equals and value):
        raise InputError(f"{option} is {form}, not {pair!r}")
    return name, value


def _open(names: Sequence[str], asked: Inputs, weights: Sequence[str]) -> list[Opened]:
    """Recordings as they are; networks over the text of the first recording, or the one that was asked for."""
    own = [name for name in names if Inputs(name).is_own]
    for name in names:
        known = name in own or name == SHIPPED.name or Inputs(name).is_transformer
        if not known and not Path(name).exists():
            raise InputError(f"there is no folder {name}; give recordings or folders of trained networks")
    if weights and len(weights) != len(own):
        raise InputError(
            f"--weights are given {len(weights)} times, and a model.py:function builds {len(own)} of the networks; "
            "give a file for each of these, in their order"
        )
    left = iter(weights)
    recorded = {name: Path(name) for name in names if (Path(name) / MANIFEST).exists()}
    if not asked.text and recorded:
        first = next(iter(recorded.values()))
        if (first / INPUTS).exists():
            read = Inputs.load(first, asked.device)
            asked = replace(read, weights="", precision=asked.precision, arguments=asked.arguments)
    if not asked.text and len(recorded) < len(names):
        other = next(name for name in names if name not in recorded)
        raise InputError(f"{other} is no recording; say with --text what it shall read")
    opened: list[Opened] = []
    shared: Corpus | None = None
    for name in names:
        if name in recorded:
            opened.append(_open_recording(recorded[name], asked.device))
            continue
        inputs = replace(asked, model=name, weights=next(left, "") if name in own else "")
        if inputs.is_transformer or inputs.is_own or shared is None:
            model, shared = inputs.open()
        else:
            model, card = inputs.open_model()
            if card.vocabulary != shared.vocabulary:
                raise InputError(
                    f"{name} reads other symbols than {names[0]}; only what reads the same can be compared"
                )
        opened.append(Opened(Live(model, shared, sequences=inputs.chosen(shared)), model, shared))
    console.say_as_read(*(one.source.describe() for one in opened))
    return opened


def _open_recording(folder: Path, device: str) -> Opened:
    """With its network, where that is still there and the same."""
    source = Recording.open(folder)
    if not (folder / INPUTS).exists():
        return Opened(source)
    try:
        model, corpus = Inputs.load(folder, device).open()
    except InputError:
        return Opened(source)
    kept = (source.manifest.model.fingerprint, source.manifest.corpus.fingerprint)
    return Opened(source, model, corpus) if kept == (model.fingerprint, corpus.fingerprint) else Opened(source)
