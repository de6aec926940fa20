"""``unitscope study``."""

import importlib
import pkgutil
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope import studies
from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.errors import InputError


def names() -> list[str]:
    """Every module of ``unitscope.studies`` that can be run."""
    found = [module.name for module in pkgutil.iter_modules(studies.__path__)]
    return [n.replace("_", "-") for n in found if hasattr(importlib.import_module(f"{studies.__name__}.{n}"), "run")]


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="response-characterization")],
    out: Annotated[Path, typer.Option(help="folder for index.html and results.json")] = Path("study"),
    data: Annotated[
        Path | None, typer.Option(help="folder with the study's data files; without it, what needs none")
    ] = None,
    seeds: Annotated[int, typer.Option(help="networks that are trained for each task, at most")] = 4,
) -> None:
    """Do a published study again, end to end, and say which of its statements hold.

    For example: `unitscope study response-characterization --out study`
    """
    if name not in names():
        raise InputError(f"no study is called {name!r}; there are: {', '.join(names())}")
    if seeds < 1:
        raise InputError(f"at least one network is trained, not {seeds}")
    module = importlib.import_module(f"{studies.__name__}.{name.replace('-', '_')}")
    with console.progress_bar() as show:
        checks = module.run(out, data, seeds, show)
    table = Table("statement", "found", "expected", "holds")
    for check in checks:
        value = f"{check.value:.3f}" if isinstance(check.value, float) else str(check.value)
        table.add_row(check.statement, value, check.expected, {True: "yes", False: "no", None: ""}[check.met])
    console.out.print(table)
    console.out.print(f"{out}: index.html and results.json")
