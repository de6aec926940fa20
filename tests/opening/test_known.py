import shutil
import sys

import pytest

from unitscope.errors import InputError
from unitscope.files.jsons import write_json
from unitscope.opening.inputs import Inputs
from unitscope.recording import known

LOOKED_AT = ("open", "socket.connect", "socket.getaddrinfo", "exec")
HOSTILE = [
    Inputs("hf:someone/x", ("stdlib",)),
    Inputs("/somewhere/net", ("stdlib",)),
    Inputs(text=("/etc/passwd",)),
    Inputs(text=("warpeace",)),
]


def sent(folder, inputs):
    """A recording's folder as somebody else made it."""
    folder.mkdir()
    write_json(folder / "manifest.json", {})
    write_json(folder / "inputs.json", inputs)
    return folder


@pytest.mark.parametrize("inputs", HOSTILE)
def test_what_somebody_else_s_recording_names_is_not_opened(tmp_path, inputs, monkeypatch):
    opened, listening = [], [True]  # a hook can never be taken away again
    monkeypatch.setattr(sys, "argv", ["unitscope"])
    folder = sent(tmp_path / "run", inputs)
    sys.addaudithook(lambda event, details: listening and event in LOOKED_AT and opened.append(str(details[0])))
    with pytest.raises(InputError, match=r"run was not made here, so the model .* are not opened; .*--trust"):
        Inputs.load(folder)
    listening.clear()
    assert any(name.endswith("inputs.json") for name in opened)
    assert not [name for name in opened if name.startswith(("/etc", "/somewhere", "socket"))]


def test_what_ships_is_always_opened(tmp_path):
    assert Inputs.load(sent(tmp_path / "run", Inputs())) == Inputs()


def test_who_says_so_trusts(tmp_path, monkeypatch):
    monkeypatch.setattr(known, "trusted", True)
    assert Inputs.load(sent(tmp_path / "run", HOSTILE[0])) == HOSTILE[0]


def test_one_s_own_recording_is_known_wherever_it_is_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("UNITSCOPE_SETTINGS", str(tmp_path / "settings"))
    folder = sent(tmp_path / "run", Inputs())
    known.remember(folder, HOSTILE[1])
    shutil.move(folder, tmp_path / "moved")
    assert Inputs.load(tmp_path / "moved").model == "/somewhere/net"
    write_json(tmp_path / "moved" / "inputs.json", HOSTILE[0])
    with pytest.raises(InputError, match="was not made here"):
        Inputs.load(tmp_path / "moved")


def test_settings_that_cannot_be_written_do_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNITSCOPE_SETTINGS", str(tmp_path / "file"))
    folder = sent(tmp_path / "run", Inputs())
    known.remember(folder, HOSTILE[1])
    with pytest.raises(InputError, match="was not made here"):
        Inputs.load(folder)
