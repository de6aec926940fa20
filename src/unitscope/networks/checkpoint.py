"""The whole state of a training run in one file, so that a run that was stopped goes on exactly."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unitscope.errors import InputError
from unitscope.files.tensors import read_tensors
from unitscope.networks.files import save_tensors

NAME = "checkpoint.safetensors"
Carried = tuple[Tensor, ...]
"""What goes from one batch to the next: the state of a network that reads a text from end to end, or nothing."""


@dataclass
class Position:
    """Where a run is. The next thing it does is batch ``batch`` of epoch ``epoch``, both counted from 0."""

    options: dict[str, Any]
    """What was asked for; a run goes on only under the same options."""
    fingerprint: str
    """Of what is learnt."""
    epoch: int = 0
    batch: int = 0
    first_loss: float | None = None
    loss_sum: float = 0.0
    """Of the batches of this epoch."""
    best: float | None = None
    """Lowest validation loss so far, in nats."""
    best_epoch: int = 0
    history: list[dict[str, int | float]] = field(default_factory=list)
    """One entry per finished epoch."""


def save(folder: Path, position: Position, net: nn.Module, optimizer: Optimizer, carried: Carried) -> None:
    """Write the checkpoint in place of the one before."""
    tensors = {f"network.{name}": value for name, value in net.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in values.items()}
    tensors |= {f"state.{number}": value for number, value in enumerate(carried)}
    # Dropout draws from the generator of the network's device.
    tensors["random"] = torch.cuda.get_rng_state() if _device(net).type == "cuda" else torch.get_rng_state()
    cpu = {name: value.detach().cpu() for name, value in tensors.items()}
    save_tensors(folder / NAME, cpu, {"position": json.dumps(asdict(position))})


def load(folder: Path) -> tuple[Position, dict[str, Tensor]]:
    """Where the run was, and the tensors that ``restore`` needs. Raises ``InputError`` for a damaged file."""
    path = folder / NAME
    tensors, metadata = read_tensors(path, "train again with restart", seal=True)
    try:
        return Position(**json.loads(metadata["position"])), tensors
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no checkpoint of this version ({error!r}); train again with restart") from error


def restore(tensors: dict[str, Tensor], net: nn.Module, optimizer: Optimizer) -> Carried:
    """Put weights, optimizer and random generator back; returns the state that is carried."""

    def under(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    net.load_state_dict(under("network."))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in under("optimizer.").items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    if _device(net).type == "cuda":
        torch.cuda.set_rng_state(tensors["random"])
    else:
        torch.set_rng_state(tensors["random"])
    carried = under("state.")
    return tuple(carried[str(number)].to(_device(net)) for number in range(len(carried)))


def _device(net: nn.Module) -> torch.device:
    return next(net.parameters()).device
