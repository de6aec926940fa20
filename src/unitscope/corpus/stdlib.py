"""The built-in corpus: the source code of the running Python's own standard library.

On every machine that can run this, with no download.
"""

import sysconfig
from pathlib import Path

from unitscope.corpus.documents import TextFile, find_files
from unitscope.errors import InputError

NAME = "stdlib"
LEFT_OUT = frozenset({"site-packages", "dist-packages", "test", "tests", "idlelib", "__pycache__"})
"""Folders that are no library code, or that some installations lack."""


def stdlib_files() -> list[TextFile]:
    """The ``.py`` files of the standard library, named relative to its folder.

    Raises ``InputError`` where Python was installed without its source.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    if not folder.is_dir():
        raise InputError(f"this Python has no source of its standard library at {folder}; give a text file or a folder")
    return find_files([folder], "*.py", LEFT_OUT)
