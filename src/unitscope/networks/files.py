"""The files of a trained network, and of one that is being trained. Nothing is ever unpickled."""

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from unitscope.errors import InputError
from unitscope.models.pickles import refuse_pickle

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
HISTORY = "history.json"
SHIPPED = Path(str(files("unitscope"))) / "assets" / "stdlib-lstm256"
"""The network that comes with the package, trained on the source of Python's standard library."""


def read_json(folder: Path) -> dict[str, Any]:
    """What ``config.json`` says. Raises ``InputError`` if there is none that can be read, and for a pickle."""
    refuse_pickle(folder)
    try:
        read = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} holds no network: {CONFIG} cannot be read ({error}); train one with unitscope train"
        ) from error
    return read if isinstance(read, dict) else {}


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file; an interruption leaves the old one. Raises ``InputError`` if the disk refuses."""
    # Not save_file: its files can be read by nobody else.
    _replace(path, to_bytes({name: value.contiguous() for name, value in tensors.items()}, dict(metadata or {})))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file. Raises ``InputError`` if it is missing, truncated or something else."""
    refuse_pickle(path)
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; copy it again or train the network again") from error
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is truncated or no safetensors file ({error}); copy it again") from error


def save_json(path: Path, value: Any) -> None:
    """Write a JSON file; an interruption leaves the old one. Raises ``InputError`` if the disk refuses."""
    _replace(path, (json.dumps(value, indent=1) + "\n").encode())


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises ``InputError`` if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; give another folder") from error


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}; what was there before is kept") from error
