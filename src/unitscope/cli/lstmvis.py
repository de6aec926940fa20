"""``unitscope export-lstmvis`` and ``unitscope import-lstmvis``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from unitscope.cli import console
from unitscope.cli.app import FOLDERS, app
from unitscope.recording.lstmvis import export_lstmvis, open_lstmvis
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live


@app.command("export-lstmvis", rich_help_panel=FOLDERS)
def write(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    folder: Annotated[Path, typer.Argument(help="a new folder, for lstm.yml and its files")],
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites")] = ["*"],  # noqa: B006
    labels: Annotated[
        list[str] | None, typer.Option("--label", help="a hypothesis or annotation as a meta track; may be repeated")
    ] = None,
) -> None:
    """Write a recording as a folder that LSTMVis opens.

    For example: `unitscope export-lstmvis run lstmvis/book --label inside-parentheses`
    """
    with console.progress_bar() as show:
        source = Recording.open(recording)
        export_lstmvis(source, folder, sites, labels or (), show)
    console.out.print(f"{folder}: {source.plan.tokens.sum():,} steps; give its parent to lstm_server.py")


@app.command("import-lstmvis", rich_help_panel=FOLDERS)
def read(
    folder: Annotated[Path, typer.Argument(help="folder with lstm.yml")],
    out: Annotated[Path, typer.Option(help="folder of the recording")] = Path("run"),
    dtype: Annotated[Literal["float32", "float16", "bfloat16"], typer.Option(help="precision on disk")] = "float32",
    length: Annotated[int, typer.Option(help="tokens of a sequence, where the folder does not say")] = 1024,
) -> None:
    """Make a recording of a folder of LSTMVis, for `unitscope analyze`, `find` and `match`.

    For example: `unitscope import-lstmvis data/children_books --out run`
    """
    model, corpus = open_lstmvis(folder, length)
    with console.progress_bar() as show:
        made = record(Live(model, corpus), out, dtype=dtype, progress=show)
    console.out.print(f"{out}: {len(made.sequences):,} sequences, {', '.join(site.name for site in made.sites)}")
    console.out.print(f"next: unitscope analyze {out}")
