"""The user's own functions."""

import os
from pathlib import Path

import pytest

from unitscope.errors import InputError
from unitscope.labels import find, given


@pytest.fixture
def written(tmp_path: Path):
    def write(source: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(source)
        return path

    return write


def test_a_list_of_booleans_is_a_flag(written) -> None:
    path = written("def shout(text):\n    'In capitals.\\n\\n    More.'\n    return [c.isupper() for c in text]\n")
    shout = given(f"{path}:shout")
    assert (shout.kind, shout.help, shout.key) == ("flag", "In capitals.", f"{path}:shout")
    assert shout("aB").tolist() == [False, True]
    assert shout("").tolist() == []


def test_an_array_of_numbers_is_a_number(written) -> None:
    path = written("import numpy as np\ndef place(text):\n    return np.arange(len(text))\n")
    place = given(f"{path}:place")
    assert (place.kind, place.help) == ("number", f"The function {path}:place.")
    assert place("abc").tolist() == [0, 1, 2]


def test_the_librarys_decorator_and_dataclasses_work_in_it(written) -> None:
    path = written(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from unitscope.labels.label import flag\n"
        "@dataclass\nclass A:\n    x: int = 1\n"
        "@flag('an e')\ndef e(text):\n    'The letter e.'\n    return [c == 'e' for c in text]\n"
    )
    assert given(f"{path}:e")("be").tolist() == [False, True]
    assert given(f"{path}:e").help == "The letter e."


def test_a_changed_file_is_run_again(written) -> None:
    path = written("def f(text):\n    return [True for _ in text]\n")
    assert given(f"{path}:f")("a").tolist() == [True]
    written("def f(text):\n    return [None is text for _ in text]\n")
    os.utime(path, (1, 1))
    assert given(f"{path}:f")("a").tolist() == [False]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "defines no function 'f'; define it"),
        ("f = 1", "defines no function 'f'"),
        ("def f(text: return", r"mine\.py cannot be run: SyntaxError"),
        ("raise SystemExit(0)", r"mine\.py cannot be run: SystemExit"),
        ("def f(text):\n    raise SystemExit(0)", r"mine\.py:f failed .* SystemExit"),
        ("import no_such_module_at_all", r"cannot be run: ModuleNotFoundError"),
        (
            "def f(text):\n    return 1 / 0",
            r"mine\.py:f failed on a text of \d+ characters: ZeroDivisionError: division",
        ),
        ("def f():\n    pass", r"mine\.py:f failed .* TypeError"),
        ("def f(text):\n    return [True]", r"mine\.py:f returned shape \(1,\) for a text of"),
        ("def f(text):\n    return list(text)", r"mine\.py:f is a number but returned <U1; return numbers"),
        ("def f(text):\n    return None", r"mine\.py:f returned shape \(\)"),
        ("def f(text):\n    return [[1], [1, 2]]", r"mine\.py:f failed .* ValueError"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_found(written, source: str, message: str) -> None:
    path = written(source)
    with pytest.raises(InputError, match=message):
        given(f"{path}:f")


def test_failure_on_a_later_text_names_the_function(written) -> None:
    path = written(
        "def f(text):\n    if text == 'boom':\n        raise KeyError(text)\n    return [True for _ in text]\n"
    )
    with pytest.raises(InputError, match=r"mine\.py:f failed on a text of 4 characters: KeyError"):
        given(f"{path}:f")("boom")


def test_an_answer_of_another_kind_later_is_refused(written) -> None:
    path = written("def f(text):\n    return [True if len(text) > 3 else 2.5 for _ in text]\n")
    with pytest.raises(InputError, match=r"mine\.py:f is a flag but returned float64"):
        given(f"{path}:f")("ab")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file '.*none\.py'; write path/to/file\.py:function"):
        given(f"{tmp_path}/none.py:f")


def test_a_name_from_a_file_never_runs_code(written) -> None:
    path = written("raise AssertionError('it ran')")
    with pytest.raises(InputError, match=r"code of your own, which runs only where you ask for it"):
        find(f"{path}:f")
