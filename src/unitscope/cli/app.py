"""The command line's trunk: every other module of this folder that has commands adds them here."""

import contextlib
import os
from pathlib import Path

import typer

from unitscope import __version__
from unitscope.cli import console
from unitscope.cli.lazy import LazyGroup

PANELS = {
    "Begin": ("demo", "train", "data"),
    "Record": ("record", "import", "export", "info", "check", "verify"),
    "Ask": ("analyze", "ask", "probe", "ablate", "respond", "match", "compare"),
    "Look": ("report", "view"),
    "Published studies": ("study",),
}
"""The commands in the order of work, as the help has them."""

app = typer.Typer(
    name="unitscope",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""A microscope for the single units of neural sequence models.

Look at once: `unitscope demo`. Step by step:

    unitscope train text book.txt --out net    # or bring a trained network

    unitscope record net book.txt --out run    # every unit, every token

    unitscope analyze run                      # what each unit does

    unitscope ask     run                      # what it stands for, how sure, what is lost without it

    unitscope report  run                      # all of it in one page
""",
)


def _print_version(wanted: bool) -> bool:
    if wanted:
        console.out.print(f"unitscope {__version__}")
        raise typer.Exit
    return False


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", "-V", help="Print the version and stop.", callback=_print_version, is_eager=True
    ),
    debug: bool = typer.Option(False, "--debug", help="Show where an error came from."),
    trust: bool = typer.Option(
        False, "--trust", help="Open the model and the text that a recording names, though it was not made here."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print nothing but errors and what --json asks for."),
    no_progress: bool = typer.Option(False, "--no-progress", help="Show no progress."),
    threads: int = typer.Option(
        0,
        min=0,
        max=1024,
        help="Processor threads to compute with; 0 for OMP_NUM_THREADS where it is set, else one per idle core.",
    ),
) -> None:
    """Options of every command, before it or after."""
    console.begin(quiet, not no_progress)
    if trust:
        from unitscope.recording import known

        known.trusted = True
    # Said before torch loads. Threads that wait for each other by spinning cost a busy machine ten times the work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch  # here and not above: it takes seconds, which help and mistyped commands need not wait for

    torch.set_num_threads(_threads())


def cores() -> int:
    """As many as the user said, or those that this process may use, however busy they are."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said):
        return int(said)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # of a container: microseconds, and out of how many
        quota, period = map(int, Path("/sys/fs/cgroup/cpu.max").read_text().split())
        allowed = min(allowed, max(1, quota // period))
    return allowed


def _threads() -> int:
    """As the user said, or one for each core that is idle now; beyond a few, small products gain nothing.

    Threads wait for each other, so on busy cores they cost far more than they bring.
    """
    if os.environ.get("OMP_NUM_THREADS"):
        return cores()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, min(8, round(cores() - busy)))
