"""Commands that are imported when they are called: help of the whole costs no more than reading their source.

Each other module of this folder that has commands adds them to the app, with ``@app.command(…)`` or
``app.add_typer(…)``. What the overview shows of them (name, panel, docstring) stands in the source as written, so it
is read there (``ast``); importing all modules would import torch, which takes seconds.
"""

import ast
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.abc import InspectLoader
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from unitscope import cli


class Written(NamedTuple):
    """A command as its source says it is."""

    name: str
    module: str
    help: str


class LazyGroup(TyperGroup):
    """Knows every command by its source, and imports the module of the one that is called."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._written = {command.name: command for command in written()}
        for panel, names in importlib.import_module("unitscope.cli.app").PANELS.items():
            for name in names:
                light = TyperCommand(name, help=self._written[name].help)
                command: Any = self.commands.pop(name, light)  # put last, in the order of work
                command.rich_help_panel = panel
                self.commands[name] = command

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options of every command may stand behind the command too."""
        own = {flag: param for param in self.params for flag in param.opts if param.name not in ("help", "version")}
        end = args.index("--") if "--" in args else len(args)
        first: list[str] = []
        rest: list[str] = []
        words = iter(args[:end])
        for word in words:
            flag, equals, _ = word.partition("=")
            (first if flag in own else rest).append(word)
            if flag in own and not equals and not getattr(own[flag], "is_flag", False):
                first += [value for value in [next(words, None)] if value is not None]
        return super().parse_args(ctx, [*first, *rest, *args[end:]])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, of which the overview knew only the docstring."""
        name, _, rest = super().resolve_command(ctx, args)
        assert name is not None
        module = importlib.import_module(self._written[name].module)
        return name, typer.main.get_group(module.app).commands[name], rest


def load_all() -> None:
    """Import every command, so that all their options are known: for documentation and tests."""
    for command in written():
        importlib.import_module(command.module)


@cache
def written() -> tuple[Written, ...]:
    """The commands of every module of this folder, in the order of their modules; the sources are read once."""
    return tuple(_written())


def _written() -> Iterator[Written]:
    for info in pkgutil.iter_modules(cli.__path__, f"{cli.__name__}."):
        spec = importlib.util.find_spec(info.name)
        assert spec is not None
        assert isinstance(spec.loader, InspectLoader)
        for node in ast.parse(spec.loader.get_source(info.name) or "").body:
            if isinstance(node, ast.FunctionDef):
                for call in node.decorator_list:
                    if _is(call, "command"):
                        name = _named(call) or node.name.replace("_", "-")
                        yield Written(name, info.name, ast.get_docstring(node) or "")
            elif isinstance(node, ast.Expr) and _is(node.value, "add_typer"):
                help_text = ast.literal_eval(_keywords(node.value)["help"])
                yield Written(_named(node.value), info.name, help_text)


def _is(call: ast.expr, method: str) -> bool:
    return isinstance(call, ast.Call) and ast.unparse(call.func) == f"app.{method}"


def _keywords(call: Any) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords}


def _named(call: Any) -> str:
    given = _keywords(call).get("name") or next((a for a in call.args if isinstance(a, ast.Constant)), None)
    return str(ast.literal_eval(given)) if given else ""
