import os
from pathlib import Path

import pytest

from unitscope.errors import InputError
from unitscope.files import room
from unitscope.files.room import check_room, disk_errors, free, size


def test_sizes_for_people():
    assert [size(count) for count in (5_000_000, 12_345_678_901)] == ["5.00 MB", "12.35 GB"]


def test_the_system_speaks_of_the_path():
    with pytest.raises(InputError, match=r"^x/y cannot be read: Permission denied$"), disk_errors(Path("x/y"), "read"):
        raise PermissionError(13, "Permission denied")


def test_a_full_disk_tells_what_is_needed(tmp_path):
    with (
        pytest.raises(InputError, match=r"full .*: 3\.00 GB are still to be written, .* are free"),
        disk_errors(tmp_path, needed=3_000_000_000),
    ):
        raise OSError(28, "No space left on device")


def test_a_folder_that_is_not_there_yet_has_the_room_of_the_one_above(tmp_path):
    assert abs(free(tmp_path / "a" / "b") - free(tmp_path)) < 1e9
    check_room(tmp_path / "a" / "b", 1000)


def test_room_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "free", lambda path: 999_999)
    with pytest.raises(InputError, match=r"^5\.00 MB are to be written into .*, and 1\.00 MB are free"):
        check_room(tmp_path, 5_000_000)


def test_rights_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(InputError, match="right to"):
        check_room(tmp_path)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file is no folder"):
        check_room(tmp_path / "file" / "results")
