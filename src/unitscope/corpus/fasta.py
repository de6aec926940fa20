"""FASTA: sequences of proteins, DNA or RNA, each a document of one letter per token (Pearson & Lipman 1988)."""

from collections.abc import Iterator
from pathlib import Path

from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.opening import Lines
from unitscope.errors import InputError

ENDINGS = (".fasta", ".fa", ".faa", ".fna", ".ffn")


def records(path: Path, dialect: Dialect = Dialect(), notes: Notes | None = None) -> Iterator[tuple[str, str]]:
    """The name and the letters of each sequence, without line ends, blanks and the sign at its end.

    Raises ``InputError``, with file and line, for letters before the first name and for a sequence without any.
    """
    notes = Notes() if notes is None else notes
    name, begun, parts = "", "", [""]
    with Lines(path, dialect.encoding, notes) as lines:
        for line in lines:
            if line.startswith(">"):
                if begun:
                    yield name, _whole(parts, name, begun)
                name, begun, parts = line[1:].split(None, 1)[0] if line[1:].strip() else lines.where, lines.where, []
            elif line.strip() and not line.startswith(";"):
                if not begun:
                    raise InputError(
                        f"{lines.where}: {line[:40]!r} stands before the first name; a sequence begins with >"
                    )
                parts.append("".join(line.split()))
    if begun:
        yield name, _whole(parts, name, begun)


def _whole(parts: list[str], name: str, where: str) -> str:
    letters = "".join(parts).removesuffix("*")
    if not letters:
        raise InputError(f"{where}: {name} has no letters; give its sequence, or leave it out")
    return letters
