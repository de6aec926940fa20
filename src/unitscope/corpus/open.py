"""From what a user names to a corpus: a file, a folder, several, standard input, or ``stdlib``."""

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from unitscope.corpus.annotated import Annotation
from unitscope.corpus.documents import DOCUMENT_BYTES, TextFile, Unit, find_files, scan
from unitscope.corpus.splits import Split
from unitscope.corpus.stdlib import NAME as STDLIB
from unitscope.corpus.stdlib import stdlib_files
from unitscope.corpus.text import CONTEXT, LENGTH, TextCorpus
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

STANDARD_INPUT = "-"


def open_corpus(
    text: str | Path | Sequence[str | Path],
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

    ``text`` is a file, a folder (``pattern`` chooses among its files), several of them, ``-`` for standard input,
    or ``stdlib`` for the source of the running Python's standard library (a file of that name is ``./stdlib``).
    Without ``vocabulary`` the symbols are collected from the text; those that occur less than ``at_least`` times are
    read as an unknown symbol.
    ``split`` is all of the text if it is not given.
    Raises ``InputError`` if there is nothing to read or it cannot be read.
    """
    names = [text] if isinstance(text, str | Path) else list(text)
    if not names:
        raise InputError("no text was given; give a file, a folder, - for standard input, or stdlib")
    if STANDARD_INPUT in names and len(names) > 1:
        raise InputError("standard input (-) cannot be read together with files")
    if names == [STDLIB]:
        files, name = stdlib_files(), STDLIB
    elif names == [STANDARD_INPUT]:
        files, name = [TextFile("standard input", _spool())], "standard input"
    else:
        files, name = find_files([Path(path) for path in names], pattern), ", ".join(Path(path).name for path in names)
    try:
        documents = scan(files, unit, document_bytes)
    except InputError:
        if names == [STANDARD_INPUT]:
            files[0].path.unlink()
        raise
    if names == [STANDARD_INPUT]:
        weakref.finalize(documents, os.unlink, files[0].path)
    return TextCorpus(
        documents,
        name,
        split=split or Split(),
        vocabulary=vocabulary or documents.vocabulary(at_least),
        length=length,
        context=context,
        annotations=annotations,
    )


def _spool() -> Path:
    """Standard input in a temporary file: a corpus is read more than once, and in any order."""
    with tempfile.NamedTemporaryFile(prefix="unitscope-", suffix=".txt", delete=False) as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return Path(file.name)
