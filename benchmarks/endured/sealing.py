"""What somebody can do who makes a recording on purpose: change what a file says, and make every digest right again."""

import copy
import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unitscope.errors import InputError
from unitscope.files.arrays import BLANK, DIGEST, METADATA, Entry, read_header
from unitscope.files.digest import Digest, digest, digest_of
from unitscope.files.jsons import HEAD
from unitscope.recording.activations import COURSE, DIGEST_BYTES, DIGESTS, PIECE, TYPES
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.plan import PLAN, Plan
from unitscope.recording.shard import LISTING, listed_as
from unitscope.recording.texts import TEXTS

SIZES = {code: dtype.itemsize for code, dtype in TYPES.values()}
Place = tuple[str | int, ...]
"""Keys and numbers that lead to a value within JSON."""


def read(path: Path) -> Any:
    """JSON without its digest; of safetensors, the header."""
    content = path.read_bytes()
    if path.suffix == ".safetensors":
        (length,) = struct.unpack("<Q", content[:8])
        plain = json.loads(content[8 : 8 + length])
        if METADATA in plain:
            plain[METADATA].pop(DIGEST, None)
        return plain
    head = HEAD.match(content)
    plain = json.loads(content)
    if head:
        del plain["digest"]
    return plain


def write(path: Path, plain: Any) -> None:
    """Write what ``read`` gave back, with its digest right."""
    if path.suffix == ".safetensors":
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        seal(path, plain, content[8 + length :])
        return
    body = json.dumps(plain, indent=1)[1:].lstrip("\n").encode() + b"\n"
    path.write_bytes(b'{"digest": "%s",\n%s' % (digest(body).encode(), body))


