"""Options that are made: of the fields of a dataclass, of a list to show; and what several options say together."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from unitscope.cli.options import declared
from unitscope.corpus.dialect import Dialect
from unitscope.networks.lessons.command import flag

Described = TypeVar("Described")


def listing(show: Callable[[], None]) -> Any:
    """The option ``--list`` of a command: shows what there is, and stops."""

    def callback(wanted: bool) -> bool:
        if wanted:
            show()
            raise typer.Exit
        return False

    return typer.Option(False, "--list", help="List what can be named and stop.", callback=callback, is_eager=True)


def dialect_of(
    encoding: str = "", columns: str = "", label: str = "", text: str = "", part: str = "", quotes: bool | None = None
) -> Dialect:
    """Options on the layout of files."""
    named = tuple(name.strip() for name in columns.split(",")) if columns else ()
    return Dialect(encoding, named, label, text, part, quotes)


def from_fields(kind: type[Described]) -> Callable[[Callable[[Described], None]], Callable[..., None]]:
    """Make a command of a function of one dataclass.

    A field without a default, or the first where it is a tuple of any length, is an argument; the others are
    options. What one does is said above, where its flag is declared, and else by the field's ``metadata["help"]``.
    """

    def decorate(function: Callable[[Described], None]) -> Callable[..., None]:
        hints = typing.get_type_hints(kind)
        described = dataclasses.fields(typing.cast(Any, kind))
        known = declared()

        def command(**values: Any) -> None:
            tuples = {f.name for f in described if typing.get_origin(hints[f.name]) is tuple}
            function(kind(**{name: tuple(v) if name in tuples else v for name, v in values.items()}))

        parameters = []
        for place, field in enumerate(described):
            hint: Any = hints[field.name]
            default: Any = field.default
            many = typing.get_origin(hint) is tuple and typing.get_args(hint)[-1] is Ellipsis
            if many:
                hint = list.__class_getitem__(typing.get_args(hint)[0])
                default = list(default) if isinstance(default, tuple) else default
            option: Any
            if many and place == 0:
                option = typer.Argument(help=field.metadata["help"])
            elif flag(field) in known:
                option = known[flag(field)][0]
            else:
                name = flag(field)
                name = f"{name}/{name.replace('--', '--no-', 1)}" if default is True else name
                option = typer.Option(name, help=field.metadata["help"])
            parameters.append(
                inspect.Parameter(
                    field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, option]
                )
            )
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__name__ = function.__name__
        command.__doc__ = function.__doc__
        return command

    return decorate
