import errno
import os
import re
import resource
import signal
import subprocess
import sys

import pytest

from unitscope.errors import InputError
from unitscope.files import writing as module
from unitscope.files.digest import digest
from unitscope.files.writing import Written, clean, clean_below, fill, write, writing, writing_folder, writing_many


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with writing(path) as partial:
        fill(partial, b"ne", b"w")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


def test_size_and_digest_are_those_of_the_file(tmp_path):
    assert write(tmp_path / "file", b"ab", memoryview(b"c")) == Written(3, digest(b"abc"))


def test_others_may_read_it(tmp_path):
    write(tmp_path / "file", b"")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError, ValueError])
def test_what_goes_wrong_leaves_no_trace(tmp_path, error):
    def fail_file():
        with writing(tmp_path / "file") as partial:
            fill(partial, b"new")
            raise error

    def fail_folder():
        with writing_folder(tmp_path / "folder") as partial:
            fill(partial / "inside", b"new")
            raise error

    def fail_many():
        with writing_many(tmp_path) as batch:
            batch.write(tmp_path / "file", b"new")
            raise error

    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").write_text("old")
    for fail in (fail_file, fail_folder, fail_many):
        with pytest.raises(error):
            fail()
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "old"
    assert os.listdir(tmp_path / "folder") == ["old"]


def test_a_folder_is_replaced(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")
    with writing_folder(path) as partial:
        fill(partial / "new", b"")
    assert os.listdir(path) == ["new"]
    assert os.listdir(tmp_path) == ["folder"]


def test_many_files_appear_when_all_are_written(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / ".b.000000000000.partial").write_text("of a dead process")
    with writing_many(tmp_path) as batch:
        batch.write(tmp_path / "a", b"1")
        batch.write(tmp_path / "inner" / "b", b"2")
        assert (tmp_path / "a").read_text() == "old"
        assert not (tmp_path / "inner" / "b").exists()
    assert [(tmp_path / name).read_text() for name in ("a", "inner/b")] == ["1", "2"]
    assert sorted(os.listdir(tmp_path)) == ["a", "inner"]
    assert os.listdir(tmp_path / "inner") == ["b"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(tmp_path, number, monkeypatch):
    def full(handle):
        raise OSError(number, os.strerror(number))

    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"the disk of .*file is full .* are free; .*make room"):
        write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_limit_that_the_system_itself_enforces(tmp_path):
    """Not a disk that is full, which needs a disk: files of this process may not grow beyond a few kilobytes."""
    path, (soft, hard) = tmp_path / "file", resource.getrlimit(resource.RLIMIT_FSIZE)
    write(path, b"old")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
        with pytest.raises(InputError, match=rf"the disk of {re.escape(str(path))} is full .*make room"):
            write(path, bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_another_error_names_the_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/inside cannot be written: Not a directory"):
        write(tmp_path / "file" / "inside", b"")


KILLED = """
import os, signal, sys
from pathlib import Path
from unitscope.files.writing import fill, writing, writing_folder
with writing(Path(sys.argv[1])) as partial, writing_folder(Path(sys.argv[2])) as folder:
    fill(partial, b"half")
    fill(folder / "inside", b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path):
    paths = [tmp_path / "file", tmp_path / "folder"]
    end = subprocess.run([sys.executable, "-c", KILLED, *map(str, paths)])
    assert end.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 2
    write(paths[0], b"whole")
    assert len(os.listdir(tmp_path)) == 2, "what was left for another name is another's to clean"
    clean(tmp_path)
    assert os.listdir(tmp_path) == ["file"]


def test_what_a_living_writer_is_at_is_left_alone(tmp_path):
    with writing(tmp_path / "file") as partial:
        fill(partial, b"1")
        write(tmp_path / "file", b"2")
        clean_below(tmp_path.parent)
        assert partial.exists()
    assert (tmp_path / "file").read_text() == "1", "the later one stays"


def test_cleaning_follows_no_link_and_waits_at_no_pipe(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / ".a.000000000000.partial").symlink_to(outside)
    os.mkfifo(inside / ".b.000000000000.partial")
    clean(inside)
    assert os.listdir(inside) == []
    assert os.listdir(outside) == ["kept"]


def test_only_a_file_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InputError, match="is no file, so no file can take its place"):
            write(path, b"x")


def test_the_longest_name_can_be_written(tmp_path):
    for name in ("n" * 255, "é" * 127):
        write(tmp_path / name, b"x")
        assert (tmp_path / name).read_bytes() == b"x"


def test_a_name_that_is_no_utf_8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9")
    write(path, b"x")
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9"]


def test_one_that_is_cleaned_before_it_is_held_is_begun_again(tmp_path, monkeypatch):
    taken = []
    take = module.take

    def late(handle):
        if not taken:
            taken.append(handle)
            clean(tmp_path)
        take(handle)

    monkeypatch.setattr(module, "take", late)
    write(tmp_path / "file", b"x")
    assert taken
    assert os.listdir(tmp_path) == ["file"]
