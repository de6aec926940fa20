import sysconfig

import pytest

from unitscope.corpus.splits import PARTS, Split
from unitscope.corpus.stdlib import stdlib_files
from unitscope.errors import InputError


def test_it_is_library_code_only():
    names = {file.name for file in stdlib_files()}
    assert {"argparse.py", "json/decoder.py", "asyncio/events.py"} <= names
    assert all(name.endswith(".py") for name in names)
    assert not [name for name in names if {"test", "tests", "site-packages", "idlelib"} & set(name.split("/"))]


def test_every_part_has_enough_files():
    names = [file.name for file in stdlib_files()]
    for part in PARTS:
        assert sum(Split("documents", part).holds(name) for name in names) > 20


def test_a_python_without_source_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "python311.zip"))
    with pytest.raises(InputError, match=r"python311\.zip; give a text file"):
        stdlib_files()
