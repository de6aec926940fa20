"""Identity of a model: its classes, settings and weights; and, for facts that depend on it, its code."""

import hashlib
import re
import types
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.models.placement import state_of

_BY_VERSION = ("torch.", "transformers.", "peft.")
"""Classes of these libraries are what their version says."""
_SETTINGS = (bool, int, float, str, tuple, list, types.FunctionType, type(None))
"""What a module keeps to behave by, beside its weights."""


def architecture_and_weights(module: nn.Module) -> str:
    """Hexadecimal SHA-256 of the classes inside, their settings, and every weight and buffer, however it is kept."""
    digest = hashlib.sha256()
    for path, child in module.named_modules():
        settings = {name: getattr(child, name, None) for name in getattr(child, "__constants__", ())}
        digest.update(f"{path} {type(child).__qualname__} {child.extra_repr()} {settings}\n".encode())
    for name, value in state_of(module):
        for part in _bytes(name, value):
            digest.update(part)
    return digest.hexdigest()


def settings(module: nn.Module) -> str:
    """Hexadecimal SHA-256 of the numbers, words and functions that modules inside keep as attributes."""
    digest = hashlib.sha256()
    for path, child in module.named_modules():
        for name, value in sorted(vars(child).items()):
            if not name.startswith("_") and name != "training" and isinstance(value, _SETTINGS):
                digest.update(f"{path}.{name} {code(value)}\n".encode())
    return digest.hexdigest()


def code(*objects: Any) -> str:
    """Hexadecimal SHA-256 of what functions, and the methods of classes, do: of their code, not of their names."""
    digest = hashlib.sha256()
    for thing in objects:
        for line in _code(thing, set()):
            digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def libraries(module: nn.Module) -> list[str]:
    """The libraries beside torch that the classes inside come from."""
    roots = {type(child).__module__.partition(".")[0] for child in module.modules()}
    return sorted(roots & {name.rstrip(".") for name in _BY_VERSION} - {"torch"})


def own_classes(module: nn.Module) -> list[type]:
    """The classes inside that no library's version stands for, in an order of their own."""
    kinds = {kind for child in module.modules() for kind in type(child).__mro__}
    mine = [k for k in kinds if k is not object and not f"{k.__module__}.".startswith(_BY_VERSION)]
    return sorted(mine, key=lambda kind: (kind.__module__, kind.__qualname__))


def _bytes(name: str, value: Any) -> Iterator[bytes]:
    """A weight, or what a quantised layer or a state of its own keeps in place of one."""
    if isinstance(value, Tensor):
        yield f"{name} {value.dtype} {tuple(value.shape)}\n".encode()
        if value.is_meta:
            return
        if value.is_quantized:
            yield f"{value.qscheme()}\n".encode()
            value = value.dequantize()
        yield from _tensor(value)
    elif isinstance(value, Mapping):
        for key in value:
            yield from _bytes(f"{name}.{key}", value[key])
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            yield from _bytes(f"{name}.{number}", part)
    elif isinstance(value, torch.ScriptObject):
        yield from _bytes(name, value.__getstate__())
    else:
        yield f"{name} {_plain(value)}\n".encode()


def _tensor(value: Tensor) -> Iterator[bytes]:
    flat = value.detach().cpu().contiguous().flatten()
    yield flat.view(torch.uint8).numpy().tobytes()


def _plain(value: Any) -> str:
    """In words that do not say where in memory it lies."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def _code(thing: Any, seen: set[int]) -> Iterator[str]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    match thing:
        case type():
            yield thing.__qualname__
            for name, member in vars(thing).items():
                if not name.startswith("__") or name in ("__init__", "__call__"):
                    yield name
                    yield from _code(member, seen)
        case types.FunctionType():
            yield from _code(thing.__code__, seen)
            yield from _code(thing.__defaults__ or (), seen)
            for cell in thing.__closure__ or ():
                yield from _code(cell.cell_contents, seen)
        case types.MethodType():
            yield from _code(thing.__func__, seen)
        case staticmethod() | classmethod():
            yield from _code(thing.__func__, seen)
        case property():
            for part in (thing.fget, thing.fset):
                yield from _code(part, seen)
        case types.CodeType():
            yield f"{thing.co_code.hex()} {thing.co_names} {thing.co_varnames}"
            for constant in thing.co_consts:
                yield from _code(constant, seen)
        case tuple() | list():
            for part in thing:
                yield from _code(part, seen)
        case None | bool() | int() | float() | str() | bytes():
            yield repr(thing)
        case _:  # a network or tensor that a function closes over: its kind
            yield type(thing).__qualname__
