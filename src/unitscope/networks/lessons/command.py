"""The command line that asks for a network again, made from the options that it was trained with."""

import dataclasses
import shlex
from typing import Any


def flag(field: dataclasses.Field[Any]) -> str:
    """The flag of a field that is an option of the command line."""
    return str(field.metadata.get("flag", f"--{field.name.replace('_', '-')}"))


def command(task: str, options: Any) -> str:
    """``unitscope train`` and what differs from the defaults; a first field that is a tuple is its arguments.

    A tuple of fixed length is one option of several words; one of any length is an option that is repeated.
    """
    words = ["unitscope", "train", task]
    for place, field in enumerate(dataclasses.fields(options)):
        value = getattr(options, field.name)
        if place == 0 and isinstance(value, tuple):
            words += value
        elif value == field.default or field.name == "restart":
            continue
        elif value is False:
            words.append(flag(field).replace("--", "--no-", 1))
        elif isinstance(value, tuple) and field.default == ():
            words += [word for one in value for word in (flag(field), f"{one:g}")]
        else:
            words += [flag(field), *map(str, value if isinstance(value, tuple) else (value,))]
    return shlex.join(words)
