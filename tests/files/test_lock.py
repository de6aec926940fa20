import os
import subprocess
import sys

import pytest

from unitscope.errors import InputError
from unitscope.files.lock import lock

HELD = """
import sys
from pathlib import Path
from unitscope.files.lock import lock
with lock(Path(sys.argv[1]), "recording into"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_only_one_process_holds_it_and_death_frees_it(tmp_path):
    folder = tmp_path / "run"
    other = subprocess.Popen(
        [sys.executable, "-c", HELD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=r"another process is analysing .*run; wait"), lock(folder, "analysing"):
            pass
        other.kill()
        with lock(folder, "analysing", patience=60.0):
            assert os.listdir(folder) == [], "it leaves no file"


def test_it_can_be_waited_for(tmp_path, monkeypatch):
    waited = []
    with lock(tmp_path, "a"):
        monkeypatch.setattr("time.sleep", waited.append)
        with pytest.raises(InputError), lock(tmp_path, "b", patience=0.001):
            pass
    assert waited


def test_a_place_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.* cannot be written"), lock(tmp_path / "file", "a"):
        pass
