"""Checks that were made are kept: for the life of the process, and on disk where they took more than a moment."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import platformdirs

from unitscope.errors import InputError
from unitscope.files.jsons import read_json, write_json
from unitscope.files.writing import make_folder
from unitscope.models.check.check import Check

FOLDER = "UNITSCOPE_CHECKS"
"""The variable of the environment that names another folder to keep them in."""
A_MOMENT = 1.0
"""Seconds; what is found out sooner is not worth a file."""

_made: dict[str, Check] = {}


def remembered(key: str, make: Callable[[], Check]) -> Check:
    """The check under this key, made if it is not there yet."""
    if key not in _made:
        told = os.environ.get(FOLDER)
        folder = Path(told) if told else platformdirs.user_cache_path("unitscope") / "checks"
        path = folder / f"{key}.json"
        # What is not there, damaged or of another version is made again; so it is if the folder cannot be written.
        with suppress(InputError):
            _made[key] = read_json(path, Check, "delete it")
            return _made[key]
        begun = time.perf_counter()
        _made[key] = make()
        if time.perf_counter() - begun > A_MOMENT:
            with suppress(InputError):
                make_folder(folder)
                write_json(path, _made[key])
    return _made[key]
