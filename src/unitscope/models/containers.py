"""The tensors inside what modules take and give: tuples, lists, dicts, dataclasses, one in the other."""

import copy
import dataclasses
from typing import Any

from torch import Tensor


def _parts(values: Any) -> list[tuple[Any, Any]]:
    """Entries of a container, by key."""
    if isinstance(values, dict):
        return list(values.items())
    if isinstance(values, tuple | list):
        return list(enumerate(values))
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        return [(field.name, getattr(values, field.name)) for field in dataclasses.fields(values)]
    return []


def tensors(values: Any) -> list[Tensor]:
    """The tensors inside tuples, lists, dicts and dataclasses, in order."""
    if isinstance(values, Tensor):
        return [values]
    return [tensor for _, part in _parts(values) for tensor in tensors(part)]


def replaced(values: Any, place: int, tensor: Tensor) -> Any:
    """The same containers around another tensor; one that occurs twice is replaced twice."""
    return _swapped(values, tensors(values)[place], tensor)


def _swapped(values: Any, old: Tensor, new: Tensor) -> Any:
    if values is old:
        return new
    parts = [(key, _swapped(part, old, new)) for key, part in _parts(values)]
    if all(part is before for (_, part), (_, before) in zip(parts, _parts(values), strict=True)):
        return values
    if isinstance(values, dict):
        changed = copy.copy(values)
        for key, part in parts:
            changed[key] = part
        return changed
    if isinstance(values, tuple) and hasattr(values, "_fields"):
        return type(values)(*(part for _, part in parts))
    if isinstance(values, tuple | list):
        return type(values)(part for _, part in parts)
    return dataclasses.replace(values, **dict(parts))
