"""Laws of every label, and finding them by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.errors import InputError
from unitscope.labels import Label, find, names
from unitscope.labels.library import catalogue, groups, members

CODE = st.text(alphabet="abdefi 1_#@\\'\"()[]{}:;=/*\n\r\t.λ", max_size=80)
ALL = st.one_of(CODE, st.text(max_size=40), st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
PASSAGES = (
    "",
    "a",
    "\n",
    "\r\n\r\n",
    "lone surrogate \ud800",
    bytes(range(256)).decode("latin-1"),
    "# α\n@deco(1)\nasync def f(a, b=(1, 2)):\r\n\t'''doc'''\r\n\tif a: return \"x\" # end",
    '/* open\n#include <a.h>\nint main(void) { if (x) y("s"); }\n}}}))]]',
    "Mr. A said, “It’s 5.” 'Yes?' www.a.org\n\n\"No...\n",
)


def test_keys_are_unique_and_find_takes_key_and_name() -> None:
    assert sum(len(members(group)) for group in groups()) == len(catalogue()) == len(names())
    for key in names():
        assert find(key).key == key
        assert find(find(key).name) is find(key)


@pytest.mark.parametrize("key", names())
def test_is_described(key: str) -> None:
    label = find(key)
    assert label.help.endswith(".")
    assert label.help[0].isupper() or not label.help[0].isalpha()
    assert label.kind in ("flag", "number")


def check(label: Label, text: str) -> None:
    values = label(text)
    assert values.shape == (len(text),)
    assert values.dtype == (np.bool_ if label.kind == "flag" else np.float32)
    assert not np.isinf(values).any()
    again = label(text)
    np.testing.assert_array_equal(values, again)
    # A caller may write into its answer without changing anybody else's.
    assert values.flags.writeable
    values[:] = 1
    np.testing.assert_array_equal(again, label(text))


@pytest.mark.parametrize("text", PASSAGES, ids=range(len(PASSAGES)))
def test_laws(text: str) -> None:
    for key in names():
        check(find(key), text)


@settings(deadline=None, max_examples=20)
@given(ALL)
def test_laws_on_any_text(text: str) -> None:
    for key in names():
        check(find(key), text)


@settings(deadline=None, max_examples=20)
@given(st.binary(max_size=100).map(lambda data: data.decode("latin-1")))
def test_one_and_four_byte_characters_agree(text: str) -> None:
    """A character beyond Latin-1 at the end makes every scan use wide codes."""
    for key in names():
        np.testing.assert_array_equal(find(key)(text + "\0")[:-2], find(key)(text + "\u2400")[:-2], err_msg=key)


def test_groups() -> None:
    assert "inside-docstring" in names("python")
    assert "inside-preprocessor-line" in names("c")
    assert "start-of-sentence" in names("prose")
    assert "position-in-line" in names("generic")
    with pytest.raises(InputError, match="generic, prose, c, python"):
        names("cobol")


def test_unknown_name_shows_near_ones() -> None:
    with pytest.raises(InputError, match="did you mean inside-double-quotes"):
        find("insde double quote")
    with pytest.raises(InputError, match=r"'zzz'; unitscope\.labels\.names\(\) has all \d+ names"):
        find("zzz")