def seal(path: Path, header: Any, data: bytes) -> None:
    """A safetensors file whose digest is right, whatever else is; those of shards are in the shard's list."""
    if path.parent.parent.name == "shards":
        text = json.dumps(header, separators=(",", ":")).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data)
        return
    if not isinstance(header, dict):
        header = {"": header}
    said = header.get(METADATA, {}) if isinstance(header.get(METADATA, {}), dict) else {}
    plain = {METADATA: {DIGEST: BLANK, **said}, **{key: value for key, value in header.items() if key != METADATA}}
    text = json.dumps(plain, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    content = struct.pack("<Q", len(text)) + text + data
    path.write_bytes(content.replace(BLANK.encode(), digest(content).encode(), 1))


def seal_bytes(content: bytes) -> bytes:
    """Changed JSON with the digest that is right for it; what has none stays as it is."""
    first, line, body = content.partition(b"\n")
    return b'{"digest": "%s",\n%s' % (digest(body).encode(), body) if line and b"digest" in first else content


def seal_blocks(path: Path) -> str:
    """Make the digests right that a shard's file of activations has at its end; gives that of header and digests.

    A file that was spoilt so that it has no such place is digested whole.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file)
        content = bytearray(path.read_bytes())
        entries = {name: entry for name, entry in header.entries.items() if len(entry.shape) >= 2}
        place, course = entries.pop(DIGESTS), entries.pop(COURSE)
        rows = [row for entry in entries.values() for row in _rows(content, entry)]
        made = b"".join(
            b"".join(Digest(row[at : at + size]).digest(length=DIGEST_BYTES) for at in range(0, len(row), size))
            + Digest(own).digest(length=DIGEST_BYTES)
            for (row, size), (own, _) in zip(rows, _rows(content, course), strict=True)
        )
        if len(made) != place.stop - place.start:
            raise ValueError
    except (ValueError, KeyError, ZeroDivisionError, InputError, MemoryError):
        return digest_of(path)
    content[place.start : place.stop] = made
    path.write_bytes(content)
    return digest(bytes(content[: header.begin]), made)


def _rows(content: bytearray, entry: Entry) -> list[tuple[bytes, int]]:
    """The bytes of each unit, and how many of them a digest is of."""
    length, size = (entry.stop - entry.start) // entry.shape[0], SIZES[entry.code]
    starts = range(entry.start, entry.stop, length) if length else [entry.start] * entry.shape[0]
    return [(bytes(content[at : at + length]), PIECE * size) for at in starts]


def reseal(run: Path) -> None:
    """Make every digest of a recording right that others of its files depend on: lists of shards, then the manifest."""
    manifest = _object(run / MANIFEST)
    if manifest is None:
        return
    try:
        table = pq.read_table(run / PLAN)
        plan = Plan(**{field.name: np.asarray(table[field.name]) for field in fields(Plan)})
        manifest["plan"] = plan.digest
    except (ValueError, KeyError, TypeError, pa.ArrowException):
        pass  # what is changed so is no plan
    try:
        names = [site["name"] for site in manifest["sites"]]
        identity = digest(json.dumps([manifest["source"], manifest["plan"], manifest["dtype"], names]).encode())
    except (KeyError, TypeError):
        identity = ""
    kept = manifest["checksums"] if isinstance(manifest.get("checksums"), dict) else {}
    for folder in sorted((run / "shards").iterdir()):
        if (folder / LISTING).exists():
            listing = _object(folder / LISTING)
            if listing is not None and isinstance(listing.get("files"), dict):
                listing["recording"] = identity
                for name in listing["files"]:
                    if "/" not in name and len(name) < 200 and (folder / name).is_file():
                        size = (folder / name).stat().st_size
                        listing["files"][name] = {"bytes": size, "digest": seal_blocks(folder / name)}
                write(folder / LISTING, listing)
            kept[listed_as(int(folder.name))] = digest_of(folder / LISTING)
    kept |= {name: digest_of(run / name) for name in (PLAN, TEXTS)}
    write(run / MANIFEST, manifest)


def _object(path: Path) -> dict[str, Any] | None:
    """What a file says, where that is an object; None where it was spoilt beyond that."""
    try:
        plain = read(path)
    except (ValueError, KeyError):
        return None
    return plain if isinstance(plain, dict) else None


def places(plain: Any, before: Place = ()) -> Iterator[Place]:
    """Where values stand in JSON: of lists only the first and the last, as the others are like them."""
    yield before
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield from places(value, (*before, key))
    elif isinstance(plain, list):
        for number in sorted({0, len(plain) - 1} & set(range(len(plain)))):
            yield from places(plain[number], (*before, number))


def at(plain: Any, place: Place) -> Any:
    """The value at a place."""
    for key in place:
        plain = plain[key]
    return plain


def put(plain: Any, place: Place, value: Any) -> Any:
    """The same JSON with another value at a place."""
    if not place:
        return value
    made = copy.deepcopy(plain)
    at(made, place[:-1])[place[-1]] = value
    return made


def change_rows(path: Path, change: Callable[[str, list[Any]], list[Any]]) -> None:
    """A Parquet file whose columns are changed, with the checksums that are right for them."""
    table = pq.read_table(path)
    columns = [
        pa.array(change(field.name, table[field.name].to_pylist()), field.type, safe=False) for field in table.schema
    ]
    pq.write_table(pa.table(columns, schema=table.schema), path, compression="zstd", write_page_checksum=True)


ODD: list[Any] = [
    None, True, -1, 0, 10**9, 10**12, 2**63 - 1, -(2**63), 10**30, 0.5, -0.0, 1e308, float("nan"), "", "\0", "²",
    "9" * 300, "x" * 100_000, "a/b", "..", "\u202e", [], {}, [[]], [None], {"": {}}, [0] * 10_000,
]  # fmt: skip
"""What stands in the place of any value."""


def odd(plain: Any, draw: random.Random) -> Any:
    """JSON with one to three values changed, left out, doubled, exchanged or renamed."""
    for _ in range(draw.randrange(1, 4)):
        found = list(places(plain))
        place = draw.choice(found)
        match draw.randrange(6):
            case 0 if place:
                made = copy.deepcopy(plain)
                del at(made, place[:-1])[place[-1]]
                plain = made
            case 1:
                value = at(plain, place)
                plain = put(plain, place, value * 2 if isinstance(value, list | str | int | float) else [value])
            case 2:
                plain = put(plain, place, copy.deepcopy(at(plain, draw.choice(found))))
            case 3 if place and isinstance(place[-1], str):
                made = copy.deepcopy(plain)
                above = at(made, place[:-1])
                above[draw.choice(["", "x", "../x", "digest", "²"])] = above.pop(place[-1])
                plain = made
            case _:
                plain = put(plain, place, draw.choice(ODD))
    return plain
