"""``unitscope study``: one command for each study; the keyword parameters of its ``run`` are the options."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from unitscope import studies
from unitscope.cli import console
from unitscope.cli.app import STUDIES, app
from unitscope.studies.check import Check

study = typer.Typer(no_args_is_help=True)
app.add_typer(
    study,
    name="study",
    rich_help_panel=STUDIES,
    help="Do a published study again, end to end, and say which of its statements hold.",
)

Out = Annotated[Path, typer.Option(help="folder for index.html and results.json")]


def command(run: Callable[..., list[Check]]) -> Callable[..., None]:
    """A command that does the study. ``Annotated[int, "networks of each kind"]`` is an option and its help."""

    def do(out: Path, **options: Any) -> None:
        with console.progress_bar() as show:
            checks = run(out, show, **options)
        console.out.print(table(checks))
        console.out.print(f"{out}: index.html and results.json")

    parameters = [inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=Path("study"), annotation=Out)]
    for parameter in inspect.signature(run).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            kind, says = get_args(parameter.annotation)
            parameters.append(parameter.replace(annotation=Annotated[kind, typer.Option(help=says)]))
    do.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    do.__doc__ = run.__doc__
    return do


def table(checks: list[Check]) -> Table:
    """What was stated, what came out, and whether it holds."""
    shown = Table("statement", "found", "expected", "holds")
    for check in checks:
        value = f"{check.value:.3f}" if isinstance(check.value, float) else str(check.value)
        shown.add_row(check.statement, value, check.expected, {True: "yes", False: "no", None: ""}[check.met])
    return shown


for _module in pkgutil.iter_modules(studies.__path__):
    _run = getattr(importlib.import_module(f"{studies.__name__}.{_module.name}"), "run", None)
    if _run is not None:
        study.command(_module.name.replace("_", "-"))(command(_run))
