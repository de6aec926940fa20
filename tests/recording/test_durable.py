import errno
import os

import pytest

from unitscope.errors import InputError
from unitscope.recording.durable import disk_errors, gigabytes, replacing, write


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as partial:
        write(partial, b"ne", b"w")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, InputError])
def test_what_goes_wrong_leaves_no_trace(tmp_path, error):
    def fail(partial):
        partial.mkdir()
        write(partial / "inside", b"new")
        raise error

    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(error), replacing(path) as partial:
        fail(partial)
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(path) == ["old"]


def test_a_folder_is_replaced(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    (tmp_path / "folder.partial").mkdir()
    with replacing(path) as partial:
        partial.mkdir()
        write(partial / "new", b"")
    assert os.listdir(path) == ["new"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_tells_what_is_needed_and_free(tmp_path, number):
    with (
        pytest.raises(InputError, match=r"full.* 3\.00 GB are still to be written.* GB are free"),
        disk_errors(tmp_path, 3_000_000_000),
    ):
        raise OSError(number, os.strerror(number))


def test_another_error_of_the_disk(tmp_path):
    with pytest.raises(InputError, match=r"cannot write into .*Permission denied"), disk_errors(tmp_path, 1):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_sizes_for_people():
    assert [gigabytes(size) for size in (5_000_000, 12_345_678_901)] == ["5.00 MB", "12.35 GB"]
