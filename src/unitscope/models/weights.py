"""Weights that some training left in a file, for a network that somebody's function builds.

What the file holds is a state dict, alone or as an entry of a checkpoint, and its names may have the prefixes of what
the network was wrapped in: a module of Lightning, ``DataParallel``, ``torch.compile``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.files.tensors import read_tensors

COMPILED = "_orig_mod."
"""What ``torch.compile`` puts before the names of a module that it wraps, at any depth."""


def load_weights(module: nn.Module, path: Path) -> None:
    """Give a module the weights of a file, .safetensors or what ``torch.save`` wrote of tensors and plain values.

    A file of ``torch.save`` is read with ``weights_only``: nothing in it runs. Raises ``InputError`` for a file that is
    none, and for weights that are missing, left over or of another shape.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path} with weights; correct --weights")
    found = _state(_tensors(path), path)
    wanted = module.state_dict()
    under = _without_prefix({name.replace(COMPILED, ""): value for name, value in found.items()}, list(wanted))
    missing = [name for name in wanted if name not in under]
    left = [name for name in under if name not in wanted]
    if missing or left:
        raise InputError(
            f"{path} has weights of another network: " + "; ".join(
                f"{len(names)} {what}, such as {names[0]}"
                for names, what in ((missing, "are missing"), (left, "have no place")) if names
            ) + "; build the network that was trained, with --arg NAME=VALUE where it has sizes"
        )  # fmt: skip
    for name, value in wanted.items():
        if under[name].shape != value.shape:
            raise InputError(
                f"{name} is {list(under[name].shape)} in {path} and {list(value.shape)} in the network; build it in "
                "the size that was trained, with --arg NAME=VALUE"
            )
    module.load_state_dict(under)


def _tensors(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return read_tensors(path, "write them again")[0]
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it likes on files that are none of its own
        raise InputError(
            f"{path} cannot be read as weights; save them alone, torch.save(network.state_dict(), 'net.pt'), or as "
            "safetensors"
        ) from error


def _state(found: Any, path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint: itself, or the largest of its entries that is one."""
    if isinstance(found, Mapping):
        own = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
        within = [_state(value, path) for value in found.values() if isinstance(value, Mapping) and _holds_some(value)]
        if own or within:
            return max([own, *within], key=len)
    raise InputError(f"{path} holds no weights; give a state dict, or a checkpoint with one")


def _holds_some(found: Mapping[Any, Any]) -> bool:
    return any(isinstance(v, Tensor) or (isinstance(v, Mapping) and _holds_some(v)) for v in found.values())


def _without_prefix(found: dict[str, Tensor], wanted: list[str]) -> dict[str, Tensor]:
    """Names without what stands before all that is wanted; what stands elsewhere, as a loss with weights, is left."""
    if not wanted or wanted[0] in found:
        return found
    ends = f".{wanted[0]}"
    for prefix in sorted({name.removesuffix(ends) + "." for name in found if name.endswith(ends)}, key=len):
        if all(f"{prefix}{name}" in found for name in wanted):
            return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
    return found
