"""What an analysis leaves behind: arrays with named axes, columns for the units table, views to look at."""

import dataclasses
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Shaped
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from unitscope.errors import InputError
from unitscope.view import Kind, View

SCHEMA = 1

Kept = TypeVar("Kept", bound="Result")


@dataclass(frozen=True)
class Column:
    """One number per unit, for the table of all units."""

    name: str
    values: Shaped[np.ndarray, " unit"]
    help: str
    kind: Kind = "number"


@dataclass(frozen=True, eq=False)
class Result(ABC):
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

    def save(self, path: Path) -> None:
        """Write ``path.safetensors`` (arrays) and ``path.json`` (everything else, written last)."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, np.ndarray] = {}
        plain: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                arrays[field.name] = np.ascontiguousarray(value)
            else:
                plain[field.name] = value
        # As bytes: the library's own writer makes files that nobody else may read.
        _with(path, ".safetensors").write_bytes(save(arrays))
        _with(path, ".json").write_text(json.dumps({"schema": SCHEMA, "fields": plain}))

    @classmethod
    def load(cls: type[Kept], path: Path) -> Kept:
        """Read what ``save`` wrote. Raises ``InputError`` for a file of another version or a damaged one."""
        try:
            head = json.loads(_with(path, ".json").read_text())
            if head.get("schema") != SCHEMA:
                raise InputError(f"{path}.json has schema {head.get('schema')!r}; this version reads {SCHEMA}")
            arrays: dict[str, Any] = load_file(_with(path, ".safetensors"))
            return cls(**head["fields"], **arrays)
        except (
            OSError,
            UnicodeDecodeError,
            json.JSONDecodeError,
            SafetensorError,
            KeyError,
            TypeError,
            AttributeError,
        ) as error:
            raise InputError(f"{path} holds no readable {cls.__name__}: {error}") from error


def _with(path: Path, ending: str) -> Path:
    """Sites have dots in their names, so ``Path.with_suffix`` would cut them."""
    return path.with_name(path.name + ending)
