import json
import math
import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitscope.errors import InputError
from unitscope.files.jsons import json_bytes, parse, read_json, unsealed, write_json

ADVICE = "make it again"


@dataclass(frozen=True)
class Inner:
    name: str
    value: float


@dataclass(frozen=True)
class Kept:
    count: int
    inner: tuple[Inner, ...] = ()
    by_number: dict[int, str] = field(default_factory=dict)


KEPT = Kept(3, (Inner("a", 1.5), Inner("ü", -2.0)), {7: "seven"})


def test_what_is_read_is_what_was_written(tmp_path):
    write_json(tmp_path / "file", KEPT)
    assert read_json(tmp_path / "file", Kept, ADVICE) == KEPT
    plain = json.loads((tmp_path / "file").read_text())
    assert plain.pop("digest")
    assert plain.pop("schema") == 1
    assert plain["inner"][1] == {"name": "ü", "value": -2.0}, "any other program can read it"


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.floats() | st.text('aé\n"\\') | st.none()))
def test_any_object_is_itself_again(plain):
    for name in ("digest", "schema"):
        plain.pop(name, None)
    again, seal = unsealed(json_bytes(plain, schema=3))
    assert seal
    assert again.pop("schema") == 3
    assert again.keys() == plain.keys()
    for name, value in plain.items():
        assert again[name] == value or (math.isnan(again[name]) and math.isnan(value))


def test_one_bit_is_found_wherever_it_is(tmp_path):
    content = json_bytes(KEPT)
    path = tmp_path / "file"
    for place in range(0, len(content) * 8, 11):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"file is damaged .*; make it again"):
            read_json(path, Kept, ADVICE)


def test_files_of_others_need_no_digest_but_a_wrong_one_is_found(tmp_path):
    path = tmp_path / "file"
    path.write_text('{"count": 1}')
    assert read_json(path, Kept, ADVICE, schema=None, sealed=False) == Kept(1)
    with pytest.raises(InputError, match="does not say of what version"):
        read_json(path, Kept, ADVICE)
    path.write_text('{"schema": 1, "count": 1}')
    with pytest.raises(InputError, match="it has no digest"):
        read_json(path, Kept, ADVICE)
    path.write_bytes(json_bytes(KEPT).replace(b"7", b"8"))
    with pytest.raises(InputError, match="differs from its digest"):
        read_json(path, Kept, ADVICE, sealed=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "more than 64 deep"),
        ("[" * 70 + "]" * 70, "more than 64 deep"),
        ('{"a": 1, "a": 2}', "twice"),
        ("1" * 5000, "a number of 5,000 digits"),
        ("0." + "1" * 5000, "the number 0.111"),
        ("1e999", "the number 1e999"),
        ('"\\ud800"', "half of a character"),
        ('{"\\udfff": 1}', "half of a character"),
        (b"\xff", "utf-8"),
        (b'{"a": "\xed\xa0\x80"}', "utf-8"),
    ],
)
def test_what_no_honest_file_holds(content, message):
    with pytest.raises(ValueError, match=message):
        parse(content)


def test_whole_characters_may_be_escaped():
    assert parse('"\\ud83d\\ude00\\u00e9"') == "😀é"


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"count": "3"}, r"Expected `int`, got `str` - at `\$.count`"),
        ({"count": True}, "Expected `int`"),
        ({}, "missing required field `count`"),
        ({"count": 1, "inner": [{"name": "a"}]}, "missing required field `value`"),
    ],
)
def test_fields_are_what_they_should_be(tmp_path, plain, message):
    write_json(tmp_path / "file", plain)
    with pytest.raises(InputError, match=message):
        read_json(tmp_path / "file", Kept, ADVICE)


def test_size_has_a_bound(tmp_path):
    (tmp_path / "file").write_text(" " * 1000)
    with pytest.raises(InputError, match="larger than 999 bytes"):
        read_json(tmp_path / "file", Kept, ADVICE, largest=999)


def test_what_is_not_there_is_not_called_damaged(tmp_path):
    with pytest.raises(InputError, match=r"file cannot be read: No such file"):
        read_json(tmp_path / "file", Kept, ADVICE)


def test_nobody_waits_at_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is no file"):
        read_json(tmp_path / "pipe", dict[str, Any], ADVICE)


def test_only_objects_are_kept(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "file", [1])


def test_another_version_is_named(tmp_path):
    write_json(tmp_path / "file", KEPT, schema=2)
    with pytest.raises(InputError, match=r"has schema 2, and this version of unitscope reads 1; make it again$"):
        read_json(tmp_path / "file", Kept, ADVICE)
    assert read_json(tmp_path / "file", Kept, ADVICE, schema=2) == KEPT


def test_many_numbers_take_one_line(tmp_path):
    write_json(tmp_path / "file", {"numbers": list(range(9))}, compact=True)
    assert (tmp_path / "file").read_text().count("\n") == 2
