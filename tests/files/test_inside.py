import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitscope.errors import InputError
from unitscope.files.inside import LONGEST, check_plain, name_of


@given(st.text())
def test_any_text_becomes_one_name(text):
    name = name_of(text)
    assert name
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")
    assert len(os.fsencode(name)) <= LONGEST


@given(st.text(), st.text())
def test_two_texts_never_share_a_name(one, two):
    assert (name_of(one) == name_of(two)) == (one == two)
    long = "x" * 300
    assert name_of(long + one) != name_of(long + two) or one == two


@pytest.mark.parametrize("text", ["..", ".", "/etc/passwd", "a/../../b", ".hidden", "", "x" * 10_000, "\ud800"])
def test_names_stay_inside(tmp_path, text):
    path = tmp_path / "inner" / name_of(text)
    path.parent.mkdir()
    path.write_text("")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [name_of(text)]


def test_usual_names_are_themselves():
    assert name_of("rnn.0.forget_gate") == "rnn.0.forget_gate"
    assert name_of("histogram-bins=64") == "histogram-bins%3D64"


def test_folders_and_files_are_all_that_a_recording_holds(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("")
    check_plain(tmp_path)
    (tmp_path / "a" / "away").symlink_to(tmp_path.parent)
    with pytest.raises(InputError, match=r"a/away is a link"):
        check_plain(tmp_path)
    (tmp_path / "a" / "away").unlink()
    os.mkfifo(tmp_path / "a" / "pipe")
    with pytest.raises(InputError, match=r"a/pipe is no file"):
        check_plain(tmp_path)
