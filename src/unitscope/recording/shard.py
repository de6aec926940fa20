"""One shard: a folder with a file of activations per site, a table of tokens, and a list of both.

The folder is made under another name and moved to its own when all of it is on the disk, so a shard that is there
is whole. Its list, ``shard.json``, holds its number and the size and digest of every file; the manifest of a finished
recording holds the digest of every list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.digest import digest
from unitscope.files.inside import name_of, open_plain
from unitscope.files.jsons import LARGEST, SCHEMA, json_bytes, typed, unsealed
from unitscope.files.parquet import table_writer
from unitscope.files.room import disk_errors
from unitscope.files.writing import Written, fill, make_folder, writing_folder
from unitscope.models.site import Site
from unitscope.recording.activations import MEND, TYPES, Blocks, write_blocks
from unitscope.source.chunk import Chunk

LISTING = "shard.json"
TOKENS = "tokens.parquet"
CACHED = 512
"""Tokens whose values are turned together."""
LABEL = "label "
"""Before the name of an annotation, among the columns of the table."""


def shard_folder(recording: Path, number: int) -> Path:
    """Where a shard lies in its recording."""
    return recording / "shards" / f"{number:06d}"


def listed_as(number: int) -> str:
    """Name of a shard's list in the manifest."""
    return f"shards/{number:06d}/{LISTING}"


def site_file(folder: Path, site: str) -> Path:
    """Where a site's activations lie in a shard."""
    return folder / f"{name_of(site)}.safetensors"


class ShardBuffer:
    """The activations of one shard while it is being filled, unit-major: the one large thing in memory."""

    def __init__(self, sites: Sequence[Site], tokens: int, precision: str) -> None:
        self.precision = precision
        dtype = TYPES[precision][1]
        # NumPy asks for huge pages, which halves what the first touch of so much memory costs.
        room = np.empty(sum(site.units for site in sites) * tokens * dtype.itemsize, np.uint8)
        parts = torch.from_numpy(room).view(dtype).split([site.units * tokens for site in sites])
        self.values = {site.name: part.view(site.units, tokens) for site, part in zip(sites, parts, strict=True)}
        self.table: list[pa.Table] = []
        self.filled = 0

    def add(self, chunks: Mapping[str, Chunk]) -> None:
        """Append the next tokens.

        Raises ``InputError`` for an activation that is not finite, or not in the precision that is kept.
        """
        for site, buffer in self.values.items():
            chunk = chunks[site]
            rows = slice(self.filled, self.filled + len(chunk))
            there = buffer[:, rows]
            first = 0
            for some in chunk.activations.split(CACHED):
                # Turning values first, on the device where they are, is twice as fast as writing them turned.
                there[:, first : first + len(some)] = some.to(buffer.dtype).T.contiguous()
                first += len(some)
            if not _within(chunk.activations, buffer.dtype):
                chunk.check_finite(site)
                _check_kept(site, chunk, there.T, self.precision)
        columns = {"sequence": chunk.sequence, "position": chunk.position, "token": chunk.tokens}
        columns |= {LABEL + name: values for name, values in chunk.labels.items()}
        self.table.append(pa.table({name: column.cpu().numpy() for name, column in columns.items()}))
        self.filled = rows.stop

    def write(self, folder: Path, number: int, recording: str) -> None:
        """Write the shard of this number of a recording, and wait until it is on the disk."""
        make_folder(folder.parent)
        with writing_folder(folder) as partial:
            files = {}
            for name, values in self.values.items():
                file = site_file(partial, name)
                files[file.name] = write_blocks(file, values, self.precision)
            table = pa.BufferOutputStream()
            with table_writer(table, self.table[0].schema) as writer:
                writer.write_table(pa.concat_tables(self.table))
            files[TOKENS] = fill(partial / TOKENS, memoryview(table.getvalue()))
            fill(partial / LISTING, json_bytes(Listing(number, recording, self.filled, files)))


@dataclass(frozen=True)
class Listing:
    """Content of a shard's list."""

    shard: int
    recording: str
    """What the recording is of (``Manifest.identity``), so that no other's shard is taken for it."""
    tokens: int
    files: dict[str, Written]


