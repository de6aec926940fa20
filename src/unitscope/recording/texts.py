"""The documents that recorded sequences lie in, kept so that any hypothesis can be asked later without the corpus."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unitscope.corpus.annotated import HasText
from unitscope.errors import InputError
from unitscope.recording.durable import replacing

TEXTS = "documents.parquet"
GROUP = 1 << 20
"""Characters after which a new part of the file begins; a part is what is read at once."""
SCHEMA = pa.schema([("document", pa.int64()), ("text", pa.large_string())])


def write_texts(folder: Path, corpus: HasText, documents: Iterable[int]) -> None:
    """Write the text of each of these documents once, holding about one part in memory."""
    with replacing(folder / TEXTS) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as file:
        numbers: list[int] = []
        texts: list[str] = []
        for number in documents:
            numbers.append(number)
            texts.append(corpus.document_text(number))
            if sum(map(len, texts)) >= GROUP:
                file.write_table(pa.table([numbers, texts], schema=SCHEMA))
                numbers, texts = [], []
        file.write_table(pa.table([numbers, texts], schema=SCHEMA))


class Texts:
    """The kept documents, read one at a time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / TEXTS
        try:
            with pq.ParquetFile(self.path) as file:
                numbers = [
                    np.asarray(file.read_row_group(group, columns=["document"])["document"])
                    for group in range(file.num_row_groups)
                ]
        except (OSError, ValueError, KeyError) as error:
            raise self._damaged(error) from error
        self.place = {
            int(number): (group, row) for group, part in enumerate(numbers) for row, number in enumerate(part)
        }

    def read(self, document: int) -> str:
        """The text of a document."""
        try:
            group, row = self.place[document]
            with pq.ParquetFile(self.path) as file:
                return str(file.read_row_group(group, columns=["text"])["text"][row].as_py())
        except (OSError, ValueError, KeyError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> InputError:
        return InputError(f"{self.path} is damaged ({error}); delete it and record again with the same settings")
