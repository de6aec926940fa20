"""``unitscope record``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.inputs import Inputs, by_default
from unitscope.cli.options import Columns, Encoding, LabelColumn, Layouts, Quotes, TextColumn, dialect_of
from unitscope.corpus.tables import read_columns
from unitscope.corpus.text import CONTEXT, LENGTH
from unitscope.recording.record import record as write_recording
from unitscope.source.with_labels import with_labels


@app.command(rich_help_panel=STEPS)
def record(
    model: Annotated[
        str,
        typer.Argument(help="folder of a trained network, stdlib-lstm256, which comes with it, or hf:FOLDER"),
    ],
    text: Annotated[list[str], typer.Argument(help="files or folders, TABLE:COLUMN, - for standard input, or stdlib")],
    out: Annotated[Path, typer.Option(help="folder of the recording")] = Path("run"),
    sites: Annotated[
        list[str] | None,
        typer.Option(
            help="glob patterns. If not given: all states and gates; of Transformers the residual stream, the heads' "
            "outputs and the MLP's neurons, see unitscope sites"
        ),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16", "bfloat16"], typer.Option(help="precision on disk; float16 halves the size")
    ] = "float32",
    part: Annotated[
        str,
        typer.Option(
            help="train, validation, test or all; by default test for the network's own text, else all. Of a table the "
            "value in its column of parts, or COLUMN=VALUE"
        ),
    ] = "",
    sequences: Annotated[int, typer.Option(help="read only so many, spread evenly over the text; 0 for all")] = 0,
    length: Annotated[int, typer.Option(help="tokens of a sequence")] = LENGTH,
    context: Annotated[int, typer.Option(help="tokens read before each sequence, not recorded")] = CONTEXT,
    pattern: Annotated[str, typer.Option(help="which files of a folder, for example *.txt")] = "*",
    batch_size: Annotated[int, typer.Option(help="sequences that run together")] = 64,
    labels: Annotated[
        Path | None,
        typer.Option(help="table with a row for each token or each sequence; its columns are labels of your own"),
    ] = None,
    layout: Layouts = None,
    workers: Annotated[int, typer.Option(min=1, help="processes that record, with one thread each")] = 1,
    encoding: Encoding = "",
    columns: Columns = "",
    label: LabelColumn = "",
    text_column: TextColumn = "",
    quotes: Quotes = None,
) -> None:
    """Record every unit at every token of a text.

    Ctrl-C, `kill -9` or a full disk lose nothing: the same command goes on after the last finished shard.

    For example: `unitscope record net book.txt --out run --dtype float16`
    """
    dialect = dialect_of(encoding, columns, label, text_column, quotes=quotes)
    inputs = Inputs(
        model, tuple(text), part, sequences, length, context, pattern, layouts=tuple(layout or ()), dialect=dialect
    )
    live = inputs.live(batch_size)
    source = with_labels(live, read_columns(labels)) if labels else live
    if sites == ["*"]:
        sites = [site.name for site in source.sites if site.kind != "prediction"]
    with console.progress_bar() as show:
        recording = write_recording(
            source, out, sites or by_default(source.sites), dtype, progress=show, workers=workers
        )
    inputs.save(out)
    console.out.print(
        f"{out}: {len(recording.sequences):,} sequences of {live.corpus.name}, {len(recording.sites)} sites"
    )
    console.out.print(f"next: unitscope analyze {out}")
