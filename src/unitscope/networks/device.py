"""The device on which a network is trained."""

import torch

from unitscope.errors import InputError


def find_device(name: str) -> torch.device:
    """``cpu``, ``cuda`` or ``cuda:1``. Raises ``InputError`` for another word, and for a device that is not there."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"no device is called {name!r}; give cpu or cuda") from error
    there = torch.cuda.device_count() if device.type == "cuda" else 1
    if device.type not in ("cpu", "cuda") or (device.index or 0) >= there:
        raise InputError(f"this machine cannot compute on {name!r}; give cpu")
    return device
