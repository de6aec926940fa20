"""Which recordings this user made: only what these say of their model and text is opened without being asked for.

A recording that somebody sent can name any file, folder or hub as its model. So what it names is opened only where the
recording is known here, by the digest of its manifest and of what it says it was made from, in the user's own settings
and never in the folder itself; or where the user says ``unitscope --trust``.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from unitscope.errors import InputError
from unitscope.files.digest import digest, digest_of
from unitscope.files.jsons import write_json
from unitscope.files.writing import make_folder, write
from unitscope.recording.manifest import MANIFEST

INPUTS = "inputs.json"
"""The file of a recording that says how its model and its text open again."""
SETTINGS = "UNITSCOPE_SETTINGS"
"""The variable of the environment that names another folder for the user's settings."""
trusted = False
"""Whether the user said ``--trust``."""


def remember(folder: Path, opened: Any) -> None:
    """This user made the recording of a folder, from what ``opened`` says."""
    said = folder / INPUTS
    write_json(said, opened, halves=True)
    place = _place(folder, said)
    with suppress(InputError):  # a home that cannot be written only means being asked later
        make_folder(place.parent)
        write(place)


def is_known(folder: Path, said: Path) -> bool:
    """Whether this user made it, or trusts it."""
    return trusted or _place(folder, said).exists()


def _place(folder: Path, said: Path) -> Path:
    there = [digest_of(path) for path in (folder / MANIFEST, said) if path.exists()]
    settings = os.environ.get(SETTINGS)
    home = Path(settings) if settings else platformdirs.user_state_path("unitscope")
    return home / "recordings" / digest("\n".join(there).encode())
