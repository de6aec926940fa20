"""Text of the study's networks: the user's file, or for a quick look source code that every machine has."""

import tempfile
from pathlib import Path

from unitscope.corpus.download import local
from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split
from unitscope.corpus.stdlib import stdlib_files
from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.files.digest import digest
from unitscope.files.writing import write
from unitscope.studies.library.visualizing_rnns.grid import ROWS, STEPS
from unitscope.studies.library.visualizing_rnns.published import Reference, reference_of

QUICK = 400_000
"""Bytes of a quick look."""
LENGTH, CONTEXT = 1100, 200
"""Characters of a sequence, and those that are read before it; a stretch of War and Peace's test text is three."""


def text_file(text: Path | None, quick: bool) -> Path:
    """The one file that is read; a quick look takes the beginning of it, or of Python's standard library, into a file
    of the system's folder for such, named by its content.

    Raises ``InputError`` where there is none.
    """
    if text is None and not quick:
        raise InputError(
            "give --text FILE, or --quick for a small run on Python's own source. The paper read War and Peace and the "
            "Linux kernel: --text warpeace and --text linux download them, and what was published is set beside"
        )
    files = [file.path for file in stdlib_files()] if text is None else local(text)
    if text is not None and (len(files) > 1 or not files[0].is_file()):
        raise InputError(f"{text} is no file; give one text file, or the name of a public one: warpeace, linux")
    if not quick:
        return files[0]
    begun = b""
    for path in files:
        with path.open("rb") as stream:
            begun += stream.read(QUICK - len(begun))
        if len(begun) >= QUICK:
            break
    excerpt = Path(tempfile.gettempdir()) / f"unitscope-{digest(begun)[:16]}.txt"
    if not excerpt.exists() or excerpt.read_bytes() != begun:
        write(excerpt, begun)
    return excerpt


def open_text(file: Path) -> tuple[TextCorpus, Reference | None]:
    """The text with the paper's split, and what the paper is remembered to have said of it, if it is one of its own.

    Raises ``InputError`` for a text that is too short for that split.
    """
    reference = reference_of(file)
    fractions = reference.fractions if reference else (0.8, 0.1, 0.1)
    split = Split("interleaved", "all", fractions, ROWS, STEPS)
    corpus = open_corpus(file, split=split, length=LENGTH, context=CONTEXT)
    if corpus.tokens < 10 * ROWS * STEPS:
        raise InputError(
            f"{file} has {corpus.tokens:,} bytes; train, validation and test text in {ROWS} stretches need at least "
            f"{10 * ROWS * STEPS:,}; give a longer text"
        )
    return corpus, reference
