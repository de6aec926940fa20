"""The files of a trained network, and of one that is being trained. Nothing is ever unpickled."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from torch import Tensor

from unitscope.errors import InputError
from unitscope.files import jsons, tensors
from unitscope.files.writing import write
from unitscope.models.pickles import refuse_pickle

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
HISTORY = "history.json"
SHIPPED = Path(str(files("unitscope"))) / "assets" / "stdlib-lstm256"
"""The network that comes with the package, trained on the source of Python's standard library."""
MEND = "copy it again or train the network again"


def read_json(folder: Path) -> dict[str, Any]:
    """Content of ``config.json``. Raises ``InputError`` if there is none that can be read, and for a pickle."""
    refuse_pickle(folder)
    try:
        return jsons.read_json(folder / CONFIG, dict[str, Any], MEND, schema=None, sealed=False, halves=True)
    except InputError as error:
        raise InputError(f"{folder} holds no network: {error}; train one with unitscope train") from error


def save_tensors(path: Path, values: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file; an interruption leaves the old one. Raises ``InputError`` if the disk refuses."""
    tensors.write_tensors(path, values, metadata)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file. Raises ``InputError`` if it is missing, truncated or something else."""
    refuse_pickle(path)
    return tensors.read_tensors(path, MEND)[0]


def save_json(path: Path, value: Any) -> None:
    """Write a JSON file; an interruption leaves the old one. Raises ``InputError`` if the disk refuses."""
    write(path, (json.dumps(value, indent=1) + "\n").encode())
