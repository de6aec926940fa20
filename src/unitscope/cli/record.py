"""``unitscope record``."""

from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.fields import dialect_of
from unitscope.cli.options import (
    NETWORK,
    Arguments,
    BatchSize,
    Columns,
    Context,
    Device,
    DryRun,
    Dtype,
    Encoding,
    Forced,
    KeptLabels,
    LabelColumn,
    Layouts,
    Length,
    ModelDtype,
    Out,
    Part,
    Pattern,
    Quotes,
    Sequences,
    SomeSites,
    TableOfLabels,
    TextColumn,
    Weights,
    Without,
    Workers,
)
from unitscope.cli.pairs import record_pairs
from unitscope.corpus.tables import read_columns
from unitscope.corpus.text import CONTEXT, LENGTH
from unitscope.models.site import choose
from unitscope.opening.inputs import Inputs, by_default
from unitscope.page.parts.skill import Skilled
from unitscope.recording.activations import precision_bytes
from unitscope.recording.record import record as write_recording
from unitscope.source.pace import pace
from unitscope.source.skill import skill
from unitscope.source.source import BATCH
from unitscope.source.with_labels import with_labels
from unitscope.source.without_text import without_text


@app.command()
def record(
    model: Annotated[str, typer.Argument(help=NETWORK)],
    text: Annotated[
        list[str],
        typer.Argument(
            help="files or folders, TABLE:COLUMN, - for standard input, or stdlib; for an encoder–decoder .tsv files "
            "of pairs, or lookup-tables"
        ),
    ],
    out: Out = Path("run"),
    sites: SomeSites = None,
    dtype: Dtype = "float32",
    part: Part = "",
    sequences: Sequences = 0,
    length: Length = LENGTH,
    context: Context = CONTEXT,
    pattern: Pattern = "*",
    batch_size: BatchSize = BATCH,
    forced: Forced = False,
    labels: TableOfLabels = None,
    without: Without = "nothing",
    keep_labels: KeptLabels = None,
    dry_run: DryRun = False,
    layout: Layouts = None,
    device: Device = "",
    weights: Weights = "",
    model_dtype: ModelDtype = "auto",
    arg: Arguments = None,
    workers: Workers = 1,
    encoding: Encoding = "",
    columns: Columns = "",
    label: LabelColumn = "",
    text_column: TextColumn = "",
    quotes: Quotes = None,
) -> None:
    """Record every unit at every token of a text.

    Ctrl-C, `kill -9` or a full disk lose nothing: the same command continues after the last finished shard. If no
    --sites are given: all states and gates; of Transformers the residual stream, the heads' outputs and the MLP's
    neurons (`unitscope info MODEL` lists all). Of an encoder–decoder there are two recordings: OUT/encoder, at each
    step of the source, and OUT/decoder, at each step of the output. For corpora that must not travel, --without leaves
    out the text, or the tokens too.

    For example: `unitscope record net book.txt --out run --dtype float16`
    """
    if Inputs(model).reads_pairs:
        record_pairs(Path(model), text, out, sites or ["*"], dtype, batch_size, forced)
        return
    dialect = dialect_of(encoding, columns, label, text_column, quotes=quotes)
    inputs = Inputs(
        model, tuple(text), part, sequences, length, context, pattern, layouts=tuple(layout or ()), dialect=dialect,
        device=device, weights=weights, precision=model_dtype, arguments=tuple(arg or ()),
    )  # fmt: skip
    with console.doing(f"opening {model} and {', '.join(text)}"):
        live = inputs.live(batch_size)
        source = with_labels(live, read_columns(labels)) if labels else live
        if without != "nothing":
            source = without_text(source, tokens=without == "text", labels=keep_labels or ())
        if sites == ["*"]:
            sites = [site.name for site in source.sites if site.kind != "prediction"]
        chosen = choose(source.sites, sites or by_default(source.sites))
        tokens = sum(source.lengths(source.sequences))
    size = tokens * sum(site.units for site in chosen) * precision_bytes(dtype)
    console.out.print(
        f"{len(source.sequences):,} sequences, {tokens:,} tokens, {sum(site.units for site in chosen):,} units of "
        f"{len(chosen)} sites: {size / 1e6:,.1f} MB as {dtype}"
    )
    if dry_run:
        seconds = pace(source, [site.name for site in chosen]) * tokens
        console.out.print(f"{console.span(seconds)} to read, by the pace of the first batch on this machine")
        return
    found = skill(live)
    if found and not found.is_skilled:
        console.out.print(found.sentence)
    if not any(site.kind == "prediction" for site in live.sites):
        console.out.print(
            "no loss: the output is no prediction of the next token (unitscope check says why), so ask can confirm "
            "units but not tell whether they are used; give ModuleModel logits=, or targets with with_targets"
        )
    with console.progress_bar() as show:
        recording = write_recording(
            source, out, [site.name for site in chosen], dtype, keep_labels or (), progress=show, workers=workers
        )
    if found:
        Skilled(found).save(out)
    console.out.print(
        f"{out}: {len(recording.sequences):,} sequences of {live.corpus.name}, {len(recording.sites)} sites"
    )
    console.say_as_read(recording.describe())
    console.out.print(f"next: unitscope analyze {out}")
