"""The documents of a recording, kept beside the activations so that labels can be asked of them later.

One Parquet file, ``documents.parquet``: number, name, digest of the content, the whole it is a piece of, and the text
where there is one.
"""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from unitscope.corpus.corpus import Corpus
from unitscope.corpus.place import DocumentText
from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.digest import digest_of
from unitscope.files.parquet import created, reading_table, table_writer
from unitscope.files.writing import writing
from unitscope.source.source import Source

TEXTS = "documents.parquet"
GROUP = 1 << 20
"""Characters after which a new part of the file begins; a part is what is read at once."""
SMALL = 64_000_000
"""Bytes of a file whose digest is compared before it is read."""
MEND = "record again with the same settings to restore it"
ROWS = 1 << 14
"""Documents in a part at most."""
SCHEMA = pa.schema(
    [
        ("document", pa.int64()),
        ("name", pa.string()),
        ("digest", pa.string()),
        ("whole", pa.string()),
        ("text", pa.large_string()),
    ]
)


def write_texts(folder: Path, source: Source | Corpus, documents: Iterable[int]) -> None:
    """Write each of these documents once, holding about one part in memory."""
    with writing(folder / TEXTS) as partial, created(partial) as kept, table_writer(kept, SCHEMA) as file:
        rows: list[tuple[int, DocumentText]] = []
        size = 0
        for number in documents:
            rows.append((number, source.document(number)))
            size += len(rows[-1][1].text or "")
            if size >= GROUP or len(rows) == ROWS:
                file.write_table(_table(rows))
                rows, size = [], 0
        file.write_table(_table(rows))


def _table(rows: list[tuple[int, DocumentText]]) -> pa.Table:
    columns = [[number for number, _ in rows]]
    columns += [[getattr(kept, name) for _, kept in rows] for name in SCHEMA.names[1:]]
    return pa.table(columns, schema=SCHEMA)


class Texts:
    """The kept documents, read one part at a time."""

    def __init__(self, folder: Path, expected: str | None) -> None:
        """Raises ``InputError`` where they are damaged: a small file by its digest, a large one page by page."""
        self.path = folder / TEXTS
        with reading_table(self.path, MEND, SCHEMA) as file:
            if expected is not None and self.path.stat().st_size <= SMALL and digest_of(self.path) != expected:
                raise damaged(self.path, "its content differs from what the manifest says", MEND)
            numbers = [
                np.asarray(file.read_row_group(group, columns=["document"])["document"])
                for group in range(file.num_row_groups)
            ]
        self.place = {
            int(number): (group, row) for group, part in enumerate(numbers) for row, number in enumerate(part)
        }
        self._known = lru_cache(4)(self._read)
        self.document = lru_cache(4)(self._document)
        """A document by its number. Raises ``InputError`` where it is not kept."""

    def _document(self, number: int) -> DocumentText:
        if number not in self.place:
            raise InputError(f"{self.path} keeps no document {number}")
        group, row = self.place[number]
        found = self._known(group).slice(row, 1).to_pylist()[0]
        return DocumentText(found["name"], found["digest"], found["text"], found["whole"])

    def _read(self, group: int) -> pa.Table:
        with reading_table(self.path, MEND, SCHEMA) as file:
            return file.read_row_group(group, columns=SCHEMA.names)
