"""Only questions that can be answered differently from one character to the next, and each only once."""

import inspect

import numpy as np

from unitscope.labels import find, generic, names, suggest

PROSE = 'He said: "It is late." She (his aunt) went home at nine.\nWas it so? Nobody knew.\n\n' * 20
C = (
    '#include <a.h>\n#define B 1\n\n/* one */\nint f(int a)\n{\n\tif (a > 1) {\n\t\tg("x", a);\n\t}\n\treturn 0;\n}\n\n'
    * 20
)


def test_prose_is_not_asked_about_code() -> None:
    asked = suggest(PROSE)
    assert {"inside-double-quotes", "inside-parentheses", "start-of-sentence", "position-in-line"} <= set(asked)
    assert not set(asked) & {*names("python"), *names("c")}


def test_constant_ones_are_dropped() -> None:
    asked = suggest(PROSE)
    assert "digit" not in asked
    assert "inside-braces" not in asked
    assert "tab-depth" not in asked


def test_of_two_that_agree_the_first_stays() -> None:
    asked = suggest(PROSE)
    assert np.array_equal(find("inside-parentheses")(PROSE), find("parenthesis-depth")(PROSE))
    assert "inside-parentheses" in asked
    assert "parenthesis-depth" not in asked


def test_the_rest_is_all_different() -> None:
    profiles = np.stack([find(key)(C).astype(float) for key in suggest(C)])
    correlation = np.abs(np.ma.corrcoef(np.ma.masked_invalid(profiles)).filled(0))
    np.fill_diagonal(correlation, 0)
    assert correlation.max() <= 0.9991


def test_languages() -> None:
    python = inspect.getsource(generic)
    assert {"inside-python-comment", "inside-docstring"} <= set(suggest(python))
    assert not set(suggest(python)) & set(names("c"))
    assert {"inside-c-comment", "inside-c-if-head", "inside-include"} <= set(suggest(C))
    assert not set(suggest(C)) & set(names("python"))


def test_texts_with_nothing_to_ask() -> None:
    assert suggest("") == []
    assert suggest("a") == []
