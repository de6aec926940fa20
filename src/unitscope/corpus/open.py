"""From what a user names to a corpus: a file, a folder, a public corpus, a table's column, standard input."""

import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unitscope.corpus.annotated import Annotation
from unitscope.corpus.dialect import Dialect, Notes, ending
from unitscope.corpus.documents import DOCUMENT_BYTES, TextFile, Unit, find_files, read_bytes, scan
from unitscope.corpus.download import files_of
from unitscope.corpus.fasta import ENDINGS as FASTA
from unitscope.corpus.fasta import records
from unitscope.corpus.opening import PLAIN, SNIFF, STANDARD_INPUT, Lines, coding, is_packed, shown
from unitscope.corpus.rows import Joined, rows, split_name, spool
from unitscope.corpus.splits import Split
from unitscope.corpus.stdlib import NAME as STDLIB
from unitscope.corpus.stdlib import stdlib_files
from unitscope.corpus.tables import ENDINGS as TABLES
from unitscope.corpus.text import CONTEXT, LENGTH, TextCorpus
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.files.inside import readable


def open_corpus(
    text: str | Path | Sequence[str | Path] | Iterator[str],
    *,
    unit: Unit = "bytes",
    split: Split | None = None,
    vocabulary: Vocabulary | None = None,
    at_least: int = 1,
    length: int = LENGTH,
    context: int = CONTEXT,
    pattern: str = "*",
    annotations: Mapping[str, Annotation] | None = None,
    document_bytes: int = DOCUMENT_BYTES,
    dialect: Dialect = Dialect(),
    name: str = "texts",
) -> TextCorpus:
    """Open a text as a corpus.

    ``text`` is a file, a folder (``pattern`` chooses among its files), the name of a public corpus (``warpeace``; it is
    downloaded once), several of them, ``TABLE:COLUMN`` for the texts in the rows of a table (JSON Lines, CSV, TSV,
    Parquet, a data set's folder), ``-`` for standard input, or ``stdlib`` for the source of the running Python's
    standard library (a file of that name is ``./stdlib``). An iterator gives the texts themselves, for example those of
    a data set that is streamed, which are called ``name`` then. What is packed, in another encoding than UTF-8, or no
    file of its own is copied to a temporary one. ``dialect`` says the encoding, and how a table is written.
    Without ``vocabulary`` the symbols are collected from the text; those that occur less than ``at_least`` times are
    read as an unknown symbol.
    ``split`` is all of the text if it is not given.
    Raises ``InputError`` if there is nothing to read or it cannot be read.
    """
    notes = Notes()
    if isinstance(text, Iterator):
        names: list[str | Path] = [name]
        made = spool(text, name)
        files: Sequence[TextFile] = made
        copies = [made.path]
    else:
        names = [text] if isinstance(text, str | Path) else list(text)
        files, copies = _files(names, pattern, unit, dialect, notes)
    try:
        documents = scan(files, unit, document_bytes)
    except InputError:
        _remove(copies)
        raise
    weakref.finalize(documents, _remove, copies)
    return TextCorpus(
        documents,
        ", ".join(readable(Path(name).name) for name in names) if names != [STANDARD_INPUT] else "standard input",
        split=split or Split(),
        vocabulary=vocabulary or documents.vocabulary(at_least),
        length=length,
        context=context,
        annotations=annotations,
        notes=notes,
    )


def _files(
    names: Sequence[str | Path], pattern: str, unit: Unit, dialect: Dialect, notes: Notes
) -> tuple[Sequence[TextFile], list[Path]]:
    """Files to read, and those among them that are copies, to be removed after use."""
    if not names:
        raise InputError("no text was given; give a file, a folder, - for standard input, or stdlib")
    if STANDARD_INPUT in names and len(names) > 1:
        raise InputError("standard input (-) cannot be read together with files")
    if names == [STDLIB]:
        return stdlib_files(), []
    tables = {name: table for name in names if (table := split_name(name))}
    plain = {path: how.encoding for name in names if name not in tables for path, how in files_of(name, dialect)}
    if names == [STANDARD_INPUT]:
        found = [TextFile(shown(STANDARD_INPUT), Path(STANDARD_INPUT))]
    else:
        found = find_files(list(plain), pattern, notes=notes) if plain else []
    for path in (path for path in plain if ending(path) in TABLES and path.is_file()):
        notes.fact(f"{path.name} is a table and read as it is written; its texts alone are {path.name}:COLUMN")
    copies = _Copies()
    try:
        parts = [copies.records(file, dialect, notes) for file in found if ending(file.path) in FASTA]
        found = [file for file in found if ending(file.path) not in FASTA]
        parts.append([copies.settled(file, plain.get(file.path, dialect.encoding), unit, notes) for file in found])
        for name, table in tables.items():
            made = spool(rows(*table, dialect, notes), Path(name).name)
            copies.paths.append(made.path)
            parts.append(made)
    except BaseException:
        _remove(copies.paths)
        raise
    finally:
        copies.close()
    return Joined(parts), copies.paths


def _remove(copies: Sequence[Path]) -> None:
    for copy in copies:
        copy.unlink(missing_ok=True)


class _Copies:
    """A temporary file for texts that cannot be read in any order where they lie; made when it is first needed."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._file: Any = None

    def settled(self, file: TextFile, encoding: str, unit: Unit, notes: Notes) -> TextFile:
        """The text of a file as UTF-8, or as the bytes that it is, on the disk.

        A byte order mark is no character, but its bytes are bytes.
        """
        if str(file.path) != STANDARD_INPUT and file.path.is_file():
            head = read_bytes(file.path, 0, SNIFF)
            if not is_packed(head):
                kind, mark = coding(head, encoding, shown(file.path))
                if kind in PLAIN:
                    return replace(file, start=0 if unit == "bytes" else mark)
        with Lines(file.path, encoding, notes) as lines:
            if self._file is None:
                self._file = tempfile.NamedTemporaryFile(prefix="unitscope-", suffix=".txt", delete=False)  # noqa: SIM115
                self.paths.append(Path(self._file.name))
            start = self._file.tell()
            lines.copy(self._file)
            return TextFile(file.name, Path(self._file.name), start, self._file.tell())

    def records(self, file: TextFile, dialect: Dialect, notes: Notes) -> Sequence[TextFile]:
        """The sequences of a file of FASTA, end to end on the disk, each a document."""
        names: list[str] = []

        def letters() -> Iterator[str]:
            for name, text in records(file.path, dialect, notes):
                names.append(name)
                yield text

        made = spool(letters(), file.name)
        self.paths.append(made.path)
        return [replace(one, name=f"{file.name}:{name}") for one, name in zip(made, names, strict=True)]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
