"""Result of a match query: the units, and the passages."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from unitscope.files.damage import damaged
from unitscope.files.jsons import read_json, write_json
from unitscope.files.writing import make_folder
from unitscope.views import Field, Histogram, Shown, Table, TokenText, View

BEFORE, AFTER = 40, 20
"""Steps of context shown around a passage."""


@dataclass(frozen=True)
class Selected:
    """A condition that holds throughout the phrase: a unit at or above a threshold, or at or below it."""

    site: str
    unit: int
    sign: int
    """1 where the unit is above, −1 where it is below."""
    threshold: float


@dataclass(frozen=True)
class Passage:
    """A stretch of a sequence, from ``start`` to before ``stop``, with the text around it."""

    sequence: int
    """−1 for a phrase that does not stand in the recording."""
    start: int
    stop: int
    intersection: int
    """Selected units that are on throughout."""
    union: int
    """Units that are selected, or on throughout, or both."""
    tokens: Sequence[str]
    """With some steps before and after."""
    share: Sequence[float]
    """Of the selected units, how many are on at each of these steps."""
    before: int
    """Index of the passage's first token among them."""
    units: Sequence[int]
    """Which of the selected are on throughout, as places in the list of them."""

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def jaccard(self) -> float:
        return self.intersection / self.union

    @property
    def text(self) -> str:
        return "".join(self.tokens[self.before : self.before + self.length])


@dataclass(frozen=True, repr=False)
class Matches(Shown):
    """The passages in order: the largest intersection, then the smallest union, then the longest."""

    recording: str
    threshold: str
    phrase: Passage
    selected: Sequence[Selected]
    passages: Sequence[Passage]
    exact: bool
    """Whether every passage of the recording was ranked that might be among these."""

    def __repr__(self) -> str:
        return f"<Matches of {self.recording}: {len(self.passages)} passages; to_pandas() has a row for each>"

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return repr(self)[1:-1], self.views(4)

    def to_pandas(self) -> pd.DataFrame:
        """One row per passage, in order."""
        names = ("sequence", "start", "stop", "length", "intersection", "union", "jaccard", "text")
        return pd.DataFrame([[getattr(p, name) for name in names] for p in self.passages], columns=list(names))

    def units(self) -> pd.DataFrame:
        """One row per selected unit, and on how many of the passages it is on."""
        frame = pd.DataFrame([asdict(unit) for unit in self.selected])
        on = [place for passage in self.passages for place in passage.units]
        frame["passages"] = np.bincount(np.array(on, np.int64), minlength=len(self.selected))
        return frame

    def views(self, shown: int = 20) -> list[View]:
        """The phrase, its units, the table of passages, their lengths, and the text of the first ``shown``."""
        made: list[View] = [self._text("The phrase", self.phrase), self._units(), self._passages()]
        if self.passages:
            lengths = np.array([passage.length for passage in self.passages])
            width = int(np.ptp(lengths)) // 20 + 1
            edges = np.arange(lengths.min(), lengths.max() + width + 1, width)
            counts = np.histogram(lengths, edges)[0].astype(float)
            made.append(Histogram("Lengths of the passages", edges.astype(float).tolist(), counts.tolist(), "steps"))
        for rank, passage in enumerate(self.passages[:shown]):
            made.append(self._text(f"{rank + 1}: {passage.intersection} of {len(self.selected)} units", passage))
        return made

    def save(self, path: Path) -> None:
        """Write everything as JSON, in one step. Raises ``InputError`` if the disk refuses."""
        make_folder(path.parent)
        write_json(path, self)

    @classmethod
    def load(cls, path: Path) -> "Matches":
        """Read what ``save`` wrote. Raises ``InputError`` where there is none, or it is damaged."""
        advice = "ask for the matches again"
        found = read_json(path, cls, advice)
        for passage in (found.phrase, *found.passages):
            if len(passage.tokens) != len(passage.share) or not 0 <= passage.before <= len(passage.tokens):
                raise damaged(path, "a passage has several lengths", advice)
            if not {*passage.units} <= {*range(len(found.selected))}:
                raise damaged(path, "a passage has units that were not selected", advice)
        return found

    def _text(self, title: str, passage: Passage) -> TokenText:
        return TokenText(
            title,
            passage.tokens,
            passage.share,
            low=0.0,
            middle=0.0,
            high=1.0,
            mark=passage.before,
            width=passage.length,
            note=f"Jaccard {passage.jaccard:.2f}",
            scale="blue: the share of the selected units that are on",
            at=(passage.sequence, passage.start - passage.before) if passage.sequence >= 0 else None,
        )

    def _units(self) -> Table:
        fields = [
            Field("unit", "text"),  # no link: a match may be shown where units have no pages
            Field("side", "text", "above its upper threshold or below its lower one"),
            Field("threshold"),
            Field("passages", "integer", "of those found, on how many it is on throughout"),
        ]
        counts = self.units()["passages"].tolist()
        rows = [
            [f"{unit.site}/{unit.unit}", "above" if unit.sign > 0 else "below", unit.threshold, count]
            for unit, count in zip(self.selected, counts, strict=True)
        ]
        return Table(f"{len(rows)} units are on throughout the phrase", fields, rows, f"threshold: {self.threshold}")

    def _passages(self) -> Table:
        fields = [
            Field("text", "text"),
            Field("sequence", "integer"),
            Field("start", "integer"),
            Field("length", "integer"),
            Field("units", "integer", "selected units that are on throughout"),
            Field("union", "integer", "units that are selected or on throughout"),
            Field("Jaccard", "number", "the one divided by the other"),
        ]
        rows = [
            [repr(p.text)[1:-1], p.sequence, p.start, p.length, p.intersection, p.union, p.jaccard]
            for p in self.passages
        ]
        note = "" if self.exact else "among equal intersections only the longest were compared; ask for more candidates"
        return Table("Where they are on together", fields, rows, note)
