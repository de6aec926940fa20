"""``unitscope import`` and ``unitscope export``: activations from elsewhere, and recordings for others."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.fields import dialect_of
from unitscope.cli.options import (
    RECORDING,
    Columns,
    Dtype,
    Encoding,
    Labels,
    Length,
    Out,
    Sites,
    SomeSites,
    StepsPerSecond,
    TableOfLabels,
)
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


@app.command("import")
def read(
    path: Annotated[
        Path, typer.Argument(help=".npy, .npz, .safetensors, .h5, .zarr, .parquet, NeuroX's .json, a folder of LSTMVis")
    ],
    out: Out = Path("run"),
    sites: SomeSites = None,
    labels: TableOfLabels = None,
    rate: StepsPerSecond = 0.0,
    dtype: Dtype = "float32",
    length: Length = 1024,
    encoding: Encoding = "",
    columns: Columns = "",
) -> None:
    """Make a recording of activations that were recorded elsewhere.

    Arrays are `[token unit]` with an array `lengths`, or `[sequence time unit]` with `lengths` or a `mask`; `tokens`
    and `documents` are what they say, and other arrays that fit are labels. Without --sites every array that can be a
    site is one. Sequences of LSTMVis whose folder does not say how long they are, are cut by --length.

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
    console.say_as_read(source.describe())
    console.out.print(f"next: unitscope analyze {out}")


@app.command("export")
def write(
    recording: Annotated[Path, typer.Argument(help=RECORDING)],
    path: Annotated[Path, typer.Argument(help=".npz, .zarr or .parquet; or a new folder, for LSTMVis")],
    sites: Sites = ["*"],  # noqa: B006
    labels: Labels = None,
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
