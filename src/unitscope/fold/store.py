"""Where states of parts are kept: a folder, or an object store that fsspec knows (``s3://…``, ``gs://…``).

A part is one file under its key, a digest of all that its states follow from. Files are written whole or not at all,
and carry a digest of their own, so two workers on one part do no harm, and one that was cut off is made again.
"""

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unitscope.errors import InputError
from unitscope.files.jsons import parse
from unitscope.files.tensors import read_tensors, write_tensors
from unitscope.fold.state import Packed

ENDING = ".safetensors"
PLAIN = "state"
"""Where a file keeps what is no tensor."""


@dataclass(frozen=True)
class Store:
    """States by key. ``where`` is a folder, which is made, or an address with a protocol."""

    where: str
    system: Any = field(default=None, compare=False)
    """The file system of an address; found by its protocol if it is not given."""

    def save(self, key: str, packed: Packed) -> None:
        """Keep states under a key, in one step. Raises ``InputError`` where the disk or the store refuses."""
        words = {PLAIN: json.dumps(packed.plain, allow_nan=False)}
        if not self._remote:
            folder = Path(self.where)
            folder.mkdir(parents=True, exist_ok=True)
            write_tensors(folder / f"{key}{ENDING}", packed.tensors, words)
            return
        with tempfile.TemporaryDirectory(prefix="unitscope-") as scratch:
            path = Path(scratch) / f"{key}{ENDING}"
            write_tensors(path, packed.tensors, words)
            system, root = self._system()
            try:
                system.makedirs(root, exist_ok=True)
                system.put_file(str(path), f"{root}/{path.name}")
            except OSError as error:
                raise InputError(f"{self.where} refuses {path.name}: {error}; the same command tries again") from error

    def load(self, key: str) -> Packed | None:
        """Content under a key; None if there is none or it is incomplete, so that it is made again."""
        if not self._remote:
            return _read(Path(self.where) / f"{key}{ENDING}")
        with tempfile.TemporaryDirectory(prefix="unitscope-") as scratch:
            path = Path(scratch) / f"{key}{ENDING}"
            system, root = self._system()
            try:
                system.get_file(f"{root}/{path.name}", str(path))
            except OSError:
                return None
            return _read(path)

    def __contains__(self, key: str) -> bool:
        return self.load(key) is not None

    @property
    def _remote(self) -> bool:
        return "://" in self.where

    def _system(self) -> tuple[Any, str]:
        import fsspec

        if self.system is not None:
            return self.system, self.where.split("://", 1)[1]
        system, root = fsspec.core.url_to_fs(self.where)
        return system, str(root)


def _read(path: Path) -> Packed | None:
    if not path.exists():
        return None
    try:
        tensors, words = read_tensors(path, "fold that part again", seal=True)
        return Packed(tensors, parse(words[PLAIN]))
    except (InputError, KeyError, ValueError):
        return None
