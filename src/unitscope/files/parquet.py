"""The one reader and writer of Parquet files: columns of known types, within bounds, pages with checksums."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.inside import open_plain
from unitscope.files.room import disk_errors
from unitscope.files.writing import writing

TEXTS, ENTRIES = 64_000_000, 4_000_000
"""Bytes of one text, and entries of one list, in the description at a file's end."""
GROWTH = 3_000
"""How many times larger than the file its columns may be. Long runs of equal numbers shrink to almost nothing."""


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table, in one step. Raises ``InputError`` if the disk refuses."""
    with writing(path) as partial, created(partial) as kept, table_writer(kept, table.schema) as file:
        file.write_table(table)


def created(path: Path) -> pa.NativeFile:
    """A new file, whose name may be no UTF-8."""
    return pa.OSFile(os.fsencode(path), "wb")


def table_writer(kept: pa.NativeFile, schema: pa.Schema) -> pq.ParquetWriter:
    """Writes a file group by group; each page gets a checksum."""
    return pq.ParquetWriter(kept, schema, compression="zstd", write_page_checksum=True)


@contextmanager
def reading_table(path: Path, advice: str, schema: pa.Schema | None = None) -> Iterator[pq.ParquetFile]:
    """Open a file whose columns are those of ``schema``, in that order; None for whatever it has.

    Whatever goes wrong while it is read becomes an ``InputError``: that there is none, or that it is damaged.
    """
    with disk_errors(path, "read"):
        with open_plain(path):
            pass  # a pipe would keep the library waiting
        try:
            with pq.ParquetFile(
                pa.OSFile(os.fsencode(path)),
                page_checksum_verification=True,
                thrift_string_size_limit=TEXTS,
                thrift_container_size_limit=ENTRIES,
            ) as file:
                if schema is not None and not file.schema_arrow.equals(schema):
                    raise ValueError("it has other columns")
                _check_size(file, path.stat().st_size)
                yield file
        except InputError:
            raise
        except OSError as error:
            if error.errno:
                raise  # the disk's own words, not Parquet's
            raise damaged(path, error, advice) from error
        except (ValueError, KeyError, IndexError, pa.ArrowException, MemoryError) as error:
            raise damaged(path, _first_line(error), advice) from error


def read_table(
    path: Path, advice: str, schema: pa.Schema | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read a table, or some of its columns. Raises ``InputError`` where there is none, or it is damaged."""
    with reading_table(path, advice, schema) as file:
        return file.read(columns=None if columns is None else list(columns))


def _check_size(file: pq.ParquetFile, size: int) -> None:
    """Refuse a small file that says it holds far more than any file of its size could."""
    metadata = file.metadata
    told = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    rows = sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    if told < 0 or told > GROWTH * size or rows != metadata.num_rows or rows < 0:
        raise ValueError("it says that it holds more than it can")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
