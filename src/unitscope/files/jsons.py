"""The one reader and writer of JSON: typed, bounded, and with a digest of its own content.

    write_json(path, value)             # {"digest": "…", then the fields of the value
    value = read_json(path, Manifest)   # a dataclass, or any type that msgspec knows

The first line of a file that was written here is its digest, of all bytes after that line; so nobody needs a second
file to see that one was changed.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.digest import digest
from unitscope.files.inside import SURROGATE, open_plain, readable
from unitscope.files.room import disk_errors
from unitscope.files.writing import Written, write

Kind = TypeVar("Kind")

LARGEST = 256_000_000
"""Bytes of a file."""
DEEPEST = 64
"""Lists and objects within each other."""
DIGITS = 40
"""Characters of a number: those of every double and 64-bit integer, and some to spare."""
SCHEMA = "schema"
HEAD = re.compile(rb'\{"digest": "([0-9a-f]{64})",\n')
ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")


def write_json(path: Path, value: Any, schema: int = 1, compact: bool = False, halves: bool = False) -> Written:
    """Write a dataclass or a dictionary and the version of its form, in one step.

    ``compact`` is for many numbers that nobody reads. Halves of characters, such as names of files have that are no
    UTF-8, are spelt out, unless ``halves`` are to be read again. Raises ``InputError`` if the disk refuses.
    """
    return write(path, json_bytes(value, schema, compact, halves))


def json_bytes(value: Any, schema: int = 1, compact: bool = False, halves: bool = False) -> bytes:
    """The content of such a file."""
    plain = msgspec.to_builtins(value, str_keys=True)
    if not isinstance(plain, dict):
        raise TypeError(f"a file holds the fields of an object, not {type(value).__name__}")
    plain = {SCHEMA: schema, **plain}
    form: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    text = json.dumps(plain, **form)
    if not halves and ESCAPED.search(text):
        text = json.dumps(_spelt(plain), **form)
    body = text[1:].lstrip("\n").encode() + b"\n"
    return b'{"digest": "%s",\n%s' % (digest(body).encode(), body)


def _spelt(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {readable(key): _spelt(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_spelt(value) for value in plain]
    return readable(plain) if isinstance(plain, str) else plain


def read_json(
    path: Path,
    kind: Callable[..., Kind],
    advice: str,
    schema: int | None = 1,
    sealed: bool = True,
    halves: bool = False,
    largest: int = LARGEST,
) -> Kind:
    """Read a file as one type. ``advice`` says what to do where it is damaged or of another version than ``schema``.

    Without ``sealed`` a digest is checked where there is one, for files that others may have made; with it there must
    be one. ``halves`` of characters are refused unless they are asked for. Raises ``InputError`` where there is no such
    file, or it cannot be read as this type.
    """
    with disk_errors(path, "read"), open_plain(path) as file:
        content = file.read(largest + 1)
    try:
        if len(content) > largest:
            raise ValueError(f"it is larger than {largest:,} bytes")
        plain, seal = unsealed(content, halves)
        if isinstance(plain, dict) and schema is not None:
            found = plain.pop(SCHEMA, None)
            if found is None:
                raise ValueError("it does not say of what version it is")
            if found != schema:
                raise InputError(f"{path} has schema {found!r}, and this version of unitscope reads {schema}; {advice}")
        if sealed and not seal:
            raise ValueError("it has no digest")
        return typed(plain, kind)
    except InputError:
        raise
    except ValueError as error:
        raise damaged(path, error, advice) from error


def typed(plain: Any, kind: Callable[..., Kind]) -> Kind:
    """Parsed JSON as a type. Raises ``ValueError`` where it is not one, or says what the type does not know."""
    if is_dataclass(kind) and isinstance(plain, dict):
        known = {field.name for field in fields(kind)}
        if unknown := sorted(plain.keys() - known):
            raise ValueError(f"it says {unknown[0][:50]!r}, which this version does not know")
    return msgspec.convert(plain, cast(type[Kind], kind), str_keys=True)


def unsealed(content: bytes, halves: bool = False) -> tuple[Any, bool]:
    """The parsed content of a file without its digest, and whether it had one. Raises ``ValueError`` if they differ."""
    head = HEAD.match(content)
    if head and digest(memoryview(content)[head.end() :]) != head[1].decode():
        raise ValueError("its content differs from its digest")
    plain = parse(content, halves)
    if head:
        del plain["digest"]
    return plain, head is not None


def parse(content: bytes | str, halves: bool = False) -> Any:
    """Parse JSON within bounds. Raises ``ValueError`` for what is none, and for what no honest file holds.

    That is: keys given twice, numbers without end or beyond every double, depth beyond 64, and halves of characters
    unless ``halves`` are expected.
    """
    text = content if isinstance(content, str) else content.decode("utf-8-sig")
    try:
        plain = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_float=_real)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} deep") from None
    _check(plain, not halves and ESCAPED.search(text) is not None)
    return plain


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("it says one thing twice")
    return made


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"it has a number of {len(text):,} digits")
    return int(text)


def _real(text: str) -> float:
    value = float(text) if len(text) <= DIGITS else math.inf
    if math.isinf(value):
        raise ValueError(f"it has the number {text[:DIGITS]}")
    return value


def _check(plain: Any, escaped: bool) -> None:
    """Depth, and halves of characters where there are escapes that could make some."""
    level, depth = [plain], 0
    while level:
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
                if escaped:
                    inner.extend(value)
            elif isinstance(value, list):
                inner.extend(value)
            elif escaped and isinstance(value, str) and SURROGATE.search(value):
                raise ValueError("it has half of a character")
        level, depth = inner, depth + 1
