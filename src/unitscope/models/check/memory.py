"""Checks that were made are kept: for the life of the process, and on disk where they took more than a moment."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs

from unitscope.models.check.check import Check

FOLDER = "UNITSCOPE_CHECKS"
"""The variable of the environment that names another folder to keep them in."""
A_MOMENT = 1.0
"""Seconds; what is found out sooner is not worth a file."""

_made: dict[str, Check] = {}


def remembered(key: str, make: Callable[[], Check]) -> Check:
    """The check under this key, made if it is not there yet."""
    if key not in _made:
        _made[key] = _read(key) or _make(key, make)
    return _made[key]


def _folder() -> Path:
    told = os.environ.get(FOLDER)
    return Path(told) if told else platformdirs.user_cache_path("unitscope") / "checks"


def _read(key: str) -> Check | None:
    try:
        return Check.of_json(json.loads((_folder() / f"{key}.json").read_bytes()))
    except (OSError, ValueError, TypeError, KeyError):  # none, or one of another version: it is made again
        return None


def _make(key: str, make: Callable[[], Check]) -> Check:
    begun = time.perf_counter()
    check = make()
    if time.perf_counter() - begun > A_MOMENT:
        path = _folder() / f"{key}.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{key}.{os.getpid()}")
            partial.write_text(json.dumps(check.to_json()))
            partial.replace(path)
        except OSError:  # a folder that cannot be written to: the check is made again next time
            pass
    return check