@dataclass(frozen=True)
class Shard:
    """A finished shard: its folder and its list of files."""

    folder: Path
    tokens: int
    files: Mapping[str, Written]

    @classmethod
    def open(cls, folder: Path, number: int, recording: str, expected: str | None = None) -> "Shard":
        """Read the list and look at every file's size.

        ``expected`` is the list's digest, once the recording is finished. Raises ``InputError`` when there is no list,
        it is another shard's, or a file is missing or has another size.
        """
        path = folder / LISTING
        with disk_errors(path, "read"), open_plain(path) as file:
            content = file.read(LARGEST + 1)
        try:
            if expected is not None and digest(content) != expected:
                raise ValueError("its content differs from what the manifest says")
            plain, seal = unsealed(content)
            if not seal:
                raise ValueError("it has no digest")
            if not isinstance(plain, dict) or plain.pop(SCHEMA, None) != 1:
                raise ValueError("it is of another version")
            listing = typed(plain, Listing)
            if listing.recording != recording:
                raise ValueError("it is another recording's")
            if listing.shard != number:
                raise ValueError(f"it is that of shard {listing.shard}")
            for name, written in listing.files.items():
                path = folder / name
                if "/" in name or name in (".", ".."):
                    raise ValueError("it lies outside of the shard")
                size = path.stat().st_size
                if size != written.bytes:
                    raise ValueError(f"it has {size} bytes, it should have {written.bytes}")
        except FileNotFoundError as error:
            raise damaged(path, "it is missing", MEND) from error
        except OSError as error:  # a name that no file can have, no right to look
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise damaged(path, error, MEND) from error
        return cls(folder, listing.tokens, listing.files)

    def blocks(self, site: Site, precision: str) -> Blocks:
        """The activations of a site. Raises ``InputError`` where the file is not the one that was written."""
        path = site_file(self.folder, site.name)
        return Blocks.open(path, site.units, self.tokens, precision, self._written(path).digest)

    def column(self, name: str) -> Shaped[np.ndarray, " token"]:
        """A column of the table of tokens: ``sequence``, ``position``, ``token`` or ``LABEL`` and an annotation."""
        path = self.folder / TOKENS
        with disk_errors(path, "read"), open_plain(path) as file:
            content = file.read()
        if digest(content) != self._written(path).digest:
            raise damaged(path, "its content differs from its digest", MEND)
        try:
            column = np.asarray(pq.read_table(pa.BufferReader(content), columns=[name])[name])
        except (ValueError, KeyError, pa.ArrowException) as error:
            raise damaged(path, error, MEND) from error
        if len(column) != self.tokens:
            raise damaged(path, f"it has {len(column)} tokens", MEND)
        if column.dtype.kind not in ("iu" if name == "token" else "iufb"):
            raise damaged(path, f"{name} holds no numbers", MEND)
        return column.copy()  # torch wants to own what it is given

    def check(self, sites: Sequence[Site], precision: str) -> None:
        """Read everything and compare it with its digests. Raises ``InputError`` naming the first file that differs."""
        for site in sites:
            self.blocks(site, precision).check()
        self.column("token")

    def _written(self, path: Path) -> Written:
        if path.name not in self.files:
            raise damaged(self.folder / LISTING, f"it does not list {path.name}", MEND)
        return self.files[path.name]


def _within(values: Float[Tensor, "token unit"], dtype: torch.dtype) -> bool:
    """Whether all are finite and surely stay so. NaN is the least and the largest of anything that holds one."""
    if not values.numel():
        return True
    low, high = values.amin(0).amin(), values.amax(0).amax()  # by columns twice as fast as all at once
    limit = torch.finfo(dtype).max
    return bool(low >= -limit) and bool(high <= limit)


def _check_kept(site: str, chunk: Chunk, kept: Float[Tensor, "token unit"], precision: str) -> None:
    if not torch.isfinite(kept).all():
        wrong = torch.nonzero(~torch.isfinite(kept))
        row, unit = wrong[0].tolist()
        advice = "; record as bfloat16 or float32" if precision == "float16" else ""
        raise InputError(
            f"{site}/{unit} is {float(chunk.activations[row, unit]):g} in sequence {int(chunk.sequence[row])}, "
            f"too large for {precision}, as are {len(wrong):,} values of this shard in all{advice}"
        )
