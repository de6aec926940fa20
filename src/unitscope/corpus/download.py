"""Public corpora on this machine: fetched once, proved by their checksum, and kept in a folder.

    local("warpeace")            # [PosixPath('…/unitscope/warpeace/warpeace_input.txt')]
    local("ud-english-ewt/dev")  # one part of a corpus
    local("book.txt")            # [PosixPath('book.txt')]: a path is a path

Every place that takes a text, a treebank or labelled texts asks here what a name stands for.
"""

import gzip
import http.client
import os
import tempfile
import urllib.request
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import platformdirs
import rich.progress
from rich.console import Console

from unitscope.corpus.dialect import Dialect
from unitscope.corpus.public import File, Public, public
from unitscope.errors import InputError

FOLDER = "UNITSCOPE_CORPORA"
"""The variable of the environment that names another folder to keep them in."""
STEP = 1 << 20
ARCHIVE = 100_000_000
"""Bytes that an archive may have beyond those of the file that is wanted of it."""
PATIENCE = 60.0
"""Seconds without a byte after which a download is given up."""


def local(name: str | Path) -> list[Path]:
    """The files that a name stands for: those of a public corpus, which are fetched if need be, or the path itself.

    Raises ``InputError`` where they are not there and cannot be fetched.
    """
    return [fetch(*one) for one in named(name)] or [Path(name)]


def files_of(name: str | Path, dialect: Dialect = Dialect()) -> list[tuple[Path, Dialect]]:
    """As ``local``, each with how it is written: public corpora say their encoding themselves."""
    public = [(fetch(corpus, file), replace(dialect, encoding=file.encoding)) for corpus, file in named(name)]
    return public or [(Path(name), dialect)]


def named(name: str | Path) -> list[tuple[Public, File]]:
    """The files of a public corpus (``corpus``), or one of them (``corpus/part``); none if there is such a path.

    Raises ``InputError`` for a part that a corpus does not have.
    """
    corpus, _, part = Path(name).as_posix().partition("/")
    if corpus not in public() or Path(name).exists():
        return []
    found = [(public()[corpus], file) for file in public()[corpus].files if part in ("", file.part)]
    if not found:
        known = ", ".join(f"{corpus}/{part}" for part in dict.fromkeys(file.part for file in public()[corpus].files))
        raise InputError(f"{corpus} has no part {part!r}; there are: {known}")
    return found


def where(corpus: Public, file: File) -> Path:
    """Where a file is kept."""
    folder = os.environ.get(FOLDER)
    kept = Path(folder) if folder else platformdirs.user_cache_path("unitscope")
    return kept / corpus.name / file.name


def fetch(corpus: Public, file: File) -> Path:
    """A file of a corpus, from the folder or else from its address.

    It is put in place whole and only if it is what was published; what was fetched in part is thrown away. Raises
    ``InputError`` if it cannot be fetched or is another file, and then keeps nothing.
    """
    path = where(corpus, file)
    if file.is_at(path):
        return path
    if file.count is not None:
        raise InputError(_by_hand(corpus, file, path))
    path.parent.mkdir(parents=True, exist_ok=True)
    by_hand = f"fetch {file.url} by hand and put {f'its {file.member}' if file.member else 'it'} at {path}"
    console = Console(stderr=True, highlight=False)
    console.print(f"{corpus.name}: {file.url}\nlicence: {corpus.licence}", soft_wrap=True, markup=False)
    with tempfile.TemporaryDirectory(dir=path.parent) as made:
        part = Path(made) / file.name
        try:
            _download(file, part, console)
        except (OSError, http.client.HTTPException) as error:
            raise InputError(f"{corpus.name} could not be fetched ({error}); {by_hand}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
            raise InputError(f"{file.url} is no archive with a {file.member} ({error}); {by_hand}") from error
        if not file.is_at(part):
            raise InputError(
                f"what {file.url} gives is not the file that was published: {part.stat().st_size:,} bytes instead of "
                f"{file.bytes:,}, or another checksum than {file.digest}. Nothing was kept; try again, or {by_hand}"
            )
        os.replace(part, path)
    return path


def _by_hand(corpus: Public, file: File, path: Path) -> str:
    """Instructions for a file that cannot be downloaded for the user."""
    if path.is_file() and file.count is not None:
        found = file.count(path)
        wrong = next(name for name in file.counts if found.get(name) != file.counts[name])
        return (
            f"{path} is not the file that was published: it has {found.get(wrong, 0):,} {wrong}, and that "
            f"{file.counts[wrong]:,}; get it from {file.url}"
        )
    return (
        f"{corpus.name} is not fetched for you ({corpus.licence}); get {file.name} as {file.url} says, and put it at "
        f"{path}, where it is checked"
    )


def _download(file: File, to: Path, console: Console) -> None:
    archive = to.with_name("archive")
    is_packed = bool(file.member) or file.url.endswith(".gz")
    with (
        urllib.request.urlopen(file.url, timeout=PATIENCE) as answer,
        rich.progress.wrap_file(
            answer, int(answer.headers["Content-Length"] or file.bytes), description=file.name, console=console
        ) as stream,
        (archive if is_packed else to).open("wb") as kept,
    ):
        _copy(stream, kept, file.bytes + (ARCHIVE if is_packed else 0))
    if file.member:
        with zipfile.ZipFile(archive) as opened, opened.open(file.member) as member, to.open("wb") as kept:
            _copy(member, kept, file.bytes)
    elif is_packed:
        with gzip.open(archive) as packed, to.open("wb") as kept:
            _copy(packed, kept, file.bytes)


def _copy(stream: Any, kept: BinaryIO, most: int) -> None:
    """Copy a stream to its end, or one byte more than it may have, by which it is told to be another file."""
    left = most + 1
    while left and (part := stream.read(min(left, STEP))):
        kept.write(part)
        left -= len(part)
