"""A recording that is looked at: its page, made anew when an analysis has finished."""

import threading
from pathlib import Path

from unitscope.errors import InputError
from unitscope.page.page import Page, UnitGroup
from unitscope.page.part import load_parts
from unitscope.page.reading import has_words, passage
from unitscope.page.run import page_of
from unitscope.recording.recording import Recording
from unitscope.source.source import Source
from unitscope.view import TokenText, with_scale

STRIPS, WINDOW = 16, 4_096
"""Units and tokens of a passage, at most."""


class Viewed:
    """One recording, finished or not. Requests come from several threads, and are answered one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._state: tuple[tuple[str, int], ...] = ()
        self._page: Page | None = None
        self._source: Source | None = None

    def page(self) -> Page:
        """The page as things stand. Raises ``InputError`` for a folder that is no recording, or damaged results."""
        with self._lock:
            state = self._seen()
            if self._page is None or state != self._state:
                self._source = Recording.open(self.folder, incomplete=True)
                self._page = page_of(self._source, load_parts(self.folder))
                self._state = state
            return self._page

    def unit(self, site: str, unit: int) -> list[UnitGroup]:
        """What a unit shows. Raises ``InputError`` for one that is not there."""
        with self._lock:
            units = self.page().units.get(site)
            if units is None or not 0 <= unit < len(units):
                raise InputError(f"there is no unit {site}/{unit}")
            return list(units[unit])

    def text(self, sequence: int, first: int, count: int, units: list[tuple[str, int]]) -> list[TokenText]:
        """Some tokens of a sequence in the colours of some units. Raises ``InputError`` for what is not there."""
        with self._lock:
            page = self.page()
            assert self._source is not None
            source = self._source
            if not has_words(source):
                raise InputError("this recording has no text")
            if sequence not in source.sequences:
                raise InputError(f"there is no sequence {sequence}")
            tokens = source.lengths([sequence])[0]
            if not (0 <= first < tokens and 0 < count <= WINDOW and 0 < len(units) <= STRIPS):
                raise InputError(
                    f"give a first token below {tokens}, at most {WINDOW} tokens, and between 1 and {STRIPS} units"
                )
            for site, unit in units:
                if site not in page.units or not 0 <= unit < len(page.units[site]):
                    raise InputError(f"there is no unit {site}/{unit}")
            return [with_scale(passage(source, address, sequence, first, count)) for address in units]

    def _seen(self) -> tuple[tuple[str, int], ...]:
        """What tells that something was added: the manifest, the shards, and the folders of results."""
        found = [self.folder, self.folder / "shards", *self.folder.glob("*.json"), *self.folder.glob("*/*.json")]
        return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in found if path.exists()))
