import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unitscope.errors import InputError
from unitscope.files.parquet import read_table, reading_table, write_table

ADVICE = "make it again"
SCHEMA = pa.schema([("number", pa.int64()), ("text", pa.large_string())])
TABLE = pa.table([np.arange(1000) % 7, [f"text {i}" for i in range(1000)]], schema=SCHEMA)


@pytest.fixture
def path(tmp_path):
    write_table(tmp_path / "file", TABLE)
    return tmp_path / "file"


def test_what_is_read_is_what_was_written(path):
    assert read_table(path, ADVICE, SCHEMA).equals(TABLE)
    assert read_table(path, ADVICE, columns=["text"]).equals(TABLE.select(["text"]))
    assert pq.read_table(path).equals(TABLE)


def test_columns_are_the_ones_expected(path):
    with pytest.raises(InputError, match=r"file is damaged .it has other columns.; make it again"):
        read_table(path, ADVICE, pa.schema([("number", pa.int32()), ("text", pa.large_string())]))


def test_one_byte_is_found_or_does_not_matter(path):
    content = path.read_bytes()
    found = 0
    for place in range(0, len(content), 13):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            assert read_table(path, ADVICE, SCHEMA).equals(TABLE)
        except InputError:
            found += 1
    assert found > len(content) / 13 / 2


def test_what_is_none(tmp_path):
    for content in (b"", b"PAR1", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", b"x" * 100):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(InputError, match="file is damaged"):
            read_table(tmp_path / "file", ADVICE)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is no file"):
        read_table(tmp_path / "pipe", ADVICE)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_table(tmp_path / "none", ADVICE)


def test_errors_of_the_reader_are_not_called_damage(path):
    with pytest.raises(ZeroDivisionError), reading_table(path, ADVICE):
        raise ZeroDivisionError
