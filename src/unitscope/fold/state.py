"""States as tensors and plain JSON, so that another process, or a later run, goes on with them.

A state is a dataclass. What may be inside follows from the types of its fields: tensors, arrays, numbers, texts, lists,
tuples, dicts and sets of these, and further dataclasses. ``unpack`` is led by these types alone: a file names no class,
so nothing but a state of the wanted type can come out of it. Law, tested for every analysis: unpacked and merged equals
merged.
"""

import dataclasses
import hashlib
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from unitscope.errors import InputError

State = TypeVar("State")


@dataclass(frozen=True)
class Packed:
    """A state taken apart."""

    tensors: Mapping[str, Tensor]
    """By their place in the state, such as ``best.height``."""
    plain: Any
    """Everything else, as JSON values; a tensor is told by its place."""


def pack(state: Any) -> Packed:
    """Take a state apart; tensors are shared with it. Raises ``TypeError`` for what no state may hold."""
    tensors: dict[str, Tensor] = {}

    def take(value: Any, place: str) -> Any:
        match value:
            case Tensor():
                tensors[place] = value.detach()
                return None
            case np.ndarray():
                tensors[place] = torch.from_numpy(np.ascontiguousarray(value))
                return None
            case None | bool() | str():
                return value
            case int() | np.integer():
                return int(value)
            case float() | np.floating():
                return float(value) if math.isfinite(value) else str(float(value))
            case list() | tuple():
                return [take(item, f"{place}.{number}") for number, item in enumerate(value)]
            case set() | frozenset():
                return [take(item, f"{place}.{number}") for number, item in enumerate(sorted(value))]
            case dict():
                return [
                    [take(key, f"{place}.{number}.key"), take(item, f"{place}.{number}")]
                    for number, (key, item) in enumerate(value.items())
                ]
        if dataclasses.is_dataclass(value):
            inside = [field.name for field in dataclasses.fields(value)]
            return {name: take(getattr(value, name), f"{place}.{name}" if place else name) for name in inside}
        raise TypeError(f"{place} is a {type(value).__name__}, which a state cannot hold")

    plain = take(state, "")
    return Packed(tensors, plain)


def content_digest(value: Any) -> str:
    """Hexadecimal SHA-256 of a state, or of a result."""
    packed = pack(value)
    made = hashlib.sha256(json.dumps(packed.plain, sort_keys=True).encode())
    for name, tensor in sorted(packed.tensors.items()):
        made.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        made.update(np.ascontiguousarray(_bits(tensor)).tobytes())
    return made.hexdigest()


def unpack(kind: type[State], packed: Packed) -> State:
    """A state of this type from its parts, sharing nothing with them. Raises ``InputError`` where it is none."""
    try:
        found: State = _build(kind, packed.plain, packed.tensors, "")
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"this holds no {kind.__name__} ({error}); fold that part again") from error
    return found


def _build(kind: Any, plain: Any, tensors: Mapping[str, Tensor], place: str) -> Any:
    build: Callable[..., Any] = lambda inner, value, where: _build(inner, value, tensors, where)  # noqa: E731
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        rest = [inner for inner in typing.get_args(kind) if inner is not type(None)]
        if plain is None and place not in tensors and len(rest) < len(typing.get_args(kind)):
            return None
        return build(rest[0], plain, place)
    if origin in (list, set, frozenset, tuple):
        inner = typing.get_args(kind)
        kinds = [inner[0]] * len(plain) if origin is not tuple or inner[-1] is Ellipsis else inner
        return origin(build(k, v, f"{place}.{n}") for n, (k, v) in enumerate(zip(kinds, plain, strict=True)))
    if origin in (dict, Mapping):
        key, inner = typing.get_args(kind)
        return {
            build(key, k, f"{place}.{number}.key"): build(inner, v, f"{place}.{number}")
            for number, (k, v) in enumerate(plain)
        }
    if origin is typing.Literal:
        if plain not in typing.get_args(kind):
            raise ValueError(f"{place} is {plain!r}, none of {typing.get_args(kind)}")
        return plain
    if kind is float:
        return float(plain)
    if kind in (int, str, bool):
        if type(plain) is not kind:
            raise ValueError(f"{place} is {plain!r}, not {kind.__name__}")
        return plain
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        made: Any = object.__new__(typing.cast(type, kind))
        for field in dataclasses.fields(kind):
            where = f"{place}.{field.name}" if place else field.name
            object.__setattr__(made, field.name, build(hints[field.name], plain[field.name], where))
        return made
    if _is_array(kind):
        return tensors[place].cpu().numpy().copy()
    return tensors[place].clone()


def _is_array(kind: Any) -> bool:
    """Whether a field is of NumPy's arrays, plain or with axes (``Float[np.ndarray, "unit"]``)."""
    return getattr(kind, "array_type", kind) is np.ndarray


def _bits(tensor: Tensor) -> np.ndarray:
    """The values as NumPy's, whatever their type: NumPy has no bfloat16."""
    plain = tensor.cpu().contiguous()
    return (plain.view(torch.int16) if plain.dtype == torch.bfloat16 else plain).numpy()
