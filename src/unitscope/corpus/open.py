"""From what a user names to a corpus: a file, a folder, a public corpus, a table's column, standard input."""

import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from unitscope.corpus.annotated import Annotation
from unitscope.corpus.documents import DOCUMENT_BYTES, TextFile, Unit, find_files, scan
from unitscope.corpus.download import local
from unitscope.corpus.rows import rows, split_name, spool
from unitscope.corpus.splits import Split
from unitscope.corpus.stdlib import NAME as STDLIB
from unitscope.corpus.stdlib import stdlib_files
from unitscope.corpus.text import CONTEXT, LENGTH, TextCorpus
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

STANDARD_INPUT = "-"


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
) -> TextCorpus:
    """Open a text as a corpus.

    ``text`` is a file, a folder (``pattern`` chooses among its files), the name of a public corpus (``warpeace``; it is
    downloaded once), several of them, ``TABLE:COLUMN`` for the texts in the rows of a table (JSON Lines, CSV, TSV,
    Parquet, a data set's folder), ``-`` for standard input, or ``stdlib`` for the source of the running Python's
    standard library (a file of that name is ``./stdlib``). An iterator gives the texts themselves, for example those of
    a data set that is streamed; they are copied to a temporary file.
    Without ``vocabulary`` the symbols are collected from the text; those that occur less than ``at_least`` times are
    read as an unknown symbol.
    ``split`` is all of the text if it is not given.
    Raises ``InputError`` if there is nothing to read or it cannot be read.
    """
    if isinstance(text, Iterator):
        names: list[str | Path] = ["texts"]
        files = spool(text, "texts")
        copies = [files[0].path]
    else:
        names = [text] if isinstance(text, str | Path) else list(text)
        files, copies = _files(names, pattern)
    try:
        documents = scan(files, unit, document_bytes)
    except InputError:
        _remove(copies)
        raise
    weakref.finalize(documents, _remove, copies)
    return TextCorpus(
        documents,
        ", ".join(Path(name).name for name in names) if names != [STANDARD_INPUT] else "standard input",
        split=split or Split(),
        vocabulary=vocabulary or documents.vocabulary(at_least),
        length=length,
        context=context,
        annotations=annotations,
    )


def _files(names: Sequence[str | Path], pattern: str) -> tuple[list[TextFile], list[Path]]:
    """What is read, and those files among it that are copies, to be removed after use."""
    if not names:
        raise InputError("no text was given; give a file, a folder, - for standard input, or stdlib")
    if STANDARD_INPUT in names and len(names) > 1:
        raise InputError("standard input (-) cannot be read together with files")
    if names == [STDLIB]:
        return stdlib_files(), []
    if names == [STANDARD_INPUT]:
        copy = _spool()
        return [TextFile("standard input", copy)], [copy]
    tables = {name: table for name in names if (table := split_name(name))}
    plain = [path for name in names if name not in tables for path in local(name)]
    files = find_files(plain, pattern) if plain else []
    copies: list[Path] = []
    try:
        for name, table in tables.items():
            found = spool(rows(*table), Path(name).name)
            copies.append(found[0].path)
            files += found
    except BaseException:
        _remove(copies)
        raise
    return files, copies


def _remove(copies: Sequence[Path]) -> None:
    for copy in copies:
        copy.unlink(missing_ok=True)


def _spool() -> Path:
    """Standard input in a temporary file: a corpus is read more than once, and in any order."""
    with tempfile.NamedTemporaryFile(prefix="unitscope-", suffix=".txt", delete=False) as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Path(file.name)
