"""A recording that is looked at: its page, made anew when an analysis has finished, its text, and its model."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from unitscope.corpus.reading import Reading
from unitscope.errors import InputError
from unitscope.matches.phrase import find_phrase
from unitscope.matches.thresholds import Thresholds, thresholds
from unitscope.models.model import Model
from unitscope.models.site import choose
from unitscope.page.page import Page, UnitGroup
from unitscope.page.part import Part, load_readable
from unitscope.page.parts.notes import FOLDER as NOTES
from unitscope.page.parts.notes import Note, add_note
from unitscope.page.reading import has_words, reader, truth_of
from unitscope.page.run import followed, page_of, scale_of_unit
from unitscope.recording.recording import Recording
from unitscope.server.pyramid import Pyramids
from unitscope.server.typed import Opener, Typewriter
from unitscope.server.usual import Usual
from unitscope.views import TokenText, with_scale

STRIPS, WINDOW = 16, 4_096
"""Units and tokens of a passage, at most."""
LIMITS = 16
"""Choices of sites and threshold whose thresholds stay in memory."""


class State:
    """A recording as it was when it was last looked at."""

    def __init__(self, folder: Path, opener: Opener) -> None:
        self.recording = Recording.open(folder, incomplete=True)
        self.parts: Sequence[Part] = load_readable(folder)
        self.page = page_of(self.recording, self.parts)
        self.usual = Usual(self.recording, self.parts)
        self.pyramids = Pyramids(self.recording)
        self.said: dict[str, bytes] = {}
        """Answers that were given and hold as long as this does."""
        self._opener = opener
        self._limits: dict[tuple[tuple[str, ...], str], dict[str, Thresholds]] = {}

    @cached_property
    def typewriter(self) -> Typewriter:
        """Its model, for texts that somebody types."""
        source = self.recording
        resampled = ""
        if has_words(source):
            document = source.document(source.place(reader(source).telling).document)
            resampled = (document.text or "")[:4_000]
        return Typewriter(self._opener, source.model_origin.fingerprint, resampled)

    def check_unit(self, site: str, unit: int) -> None:
        """Raises ``InputError`` for a unit that is not there."""
        if site not in self.page.units or not 0 <= unit < len(self.page.units[site]):
            raise InputError(f"there is no unit {site[:200]}/{unit}")

    def check_tokens(self, sequence: int, first: int, count: int) -> None:
        """Raises ``InputError`` for tokens that are not there, or too many."""
        if not has_words(self.recording):
            raise InputError("this recording has no text")
        if sequence not in self.recording.sequences:
            raise InputError(f"there is no sequence {sequence}")
        (tokens,) = self.recording.lengths([sequence])
        if not (0 <= first < tokens and 0 < count <= WINDOW):
            raise InputError(f"give a first token below {tokens}, and at most {WINDOW} tokens")

    def passage(self, unit: tuple[str, int], sequence: int, first: int, count: int) -> TokenText:
        """A unit's values over some tokens of a sequence, on its scale; no other byte is read."""
        source, (site, number) = self.recording, unit
        values = source.part(site, [number], sequence, first, first + count)[:, 0]
        symbols = source.vocabulary.decode(source.tokens(sequence)[first : first + count].tolist())
        place = reader(source).place(sequence, first)
        view = TokenText(f"{site}/{number} on the text", symbols, values.tolist(), at=(sequence, first), place=place)
        if label := followed(self.parts, site, number):
            view = self.with_truth(view, label)
        return with_scale(view, scale_of_unit(self.parts, site, number))

    def with_truth(self, view: TokenText, label: str) -> TokenText:
        """A passage with what a label says beneath it, where the recording can be asked for it."""
        assert view.at is not None
        truth = truth_of(self.recording, label, *view.at, len(view.tokens))
        return replace(view, truth=truth, label=label if truth else "")

    def limits(self, patterns: Sequence[str], said: str) -> dict[str, Thresholds]:
        """Thresholds of the units of some sites, kept for the next question."""
        chosen = choose(self.recording.sites, patterns)
        key = (tuple(site.name for site in chosen), said)
        if key not in self._limits:
            while len(self._limits) >= LIMITS:
                self._limits.pop(next(iter(self._limits)))
            self._limits[key] = thresholds(self.recording, chosen, said)
        return self._limits[key]


