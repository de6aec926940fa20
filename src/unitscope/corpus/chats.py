"""Chats as a model reads them: written out by its chat template, with who says what as labels.

A file of them has rows with a list of messages, ``{"role": …, "content": …}`` or ``{"from": …, "value": …}``, in a
column ``messages`` or ``conversations``, or another that is named: ``chats.jsonl:dialogue``. What the template writes
has its special tokens in it, so the tokenizer adds none of its own.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unitscope.corpus.annotated import Annotation
from unitscope.corpus.dialect import Dialect, Notes, ending
from unitscope.corpus.documents import DOCUMENT_BYTES
from unitscope.corpus.open import open_corpus
from unitscope.corpus.rows import split_name
from unitscope.corpus.subwords import CONTEXT, LENGTH, SubwordCorpus
from unitscope.corpus.tables import JSON, PARQUET, open_table
from unitscope.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Message = dict[str, str]
"""With ``role`` and ``content``."""
Template = Callable[[Sequence[Message]], str]
"""Writes a chat as the model reads it."""
COLUMNS = ("messages", "conversations", "conversation")
SPECIAL, TURN, ROLE = "special", "turn", "role:"
_ROLES = {"human": "user", "gpt": "assistant"}
"""What some files call those who speak."""
_MARK = "unitscopesays{}here"
"""In place of what is said, to see what the template writes around it."""


def is_chats(name: str, dialect: Dialect = Dialect()) -> bool:
    """Whether a file holds chats: by the first row of a table of JSON Lines or Parquet."""
    path, column = split_name(name) or (Path(name), "")
    if not path.is_file() or ending(path) not in (*JSON, PARQUET):
        return False
    with open_table(path, dialect) as table:
        _, first = table.peeked()
    return first is not None and _column(first, column) is not None


def read_chats(name: str, dialect: Dialect = Dialect(), notes: Notes | None = None) -> Iterator[list[Message]]:
    """The chats of a file, in order. Raises ``InputError``, with the row's place, for what is none."""
    path, column = split_name(name) or (Path(name), "")
    with open_table(path, dialect, notes) as table:
        for where, row in table.rows():
            found = _column(row, column)
            if found is None:
                raise InputError(
                    f"{where}: there is no list of messages with role and content in {column or ' or '.join(COLUMNS)}"
                )
            yield [_message(each, where) for each in row[found]]


def _column(row: Mapping[str, Any], column: str) -> str | None:
    """The column whose value is a list of messages."""
    for name in [column] if column else COLUMNS:
        value = row.get(name)
        if isinstance(value, list) and value and isinstance(value[0], dict) and {"role", "from"} & set(value[0]):
            return name
    return None


def _message(given: Any, where: str) -> Message:
    role = given.get("role", given.get("from")) if isinstance(given, dict) else None
    content = given.get("content", given.get("value")) if isinstance(given, dict) else None
    if isinstance(content, list):  # parts, of which only text is read
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    if not isinstance(role, str) or not isinstance(content, str | None):
        raise InputError(f"{where}: a message has a role and a content that are text, unlike {str(given)[:80]!r}")
    return {"role": _ROLES.get(role, role), "content": content or ""}


def chat_corpus(
    chats: Iterable[Sequence[Message]],
    template: Template,
    tokenizer: "Tokenizer",
    length: int = LENGTH,
    context: int = CONTEXT,
    name: str = "chats",
) -> SubwordCorpus:
    """Each chat is a document of sub-words. Labels: ``role:NAME`` where that one speaks, ``turn`` (the number of the
    message that is said, from 0), ``special`` (a special token).

    ``template`` is that of the model (``hub.chat_template``). Raises ``InputError`` for a chat that the template does
    not write, and for one of more than a million bytes.
    """
    said: dict[bytes, list[tuple[str, int, int, int]]] = {}
    roles: set[str] = set()

    def written() -> Iterator[str]:
        for number, chat in enumerate(chats, 1):
            try:
                text, spans = _written(chat, template)
            except InputError:
                raise
            except Exception as error:  # of the template's own
                raise InputError(f"{name}: the model's template does not write chat {number} ({error})") from error
            if len(text.encode(errors="replace")) > DOCUMENT_BYTES:
                raise InputError(f"{name}: chat {number} has more than {DOCUMENT_BYTES:,} bytes; divide it")
            roles.update(role for role, *_ in spans)
            said[_key(text)] = spans
            yield text

    alone = type(tokenizer).from_str(tokenizer.to_str())
    alone.post_processor = None  # what stands around a text is in the template
    special = [token.content for token in alone.get_added_tokens_decoder().values() if token.special and token.content]
    pattern = re.compile("|".join(map(re.escape, sorted(special, key=len, reverse=True))) or r"(?!)")
    annotations: dict[str, Annotation] = {
        TURN: lambda text: _turns(text, said),
        SPECIAL: lambda text: _flags(text, [match.span() for match in pattern.finditer(text)]),
    }
    text = open_corpus(written(), unit="characters", annotations=annotations, name=name)
    text.annotations |= {f"{ROLE}{role}": _speaking(role, said) for role in sorted(roles)}
    return SubwordCorpus(text, alone, length, context)


def _written(chat: Sequence[Message], template: Template) -> tuple[str, list[tuple[str, int, int, int]]]:
    """The text, and for each message that is in it: the role, its number, its first character and the one after it."""
    text = template(chat)
    marks = [_MARK.format(number) for number in range(len(chat))]
    around = template([{**message, "content": mark} for message, mark in zip(chat, marks, strict=True)])
    spans: list[tuple[str, int, int, int]] = []
    place = 0
    for number, (message, mark) in enumerate(zip(chat, marks, strict=True)):
        before, found, around = around.partition(mark)
        if not found:
            around = before  # this message is left out
            continue
        if not text.startswith(before, place):
            raise InputError(f"the model's template writes otherwise around {message['content'][:40]!r} than elsewhere")
        place += len(before)
        after = re.split("|".join(marks), around, maxsplit=1)[0]
        content = message["content"]
        exact = next((c for c in (content, content.strip()) if text.startswith(c + after, place)), None)
        # What the template makes of it ends where it goes on.
        stop = place + len(exact) if exact is not None else text.find(after, place) if after else len(text)
        if stop < 0:
            raise InputError(f"the model's template writes otherwise after {content[:40]!r} than elsewhere")
        spans.append((message["role"], number, place, stop))
        place = stop
    return text, spans


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]


def _turns(text: str, said: Mapping[bytes, list[tuple[str, int, int, int]]]) -> np.ndarray:
    values = np.full(len(text), np.nan, np.float32)
    for _, number, start, stop in said.get(_key(text), []):
        values[start:stop] = number
    return values


def _speaking(role: str, said: Mapping[bytes, list[tuple[str, int, int, int]]]) -> Annotation:
    def speaks(text: str) -> np.ndarray:
        return _flags(text, [(a, b) for who, _, a, b in said.get(_key(text), []) if who == role])

    return speaks


def _flags(text: str, spans: Iterable[tuple[int, int]]) -> np.ndarray:
    values = np.zeros(len(text), bool)
    for start, stop in spans:
        values[start:stop] = True
    return values
