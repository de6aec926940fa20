"""The packages that LSTMVis folders need, loaded when they are."""

import importlib
from typing import Any

from unitscope.errors import InputError


def h5py() -> Any:
    """The module. Raises ``InputError`` where it is not installed."""
    return _package("h5py")


def yaml() -> Any:
    """The module. Raises ``InputError`` where it is not installed."""
    return _package("yaml")


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"folders of LSTMVis need the package {name}: pip install 'unitscope[lstmvis]'") from error