def no_model() -> tuple[Model, Reading]:
    """Where nobody said which model it is."""
    raise InputError("which model this recording is of is not known here, so no text can be read by it")


class Viewed:
    """One recording, finished or not. Requests come from several threads, and are answered one at a time."""

    def __init__(self, folder: Path, opener: Opener = no_model) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self._opener = opener
        self._seen_as: tuple[tuple[str, int], ...] = ()
        self._state: State | None = None

    def state(self) -> State:
        """As things stand. Raises ``InputError`` for a folder that is no recording, or damaged results."""
        with self.lock:
            seen = self._seen()
            if self._state is None or seen != self._seen_as:
                self._state, self._seen_as = State(self.folder, self._opener), seen
            return self._state

    def page(self) -> Page:
        """The page as things stand."""
        return self.state().page

    def unit(self, site: str, unit: int) -> list[UnitGroup]:
        """Page of a unit. Raises ``InputError`` for an unknown one."""
        with self.lock:
            state = self.state()
            state.check_unit(site, unit)
            return list(state.page.units[site][unit])

    def text(self, sequence: int, first: int, count: int, units: list[tuple[str, int]]) -> list[TokenText]:
        """Some tokens of a sequence in the colours of some units. Raises ``InputError`` for what is not there."""
        with self.lock:
            state = self.state()
            state.check_tokens(sequence, first, count)
            if not 0 < len(units) <= STRIPS:
                raise InputError(f"give between 1 and {STRIPS} units")
            for site, unit in units:
                state.check_unit(site, unit)
            return [state.passage(unit, sequence, first, count) for unit in units]

    def place(self, sequence: int) -> dict[str, int | None]:
        """The nearest sequence that is there, or below 0 one that shows much: how long it is, and its neighbours."""
        with self.lock:
            source = self.state().recording
            if not len(source.sequences) or not has_words(source):
                raise InputError("this recording has no text")
            numbers = np.asarray(source.sequences)
            wanted = reader(source).telling if sequence < 0 else sequence
            at = min(int(np.searchsorted(numbers, wanted)), len(numbers) - 1)
            return {
                "sequence": int(numbers[at]),
                "tokens": source.lengths([int(numbers[at])])[0],
                "earlier": int(numbers[at - 1]) if at > 0 else None,
                "later": int(numbers[at + 1]) if at + 1 < len(numbers) else None,
            }

    def find(self, text: str, occurrence: int) -> dict[str, int]:
        """Where a text stands. Raises ``InputError`` where it does not."""
        with self.lock:
            return asdict(find_phrase(self.state().recording, text, occurrence))

    def changed(self) -> str:
        """Another text whenever something was added."""
        return hashlib.sha256(repr(self._seen()).encode()).hexdigest()[:16]

    def note(self, note: Note) -> None:
        """Keep a note on a unit. Raises ``InputError`` for one that is not there."""
        with self.lock:
            site, _, unit = note.unit.rpartition("/")
            self.state().check_unit(site, int(unit) if unit.isdigit() and unit.isascii() and len(unit) < 18 else -1)
            add_note(self.folder, note)

    def _seen(self) -> tuple[tuple[str, int], ...]:
        """Signature that changes when results are added: the manifest, the shards, and the folders of results.

        Notes are not among them, which the page itself writes and reads.
        """
        found = [self.folder / "shards", *self.folder.glob("*.json"), *self.folder.glob("*/*.json")]
        found = [path for path in found if path.parent.name != NOTES]
        return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in found if path.exists()))
