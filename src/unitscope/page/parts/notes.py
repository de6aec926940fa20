"""Names of units and remarks on them: kept in the recording beside the measurements, never mixed with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from unitscope.errors import InputError
from unitscope.files.jsons import read_json, write_json
from unitscope.files.lock import PATIENCE, lock
from unitscope.page.page import Section, UnitField, UnitGroup
from unitscope.page.part import Columns, Part
from unitscope.source.source import Source

FOLDER, FILE = "notes", "notes.json"
"""In a recording's folder."""
NAME, REMARK, TAGS, MOST = 120, 4_000, 16, 20_000
"""Characters of a name and of a remark, tags of a note, and notes that are kept."""
COLUMN = "name by hand"


@dataclass(frozen=True)
class Note:
    """A note on a unit; the last one holds, and the earlier ones stay."""

    unit: str
    """Its address, ``site/unit``."""
    name: str = ""
    tags: tuple[str, ...] = ()
    remark: str = ""
    at: str = ""
    """When it was written, in UTC."""

    def check(self) -> None:
        """Raises ``InputError`` for one that is too long."""
        if max(map(len, (self.name, *self.tags))) > NAME or len(self.remark) > REMARK or len(self.tags) > TAGS:
            raise InputError(f"a name has at most {NAME} characters, a remark {REMARK:,}, and a note {TAGS} tags")


@dataclass(frozen=True)
class _Kept:
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Notes(Part):
    """The notes on the units of a recording."""

    order = 9
    notes: tuple[Note, ...] = field(default=())

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        notes = read_notes(folder)
        return [cls(notes)] if notes else []

    def save(self, folder: Path) -> None:
        with lock(folder / FOLDER, "writing notes in", PATIENCE):
            write_json(folder / FOLDER / FILE, _Kept(self.notes))

    def sections(self, source: Source) -> Sequence[Section]:
        return ()

    def columns(self, source: Source) -> Columns:
        names = {address: note.name for address, note in last(self.notes).items() if note.name}
        columns = {}
        for site in source.sites:
            own = np.array([names.get(f"{site.name}/{unit}", "") for unit in range(site.units)], dtype=object)
            if any(own):
                columns[site.name] = [(UnitField(COLUMN, "text", "what somebody called it; no evidence", "notes"), own)]
        return columns

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        note = last(self.notes).get(f"{site}/{unit}")
        if note is None:
            return ()
        said = [f"Named by hand: {note.name}" if note.name else "", note.remark, ", ".join(note.tags)]
        return [UnitGroup("Note", "\n\n".join(filter(None, said)), ())]


def read_notes(folder: Path) -> tuple[Note, ...]:
    """All notes of a recording, the earliest first. Raises ``InputError`` for damage."""
    path = folder / FOLDER / FILE
    return read_json(path, _Kept, "put back a copy of it, or remove it").notes if path.exists() else ()


def last(notes: Sequence[Note]) -> dict[str, Note]:
    """The note that holds of each unit, by its address; those that say nothing are taken back."""
    found = {note.unit: note for note in notes}
    return {address: note for address, note in found.items() if note.name or note.tags or note.remark}


def add_note(folder: Path, note: Note) -> None:
    """Keep a note, with the time. Raises ``InputError`` for one that is too long, and where the disk refuses."""
    note.check()
    written = Note(note.unit, note.name, note.tags, note.remark, datetime.now(UTC).isoformat(timespec="seconds"))
    with lock(folder / FOLDER, "writing notes in", PATIENCE):
        notes = (*read_notes(folder), written)
        if len(notes) > MOST:
            raise InputError(f"{folder} has {MOST:,} notes, and no room for more; move {FOLDER}/{FILE} away")
        write_json(folder / FOLDER / FILE, _Kept(notes))
