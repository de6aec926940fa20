"""Result of an analysis: arrays with named axes, columns for the units table, views to look at."""

import dataclasses
import json
import typing
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import numpy as np
import pandas as pd
from jaxtyping import AbstractArray, Shaped, jaxtyped

from unitscope.errors import InputError
from unitscope.files.arrays import Part, arrays_bytes, read_arrays
from unitscope.files.damage import damaged
from unitscope.files.jsons import parse
from unitscope.files.writing import make_folder, write
from unitscope.views import Kind, Shown, View, table_of

SCHEMA = 2
MEND = "make it again with the command that made it"
ENDING = ".safetensors"

Kept = TypeVar("Kept", bound="Result")


@dataclass(frozen=True)
class Column:
    """One number per unit, for the table of all units."""

    name: str
    values: Shaped[np.ndarray, " unit"]
    help: str
    kind: Kind = "number"


@dataclass(frozen=True, eq=False)
class Result(Shown, ABC):
    """The kept outcome of an analysis for one site.

    Fields are NumPy arrays, or values that JSON holds (numbers, strings, and lists and dicts of them).
    A result never refers to the recording or the model it came from.
    """

    site: str
    units: int

    @abstractmethod
    def columns(self) -> list[Column]:
        """One number per unit, for the table of all units."""

    @abstractmethod
    def views(self, unit: int | None = None) -> list[View]:
        """Pictures of the whole site, or of one unit."""

    def to_pandas(self) -> pd.DataFrame:
        """The columns as a data frame, one row per unit."""
        frame = pd.DataFrame({column.name: column.values for column in self.columns()}, index=range(self.units))
        frame.insert(0, "site", self.site)
        frame.insert(1, "unit", range(self.units))
        return frame

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return f"{type(self).__name__} of {self.units:,} units of {self.site}", [
            table_of(self.to_pandas()),
            *self.views(),
        ]

    def content(self, said: Mapping[str, str] | None = None) -> list[Part]:
        """Saved form: a safetensors file; its metadata hold the fields that are no arrays, and ``said``."""
        arrays: dict[str, np.ndarray] = {}
        plain: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            (arrays if isinstance(value, np.ndarray) else plain)[field.name] = value
        words = {"schema": str(SCHEMA), "kind": type(self).__name__, **(said or {}), "fields": json.dumps(plain)}
        return arrays_bytes(arrays, words)

    def save(self, path: Path) -> None:
        """Write one file, in one step. Raises ``InputError`` if the disk refuses."""
        make_folder(path.parent)
        write(path, *self.content())

    @classmethod
    def load(cls: type[Kept], path: Path, said: Mapping[str, str] | None = None) -> Kept:
        """Read what ``save`` wrote, or a file of such ``content``.

        Raises ``InputError`` for a file that is damaged, of another version or another result than the one ``said``.
        """
        arrays, words = read_arrays(path, MEND)
        if words.get("schema") != str(SCHEMA):
            raise InputError(f"{path} has schema {words.get('schema')}; this version reads {SCHEMA}; {MEND}")
        wanted = {"kind": cls.__name__, **(said or {})}
        for name, value in wanted.items():
            if words.get(name) != value:
                raise damaged(path, f"its {name} is {words.get(name)}, it should be {value}", MEND)
        try:
            return _typed(cls, {**parse(words["fields"]), **arrays})
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(path, error, MEND) from error


def _typed(cls: type[Kept], values: dict[str, Any]) -> Kept:
    """A result of these fields. Raises ``ValueError`` where one has not the type, or the axes, that its class says."""
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {field.name for field in dataclasses.fields(cls)}
    if fields != values.keys():
        raise ValueError(f"it has the fields {', '.join(sorted(values))[:200]}")
    with jaxtyped("context"):  # an axis of one name has one length
        units = msgspec.convert(values["units"], int)
        if units < 0 or not isinstance(np.broadcast_to(np.int8(0), units), cast(type, Shaped[np.ndarray, " unit"])):
            raise ValueError(f"it has {units} units")
        for name in sorted(fields):
            value, hint = values[name], hints[name]
            if isinstance(value, np.ndarray) != (isinstance(hint, type) and issubclass(hint, AbstractArray)):
                raise ValueError(f"its {name} is {type(value).__name__}")
            if not isinstance(value, np.ndarray):
                values[name] = msgspec.convert(value, hint)
            elif not isinstance(value, hint):
                raise ValueError(f"its {name} has {value.dtype} {value.shape}, where {hint} should be")
    return cls(**values)
