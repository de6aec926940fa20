"""Parts of a module into which nobody can look while they run, and why."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.ao.nn.quantized.dynamic.modules import rnn as quantised


def open_modules(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """By path, every module inside that takes hooks: all but those that TorchScript has compiled."""
    return ((path, child) for path, child in module.named_modules() if not isinstance(child, torch.jit.ScriptModule))


def closed(module: nn.Module) -> dict[str, str]:
    """Sites that one would look for and that cannot be there, with the reason."""
    found: dict[str, str] = {}
    compiled: list[str] = []
    for path, child in module.named_modules():
        name = path or type(child).__name__.lower()
        if isinstance(child, torch.jit.ScriptModule):
            if not any(not outer or path.startswith(f"{outer}.") for outer in compiled):
                compiled.append(path)
                found[f"{name}.output"] = (
                    f"{name} cannot be read: TorchScript has compiled it, so nothing inside can be seen; give the "
                    "module as it was written, with the same weights"
                )
        elif isinstance(child, quantised.RNNBase | quantised.RNNCellBase):
            found[f"{name}.*_gate"] = (
                f"the gates and cells of {name} cannot be read: it is quantised ({type(child).__name__} in int8), and "
                "its kernel gives its states alone, which are the output; give the module before it was quantised"
            )
    return found
