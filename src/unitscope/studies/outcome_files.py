"""Outcomes of runs on disk: numbers, words, lists, dictionaries, arrays and views, under the key of all it
hangs on.

A study that was stopped goes on from what it kept. Nothing is unpickled: a JSON file, and arrays beside it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.errors import InputError
from unitscope.files.arrays import read_arrays, write_arrays
from unitscope.files.jsons import read_json, write_json
from unitscope.views import Field, Group, Heatmap, Histogram, Lines, Scatter, Series, Table, TokenText

HEAD, ARRAYS, TIME = "outcome.json", "outcome.safetensors", "time.json"
SCHEMA = 1
ADVICE = "remove it, and the study finds it again"
VIEWS = {kind.__name__: kind for kind in (Table, Histogram, Lines, Heatmap, Scatter, TokenText, Field, Series, Group)}
"""A view, and what it is made of, is kept as its fields under the name of its class."""

Outcome = dict[str, Any]
"""What a run gives: whatever nests of dictionaries, lists, words, numbers, arrays and views says it."""


def keep(folder: Path, key: str, outcome: Outcome) -> None:
    """Write; the head comes last, so that what is there is whole."""
    arrays: dict[str, np.ndarray] = {}
    plain = _flattened(outcome, arrays)
    folder.mkdir(parents=True, exist_ok=True)
    if arrays:
        write_arrays(folder / ARRAYS, arrays)
    write_json(folder / HEAD, {"key": key, "outcome": plain}, SCHEMA, compact=True)


def kept(folder: Path, key: str) -> Outcome | None:
    """Outcome under this key; None where there is nothing, something else, or a damaged file."""
    if not (folder / HEAD).exists():
        return None
    try:
        head = read_json(folder / HEAD, dict[str, Any], ADVICE, SCHEMA)
        if head.get("key") != key:
            return None
        arrays = read_arrays(folder / ARRAYS, ADVICE)[0] if (folder / ARRAYS).exists() else {}
        found: Outcome = _whole(head["outcome"], arrays)
        return found
    except (InputError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Took:
    """How long a run took; apart from what it gave, which is the same each time."""

    seconds: float
    """Of a processor."""


def keep_time(folder: Path, seconds: float) -> None:
    """Write how long a run took."""
    write_json(folder / TIME, Took(seconds))


def kept_time(folder: Path) -> float | None:
    """Processor seconds that a run took; None where that is not known."""
    try:
        return read_json(folder / TIME, Took, ADVICE).seconds if (folder / TIME).exists() else None
    except InputError:
        return None


def _flattened(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The same in what JSON knows; arrays and numbers that it does not know are marked by a key that is a sign."""
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"∎array": name}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"∎number": str(value)}
    if type(value).__name__ in VIEWS:
        own = {field.name: _flattened(getattr(value, field.name), arrays) for field in fields(value)}
        return {"∎view": type(value).__name__, **own}
    if isinstance(value, Mapping):
        return {str(key): _flattened(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_flattened(item, arrays) for item in value]
    return value


def _whole(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        if "∎array" in value:
            return arrays[value["∎array"]]
        if "∎number" in value:
            return float(value["∎number"])
        whole = {key: _whole(item, arrays) for key, item in value.items()}
        return _view(**whole) if "∎view" in value else whole
    return [_whole(item, arrays) for item in value] if isinstance(value, list) else value


def _view(**content: Any) -> Any:
    """A view again; JSON knows no tuples."""
    kind: Any = VIEWS[content.pop("∎view")]
    tuples = {field.name for field in fields(kind) if "tuple" in str(field.type)}
    return kind(**{k: tuple(v) if k in tuples and isinstance(v, list) else v for k, v in content.items()})
