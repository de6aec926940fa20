"""Public corpora: the address of each of their files, and the checksum.

The corpora themselves are values of the modules behind the door of corpora, as in ``unitscope.corpus.known``.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from unitscope.doors import by_name, members

RAW = "https://raw.githubusercontent.com"
"""Where a file of a repository at one commit is found: ``RAW/owner/repository/commit/path``."""


@dataclass(frozen=True)
class File:
    """One file of a corpus, which is ``corpus/part`` by name."""

    part: str
    url: str
    bytes: int
    digest: str
    """``sha256:…``, or ``git:…``: the id that git gives to a file of this content."""
    member: str = ""
    """Which file it is of the zip archive that the address gives, if it gives one."""
    label: str = ""
    """The label of all its lines, where a class is a file."""
    encoding: str = "utf-8"
    count: Callable[[Path], Mapping[str, int]] | None = None
    """Of a file that is fetched by hand, since its licence forbids more or no checksum is published: how it is counted.
    Its address is then the page that tells where it is got."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What was published of it, which proves it instead."""

    @property
    def name(self) -> str:
        """Name of the file, without the folder; one that is packed at its address is kept unpacked."""
        return PurePosixPath(self.member or self.url.removesuffix(".gz")).name

    def is_at(self, path: Path) -> bool:
        """Whether a file is this one."""
        if self.count is not None:
            return path.is_file() and self.count(path) == self.counts
        if not path.is_file() or path.stat().st_size != self.bytes:
            return False
        kind, _, digest = self.digest.partition(":")
        return digest_of(path, kind) == digest


@dataclass(frozen=True)
class Public:
    """A corpus that anyone can fetch."""

    name: str
    says: str
    licence: str
    files: Sequence[File]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def digest_of(path: Path, kind: str = "git") -> str:
    """Hexadecimal SHA-256 of a file's content, or the id of a blob of git: SHA-1 of its length and content."""
    with path.open("rb") as stream:
        if kind == "sha256":
            return hashlib.file_digest(stream, "sha256").hexdigest()
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
        return digest.hexdigest()


@cache
def public() -> dict[str, Public]:
    """Every public corpus there is, by name."""
    found = members("corpora", lambda _, value: isinstance(value, Public))
    return by_name("corpora", ((corpus.name, module, corpus) for module, corpus in found))
