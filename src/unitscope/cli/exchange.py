"""``unitscope import`` and ``unitscope export``: activations from elsewhere, and recordings for others."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from unitscope.cli import console
from unitscope.cli.app import FOLDERS, app
from unitscope.cli.options import Columns, Encoding, dialect_of
from unitscope.corpus.tables import read_columns
from unitscope.errors import InputError
from unitscope.exchange import export_arrays, from_file
from unitscope.labels import said
from unitscope.recording.lstmvis import export_lstmvis, open_lstmvis
from unitscope.recording.lstmvis.reading import CONFIG
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.source.source import Source


@app.command("import", rich_help_panel=FOLDERS)
def read(
    path: Annotated[
        Path, typer.Argument(help=".npy, .npz, .safetensors, .h5, .zarr, .parquet, NeuroX's .json, a folder of LSTMVis")
    ],
    out: Annotated[Path, typer.Option(help="folder of the recording")] = Path("run"),
    sites: Annotated[
        list[str] | None, typer.Option("--site", help="array that is a site; if not given, all that can be")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="table with a row for each token or each sequence; its columns are labels")
    ] = None,
    rate: Annotated[float, typer.Option(help="steps per second, for the label time; 0 where there is no time")] = 0.0,
    dtype: Annotated[Literal["float32", "float16", "bfloat16"], typer.Option(help="precision on disk")] = "float32",
    length: Annotated[int, typer.Option(help="tokens of a sequence of LSTMVis, where its folder does not say")] = 1024,
    encoding: Encoding = "",
    columns: Columns = "",
) -> None:
    """Make a recording of activations that were recorded elsewhere.

    Arrays are `[token unit]` with an array `lengths`, or `[sequence time unit]` with `lengths` or a `mask`; `tokens`
    and `documents` are what they say, and other arrays that fit are labels.

    For example: `unitscope import spikes.npz --out run`
    """
    if (path / CONFIG).exists():
        source: Source = Live(*open_lstmvis(path, length))
    else:
        said: dict[str, Any] = {"rate": rate or None}
        if labels is not None:
            said["labels"] = read_columns(labels, dialect_of(encoding, columns))
        source = from_file(path, sites or (), **said)
    with console.progress_bar() as show:
        made = record(source, out, dtype=dtype, progress=show)
    console.out.print(f"{out}: {len(made.sequences):,} sequences, {', '.join(site.name for site in made.sites)}")
    if source.annotations:
        console.out.print(f"labels: {', '.join(source.annotations)}")
    console.out.print(f"next: unitscope analyze {out}")


@app.command("export", rich_help_panel=FOLDERS)
def write(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    path: Annotated[Path, typer.Argument(help=".npz, .zarr or .parquet; or a new folder, for LSTMVis")],
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites")] = ["*"],  # noqa: B006
    labels: Annotated[
        list[str] | None, typer.Option("--label", help="a label to write beside them; may be repeated")
    ] = None,
) -> None:
    """Write a recording for others: NumPy, Zarr, Parquet, or a folder that LSTMVis opens.

    For example: `unitscope export run hidden.npz --sites '*.hidden' --label inside-parentheses`
    """
    if path.exists():
        raise InputError(f"{path} is there already; name a new file or folder")
    source = Recording.open(recording)
    said(labels or ())
    if path.suffix:
        export_arrays(source, path, sites, labels or ())
        console.out.print(f"{path}: {sum(source.lengths(source.sequences)):,} tokens")
        return
    with console.progress_bar() as show:
        export_lstmvis(source, path, sites, labels or (), show)
    console.out.print(f"{path}: {source.plan.tokens.sum():,} steps; give its parent to lstm_server.py")
