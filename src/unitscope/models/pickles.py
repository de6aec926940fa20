"""Pickles are never opened: they can run any code."""

import zipfile
from pathlib import Path

from unitscope.errors import InputError

_SAFE = "model.safetensors"


def refuse_pickle(path: Path) -> None:
    """Raises ``InputError`` if a path is a pickled network, or a folder that has nothing else, and says what to do."""
    pickles = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")
    found = path if path.is_file() else None
    if path.is_dir() and not (path / _SAFE).exists():
        found = next((file for file in sorted(path.iterdir()) if file.suffix in pickles), None)
    if found is None or (found.suffix not in pickles and not _looks_pickled(found)):
        return
    if _is_script(found):
        raise InputError(
            f"{found} is TorchScript, a compiled program of which nothing inside can be read, and which would do what "
            "the file says; give the module as it was written, with its weights, from a function of your own: "
            "model.py:function"
        )
    raise InputError(
        f"{found} is a pickle, which can run any code when it is opened, so it is not read; convert it where you trust "
        "it: safetensors.torch.save_file(torch.load(path, weights_only=True), 'model.safetensors')"
    )


def _is_script(path: Path) -> bool:
    """Whether an archive holds code, as ``torch.jit.save`` writes it; only the list of its files is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.partition("/")[2].startswith("code/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _looks_pickled(path: Path) -> bool:
    """A pickle of protocol 2 or later, or the zip archive that ``torch.save`` makes.

    A safetensors file may begin with any byte, since it begins with a length; its ninth opens a JSON object.
    """
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] != b"{" and (start[:1] == b"\x80" or start[:4] == b"PK\x03\x04")
