"""Where a module's weights lie: on one device, split over several, or offloaded and brought in for each call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def device_of(module: nn.Module) -> torch.device:
    """Where the inputs of a module go; the processor for one without weights, ``meta`` for one that has no numbers."""
    for child in module.modules():  # accelerate says where an offloaded or split module runs
        where = getattr(getattr(child, "_hf_hook", None), "execution_device", None)
        if where is not None:
            return torch.device("cuda", where) if isinstance(where, int) else torch.device(where)
    weight = next(_weights(module), None)
    return torch.device("cpu") if weight is None else weight.device


@contextmanager
def at_hand(module: nn.Module) -> Iterator[None]:
    """While open, a module's own weights are where it runs, as they are while it does."""
    hook = getattr(module, "_hf_hook", None)
    if hook is None:
        yield
        return
    hook.pre_forward(module)
    try:
        yield
    finally:
        hook.post_forward(module, None)


def is_offloaded(module: nn.Module) -> bool:
    """Whether weights of a module are brought in for each call only."""
    return any(weight.is_meta for weight in module.parameters())


def precision_of(module: nn.Module) -> torch.dtype:
    """Device of the module's first weight."""
    return next((weight.dtype for weight in _weights(module) if weight.is_floating_point()), torch.float32)


def state_of(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """By name what a module's state holds, each weight with its numbers, wherever they are kept."""
    hooks = {path: getattr(child, "_hf_hook", None) for path, child in module.named_modules()}
    offloaded = {path: getattr(hook, "weights_map", None) for path, hook in hooks.items()}
    for name, value in module.state_dict().items():
        path, _, own = name.rpartition(".")
        kept = offloaded.get(path)
        yield name, kept[own] if kept is not None and isinstance(value, Tensor) and value.is_meta else value


def _weights(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()
