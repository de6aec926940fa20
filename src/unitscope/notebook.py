"""The page of a recording in a notebook::

from unitscope.notebook import view

view("run")          # the page that `unitscope view run` serves, answered by the notebook's own process
"""

from pathlib import Path
from typing import Any

from unitscope.errors import InputError


def view(*recordings: Path | str, height: int = 760) -> Any:
    """The page of recordings, finished or not, as a widget; ``height`` is in pixels.

    Raises ``InputError`` for what is no recording, and where `pip install 'unitscope[notebook]'` is missing.
    """
    if not recordings:
        raise InputError("give the folder of a recording")
    try:
        from unitscope.server.serve import seen
        from unitscope.server.widget import widget
    except ImportError as error:
        raise InputError("a page in a notebook needs: pip install 'unitscope[notebook]'") from error

    return widget(seen(recordings), height)
