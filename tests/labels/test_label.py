from collections.abc import Callable

import numpy as np
import pytest

from unitscope.errors import InputError
from unitscope.labels.label import Flags, Numbers, flag, key_of, number


@flag("inside Upper case_word")
def upper(text: str) -> Flags:
    """An upper-case letter,
    whatever it is.
    """
    return np.array([character.isupper() for character in text])


def test_decorated_function() -> None:
    assert (upper.key, upper.name, upper.kind) == ("inside-upper-case-word", "inside Upper case_word", "flag")
    assert upper.help == "An upper-case letter, whatever it is."
    assert upper("aB").tolist() == [False, True]


def test_key() -> None:
    assert key_of("  Inside  double_quotes") == "inside-double-quotes"


def test_numbers_become_float32() -> None:
    @number("place")
    def place(text: str) -> np.ndarray:
        return np.arange(len(text))

    assert place("abc").dtype == np.float32
    assert place("abc").tolist() == [0, 1, 2]


def test_empty_text_is_never_asked() -> None:
    @number("never")
    def never(text: str) -> Numbers:
        raise AssertionError

    assert never("").shape == (0,)
    assert never("").dtype == np.float32


@pytest.mark.parametrize(
    ("make", "returned", "message"),
    [
        (flag, np.zeros(2, bool), r"odd returned shape \(2,\) for a text of 3 characters"),
        (flag, np.zeros((3, 1), bool), r"shape \(3, 1\)"),
        (flag, np.zeros(3), "odd is a flag but returned float64; return bool"),
        (number, np.array(["a", "b", "c"]), "odd is a number but returned <U1; return numbers"),
        (number, np.zeros(3, complex), "odd is a number but returned complex128"),
    ],
)
def test_wrong_answers_are_named(make: Callable, returned: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make("odd")(lambda text: returned)("abc")
