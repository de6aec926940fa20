"""The one language in which labels are written, whoever asks: probes, responses, matches, edits, ``ask``.

A label is a name of the library (``digit``) or of an annotation, or it begins with one of ``PREFIXES``, or it is
``path/to/file.py:function``. Here it is parsed, and made where a text alone answers it. What needs more than a text
(words with annotations, the speaker of a chat, a bank) is answered by a ``LabelTable`` over a source.

``find`` takes names from anywhere, a file that somebody sent too: it opens no file, and runs nothing. ``given`` takes
what the user wrote, and so reads the lists and runs the functions that they name; in the same process ``find`` then
knows them. So who takes names from a user says so (``said``), and everything below asks ``find``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from unitscope.errors import InputError
from unitscope.files.inside import SURROGATE, readable
from unitscope.labels.label import Label
from unitscope.labels.library import member
from unitscope.labels.own import own
from unitscope.labels.regular_expression import regular_expression
from unitscope.labels.words import listed, within

REGEX, WORDS, COLUMN, CONCEPT = "regex:", "words:", "column:", "concept:"
BANK, NEIGHBOURS, ROLE, FUNCTION = "bank:", "neighbours:", "role:", ".py:"

PREFIXES: dict[str, str] = {
    REGEX: "regex:PATTERN: within a match of a regular expression",
    WORDS: "words:the,a,an or words:FILE (a word on each line): within one of these words, in any case",
    COLUMN: "column:upos: a label for each value of a column of annotated words; column:upos=NOUN: one of them",
    CONCEPT: "concept:in the city: within this word or phrase, in any case",
    BANK: "bank:FOLDER: every concept of a bank",
    NEIGHBOURS: "neighbours:FOLDER: every concept of a bank, each with the five most like it",
    ROLE: "role:assistant: what this speaker of a chat says; role: alone: a label for each speaker",
}
"""Every prefix, and what stands behind it. ``file.py:function`` is the one form that has its mark inside."""
OF_TEXT = ("", REGEX, WORDS, CONCEPT, FUNCTION)
"""The forms that a text alone answers; the empty one is a plain name."""


_SAID: dict[str, Label] = {}
"""Labels that name files, as the user wrote them in this process."""


@dataclass(frozen=True)
class Written:
    """A label as it was written."""

    text: str
    form: str
    """Its prefix, ``FUNCTION``, or empty for a plain name."""
    rest: str
    """What stands behind the prefix; all of it for the other two."""


def parse(text: str) -> Written:
    """The form of a label, and what it says. Raises ``InputError`` where nothing is said, or no text."""
    if SURROGATE.search(text):
        raise InputError(
            f"the label {readable(text)} is no text in UTF-8, as which it is kept; write it so, or rename its file"
        )
    form = next((prefix for prefix in PREFIXES if text.startswith(prefix)), FUNCTION if FUNCTION in text else "")
    rest = text.removeprefix(form) if form in PREFIXES else text
    if not rest.strip() and form != ROLE:
        raise InputError(f"{text!r} says no label; write {PREFIXES[form] if form else 'its name, for example digit'}")
    return Written(text, form, rest)


def find(name: str) -> Label:
    """A label that a text alone answers. Opens no file and runs none, whatever the name says.

    What names a file is known where the user has asked for it in this process (``given``, ``said``).
    Raises ``InputError`` for an unknown name, with near matches, and for what needs more than a text.
    """
    if name in _SAID:
        return _SAID[name]
    label = parse(name)
    if label.form == FUNCTION:
        raise InputError(
            f"{name!r} is code of your own, which runs only where you ask for it: as a label on the command line, or "
            "in Python by unitscope.labels.given"
        )
    return _made(label, listed(label.rest) if label.form == WORDS else [])


def given(name: str) -> Label:
    """The same for what the user wrote: ``words:FILE`` is read and ``file.py:function`` is run, as they ask.

    Raises ``InputError`` as ``find`` does, for a list that cannot be read, and for a function that is missing or fails.
    """
    label = parse(name)
    if label.form == FUNCTION:
        _SAID[name] = own(name)
    elif label.form == WORDS:
        path = Path(label.rest).expanduser()
        if not path.is_file():
            return _made(label, listed(label.rest))
        _SAID[name] = _made(label, _read(path))
    else:
        return _made(label, [])
    return _SAID[name]


def said(names: Iterable[str]) -> None:
    """These names were written by the user: what they name is read and run, and ``find`` knows it from now on."""
    for name in names:
        if parse(name).form in (WORDS, FUNCTION):
            given(name)


def known(names: Iterable[str]) -> tuple[str, ...]:
    """Those that name files, and which the user asked for: what another process has to be told."""
    return tuple(name for name in names if name in _SAID)


def _read(path: Path) -> list[str]:
    try:
        return listed(path.read_text(encoding="utf-8"), "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is no list of words in UTF-8 ({error}); give a file with a word on each line"
        ) from error


def _made(label: Written, words: list[str]) -> Label:
    match label.form:
        case "":
            return member(label.text)
        case "regex:":
            return regular_expression(label.rest)
        case "words:":
            return replace(
                within(words),
                key=label.text,
                name=f"one of {len(words)} words" if len(words) > 3 else " or ".join(words),
            )
        case "concept:":
            return replace(within([label.rest]), key=label.text)
    raise InputError(
        f"{label.text!r} is asked of more than a text; give a source with what it needs ({PREFIXES[label.form]})"
    )
