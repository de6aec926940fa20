"""``unitscope``: the entry point."""

import importlib
import pkgutil
import sys

from rich.text import Text

from unitscope import cli
from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.errors import InputError

for _module in pkgutil.iter_modules(cli.__path__):
    importlib.import_module(f"{cli.__name__}.{_module.name}")  # each command adds itself to the app


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
