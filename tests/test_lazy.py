"""Importing the package loads what is used and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import unitscope


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after the code."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("module", ["unitscope", "unitscope.views", "unitscope.result", "unitscope.cli.app"])
def test_no_torch_is_loaded(module: str) -> None:
    modules = loaded(f"import {module}")
    assert module in modules
    assert "torch" not in modules


def test_a_system_without_posix_locks_is_refused_in_words(tmp_path: Path) -> None:
    """Everything imports there; writing says what to do."""
    code = (
        "import sys; sys.modules['fcntl'] = None; import unitscope; from pathlib import Path; "
        "[getattr(unitscope, name) for name in unitscope.__all__]; from unitscope.files.writing import write; "
        f"write(Path({str(tmp_path / 'x')!r}), b'x')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "InputError: this system has no POSIX file locks" in run.stderr
    assert "run it in WSL" in run.stderr


def test_a_name_is_loaded_when_it_is_used() -> None:
    modules = loaded("import unitscope; unitscope.Vocabulary")
    assert "unitscope.corpus.vocabulary" in modules
    assert "unitscope.comparison.compare" not in modules


def test_every_name_is_there_and_nothing_else() -> None:
    for name in unitscope.__all__:
        assert getattr(unitscope, name) is not None
        assert name in dir(unitscope)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        unitscope.nothing  # noqa: B018


def test_editors_see_the_names_that_are_loaded_lazily() -> None:
    """What type checkers read (the imports under TYPE_CHECKING), what is exported and what is loaded are one list."""
    tree = ast.parse(Path(unitscope.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == unitscope._PLACES
    assert sorted(typed) == sorted(unitscope.__all__)
