"""``unitscope``: the entry point."""

import sys
import warnings

STOPPED = "unitscope: stopped; what was finished is kept, and the same command goes on from there"


def run() -> None:
    """The entry point: whatever goes wrong is one line and status 2, and Ctrl-C, at any moment, is status 130."""
    try:
        _run()
    except KeyboardInterrupt:  # also while modules are still being imported
        print(STOPPED, file=sys.stderr)
        sys.exit(130)


def _run() -> None:
    import typer
    from rich.text import Text
    from typer.exceptions import TyperException

    from unitscope.cli import console
    from unitscope.cli.app import app
    from unitscope.errors import InputError
    from unitscope.files.damage import DamageWarning

    def say(message: str) -> None:
        console.error.print(Text.assemble(("unitscope: ", "red"), console.visible(message)), soft_wrap=True)

    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: object, **more: object) -> None:
        if category.__module__.startswith("unitscope."):
            say(str(message))
        else:
            shown(message, category, *rest, **more)  # type: ignore[arg-type]

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DamageWarning)
            warnings.showwarning = show
            status = app(standalone_mode=False)
        if status == 130:  # Typer says nothing of it
            raise KeyboardInterrupt
        sys.exit(status or 0)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except TyperException as error:  # wrong options and values
        message = " ".join(error.format_message().split()).rstrip(".")
        if message:  # else the help was printed, for a command without arguments
            where = getattr(error, "ctx", None)
            say(f"{message}; see {where.command_path} --help" if where else message)
        sys.exit(2)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        if isinstance(error, InputError):
            message = str(error)
        elif isinstance(error, MemoryError):
            message = "the memory is full; take fewer sites, a shorter --length or a smaller --batch-size"
        elif isinstance(error, OSError):
            message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
        else:
            said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            message = f"{said}; this is a fault of unitscope; run with --debug before the command to see where it is"
        say(message)
        sys.exit(2)
