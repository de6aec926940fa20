"""Command-line options made from the fields of a dataclass, so that each is described in one place."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from unitscope.corpus.dialect import Dialect

Described = TypeVar("Described")

Layouts = Annotated[
    list[str] | None,
    typer.Option(
        "--layout",
        help="axes of a module's values where they are not found, or found wrongly: 'PATTERN=batch head time unit'; "
        "may be repeated",
    ),
]

Encoding = Annotated[
    str, typer.Option("--encoding", help="of the files, such as latin-1; if not given, UTF-8 or what their mark says")
]
Columns = Annotated[
    str,
    typer.Option(
        "--columns",
        help="names of all columns, with commas between, of a table without a head (label,title,text) or of words in "
        "columns (form,xpos,_,entity)",
    ),
]
LabelColumn = Annotated[str, typer.Option("--label", help="column of a table that is the label; label if not given")]
TextColumn = Annotated[
    str, typer.Option("--text", help="column of a table that is the text, or several with commas; text if not given")
]
Quotes = Annotated[
    bool | None,
    typer.Option("--quotes/--no-quotes", help="cells may stand in double quotes; if not given, those of .csv may"),
]


def dialect_of(
    encoding: str = "", columns: str = "", label: str = "", text: str = "", part: str = "", quotes: bool | None = None
) -> Dialect:
    """What options say of how files are written."""
    named = tuple(name.strip() for name in columns.split(",")) if columns else ()
    return Dialect(encoding, named, label, text, part, quotes)


def from_fields(kind: type[Described]) -> Callable[[Callable[[Described], None]], Callable[..., None]]:
    """Make a command of a function of one dataclass.

    A field without a default, or the first where it is a tuple of any length, is an argument; the others are
    options, with ``metadata["help"]`` as their help.
    """

    def decorate(function: Callable[[Described], None]) -> Callable[..., None]:
        hints = typing.get_type_hints(kind)
        described = dataclasses.fields(typing.cast(Any, kind))

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
            make = typer.Argument if many and place == 0 else typer.Option
            annotation: Any = Annotated[hint, make(help=field.metadata.get("help", ""))]
            parameters.append(
                inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            )
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__name__ = function.__name__
        command.__doc__ = function.__doc__
        return command

    return decorate
