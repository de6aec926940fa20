"""``unitscope``: the entry point."""

import sys

from rich.text import Text

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.errors import InputError


def run() -> None:
    """The entry point: a mendable error is one line and status 2, Ctrl-C is status 130."""
    try:
        app()
    except SystemExit as end:
        if end.code == 130:
            console.error.print(
                "unitscope: stopped; what was finished is kept, and the same command goes on from there"
            )
        raise
    except (InputError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        message = str(error)
        if isinstance(error, OSError):
            message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or message
        console.error.print(Text.assemble(("unitscope: ", "red"), message), soft_wrap=True)
        sys.exit(2)
