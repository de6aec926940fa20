import errno
import io
import subprocess
import sys
import warnings

import pytest
import typer
from rich.table import Table

from unitscope.cli import console, main
from unitscope.cli.app import app
from unitscope.errors import InputError
from unitscope.files.damage import DamageWarning


def outcome(monkeypatch, capsys, raised, *words):
    """Status and what is said where a command raises."""

    def fail(**_):
        raise raised

    monkeypatch.setattr("unitscope.cli.app.app", fail)
    monkeypatch.setattr(sys, "argv", ["unitscope", *words])
    with pytest.raises(SystemExit) as end:
        main.run()
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (InputError("a thing is wrong; mend it"), 2, "unitscope: a thing is wrong; mend it\n"),
        (OSError(errno.ENOENT, "No such file", "there"), 2, "unitscope: there: No such file\n"),
        (OSError("odd"), 2, "unitscope: odd\n"),
        (MemoryError(), 2, "unitscope: the memory is full; take fewer sites"),
        (ZeroDivisionError("division\nby zero"), 2, "ZeroDivisionError: division by zero; this is a fault of"),
        (RecursionError("deep"), 2, "RecursionError: deep; this is a fault of unitscope"),
        (typer.Abort(), 130, "unitscope: stopped;"),
        (KeyboardInterrupt(), 130, "unitscope: stopped;"),
    ],
)  # fmt: skip
def test_whatever_goes_wrong_is_one_line(monkeypatch, capsys, raised, status, said):
    code, error = outcome(monkeypatch, capsys, raised)
    assert code == status
    assert said in error
    assert error.count("\n") == 1


def test_debug_shows_where(monkeypatch):
    monkeypatch.setattr("unitscope.cli.app.app", lambda **_: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["unitscope", "--debug"])
    with pytest.raises(ZeroDivisionError):
        main.run()


def test_what_was_set_aside_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("unitscope.cli.app.app", lambda **_: warnings.warn("x is damaged", DamageWarning, stacklevel=1))
    with pytest.raises(SystemExit):
        main.run()
    assert capsys.readouterr().err == "unitscope: x is damaged\n"
    assert callable(app)


IMPORTING = """
import sys
class Stop:
    def find_spec(self, name, path, target=None):
        if name == "unitscope.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stop())
from unitscope.cli.main import run
run()
"""


def test_ctrl_c_while_importing():
    end = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, text=True)
    assert (end.returncode, end.stderr.count("\n")) == (130, 1), end.stderr


def test_names_from_files_do_nothing_to_a_terminal():
    shown = io.StringIO()
    safe = console.Safe(file=shown, force_terminal=True, width=80, highlight=False)
    table = Table("name")
    table.add_row("\x1b[2J\x07\x9b1A")
    safe.print("\x1b]0;title\x07 of \u4e2d", style="red")
    safe.print(table)
    said = shown.getvalue()
    assert r"\x1b]0;title\x07 of" in said and r"\x1b[2J\x07\x9b1A" in said and "\u4e2d" in said
    assert not {"\x07", "\x9b"} & {*said} and "\x1b]" not in said and "\x1b[2J" not in said
