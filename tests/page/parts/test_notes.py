"""Notes: the last one of a unit holds, they survive, and a name never looks like evidence."""

from pathlib import Path
from typing import Any

import pytest
import torch
from planted import one_site

from unitscope.errors import InputError
from unitscope.page.part import load_parts
from unitscope.page.parts.notes import FILE, FOLDER, Note, Notes, add_note, last, read_notes


def test_the_last_note_holds_and_the_earlier_ones_stay(tmp_path: Path) -> None:
    add_note(tmp_path, Note("planted/1", "brackets", ("to check",), "at <b>once</b>"))
    add_note(tmp_path, Note("planted/1", "quotes"))
    add_note(tmp_path, Note("planted/2", "gone"))
    add_note(tmp_path, Note("planted/2"))
    assert [note.name for note in read_notes(tmp_path)] == ["brackets", "quotes", "gone", ""]
    assert {address: note.name for address, note in last(read_notes(tmp_path)).items()} == {"planted/1": "quotes"}
    (part,) = [part for part in load_parts(tmp_path) if isinstance(part, Notes)]
    source = one_site(torch.zeros(4, 3), [4])
    ((head, names),) = part.columns(source)["planted"]
    assert (head.name, names.tolist()) == ("name by hand", ["", "quotes", ""])
    assert [group.title for group in part.unit(source, "planted", 1)] == ["Note"]
    part.save(tmp_path / "copy")
    assert Notes.load(tmp_path / "copy") == [part]


def test_notes_are_bounded_and_damage_is_told(tmp_path: Path) -> None:
    long: list[dict[str, Any]] = [{"name": "x" * 121}, {"remark": "x" * 4001}, {"tags": ("x",) * 17}]
    for note in (Note("planted/1", **said) for said in long):
        with pytest.raises(InputError, match="at most"):
            add_note(tmp_path, note)
    add_note(tmp_path, Note("planted/1", "brackets"))
    path = tmp_path / FOLDER / FILE
    path.write_bytes(path.read_bytes().replace(b"brackets", b"brackeds"))
    with pytest.raises(InputError):
        read_notes(tmp_path)
