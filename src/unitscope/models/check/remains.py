"""Traces that a call leaves in a module: changed buffers and attributes. They are put back."""

from collections import deque
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

_OWN = ("_parameters", "_modules", "_buffers", "_non_persistent_buffers_set", "training", "forward")
_HOOKS = (
    *("_forward", "_backward", "_full_backward", "_state_dict", "_load_state", "_is_full", "_compiled", "_hf_hook"),
    *("_old_forward", "_flat_weight"),  # what accelerate wraps, and what recurrent layers keep of their own weights
)


class Remains:
    """A module's buffers and attributes as they are now; weights are left out, which no call changes.

    ``only`` are names as ``changed`` gives them; without it, everything.
    """

    def __init__(self, module: nn.Module, only: Collection[str] | None = None) -> None:
        paths = None if only is None else {name.rpartition(".")[0] for name in only}
        self._modules = [
            (path, child)
            for path, child in module.named_modules()
            # The first call of a lazy module makes it what it is.
            if (paths is None or path in paths) and not isinstance(child, LazyModuleMixin)
        ]
        self._before = {path: _kept(child) for path, child in self._modules}

    def changed(self) -> tuple[str, ...]:
        """Names of what is another now, as one writes them: ``rnn.state``."""
        return tuple(
            f"{path}.{name}" if path else name
            for path, child in self._modules
            for name, (value, copied) in _now(child, self._before.get(path, {})).items()
            if not _same(value, copied)
        )

    def put_back(self) -> None:
        """Buffers and attributes as they were."""
        for path, child in self._modules:
            before = self._before.get(path, {})
            for name, (value, copied) in _now(child, before).items():
                if _same(value, copied):
                    continue
                if name not in before:
                    delattr(child, name)
                elif name in child._buffers:
                    child._buffers[name] = _restored(*before[name])
                else:
                    child.__dict__[name] = _restored(*before[name])


def _kept(child: nn.Module) -> dict[str, tuple[Any, Any]]:
    """By name, each value itself and a copy of what it holds."""
    own = {k: v for k, v in child.__dict__.items() if k not in _OWN and not k.startswith(_HOOKS)}
    return {name: (value, _copied(value)) for name, value in {**own, **child._buffers}.items()}


def _now(child: nn.Module, before: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """By name, each value of now and the copy of before; an attribute that is new has none."""
    own = {k: v for k, v in child.__dict__.items() if k not in _OWN and not k.startswith(_HOOKS)}
    return {
        name: (value, before[name][1] if name in before else _NEW) for name, value in {**own, **child._buffers}.items()
    }


class _New:
    """In place of the copy of an attribute that was not there."""


_NEW = _New()


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value if value.is_meta else value.detach().clone()
    if isinstance(value, list | tuple | deque):
        return type(value)(map(_copied, value)) if type(value) in (list, tuple, deque) else value
    if type(value) in (dict, set):
        return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else set(value)
    return value


def _same(value: Any, copied: Any) -> bool:
    if isinstance(value, Tensor) and isinstance(copied, Tensor):
        if value.is_meta or copied.is_meta:
            return value.is_meta == copied.is_meta
        if value.shape != copied.shape or value.dtype != copied.dtype:
            return False
        return torch.equal(value.detach(), copied) or bool(torch.isclose(value, copied, 0, 0, equal_nan=True).all())
    if type(value) is not type(copied):
        return False
    if isinstance(value, list | tuple | deque) and type(value) in (list, tuple, deque):
        return len(value) == len(copied) and all(map(_same, value, copied))
    if type(value) is dict:
        return list(value) == list(copied) and all(_same(value[key], copied[key]) for key in value)
    if type(value) in (set, int, float, str, bool):
        return bool(value == copied)
    return value is copied


def _restored(value: Any, copied: Any) -> Any:
    """The very object that was there, with what it held."""
    if isinstance(value, Tensor) and not value.is_meta:
        if not torch.equal(value.detach(), copied):
            with torch.no_grad():
                value.copy_(copied)
    elif type(value) in (list, deque):
        value.clear()
        value.extend(copied)
    elif type(value) in (dict, set):
        value.clear()
        value.update(copied)
    return value
