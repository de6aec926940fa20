import subprocess
import sys

import pytest
import typer

import unitscope
from unitscope.cli.app import PANELS, app
from unitscope.cli.lazy import load_all, written

CODE = """
import atexit, runpy, sys
atexit.register(lambda: print("MODULES", *sys.modules, file=sys.stderr))
runpy.run_module("unitscope", run_name="__main__", alter_sys=True)
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {"COLUMNS": "200", "PATH": ""}
    return subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, env=environment)


def imports(done: subprocess.CompletedProcess[str]) -> set[str]:
    found = set(done.stderr.rpartition("MODULES")[2].split())
    assert "unitscope.cli.lazy" in found
    return found


def test_what_the_source_says_is_what_the_commands_are() -> None:
    load_all()
    commands = typer.main.get_group(app).commands
    seen = {command.name: command for command in written()}
    assert sorted(commands) == sorted(seen)
    panels = {name: panel for panel, names in PANELS.items() for name in names}
    for name, command in commands.items():
        assert " ".join((command.help or "").split()) == " ".join(seen[name].help.split())
        assert getattr(command, "rich_help_panel", None) == panels[name]


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",), ("-V",), ("--version",), ("nosuchthing",)])
def test_the_overview_imports_no_command(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert not imports(done) & {"torch", "numpy", "pandas", "unitscope.cli.record"}


def test_short_options() -> None:
    assert run("-V").stdout.strip() == f"unitscope {unitscope.__version__}"
    shown = run("-h").stdout
    assert shown == run("--help").stdout
    for command in written():
        assert command.name in shown


def test_a_command_is_imported_when_it_is_called() -> None:
    done = run("data", "corpora", "-h")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert "unitscope.cli.corpora" in imports(done)
    assert "unitscope.cli.compare" not in imports(done)


def test_a_word_that_is_no_command() -> None:
    done = run("recor")
    assert done.returncode == 2
    assert "'record'" in done.stderr
