"""One shard: a folder with a file of activations per site, a table of tokens, and a list of both.

The folder is made under another name and moved to its own when all of it is on the disk, so a shard that is there
is whole. Its list, ``shard.json``, holds the size and checksum of every file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from unitscope.errors import InputError
from unitscope.models.site import Site
from unitscope.recording.blocks import TYPES, damaged, write_blocks
from unitscope.recording.durable import Written, replacing, sha256, write
from unitscope.source.chunk import Chunk

LISTING = "shard.json"
TOKENS = "tokens.parquet"
LABEL = "label "
"""Before the name of an annotation, among the columns of the table."""


def shard_folder(recording: Path, number: int) -> Path:
    """Where a shard lies in its recording."""
    return recording / "shards" / f"{number:06d}"


def site_file(folder: Path, site: str) -> Path:
    """Where a site's activations lie in a shard."""
    return folder / f"{quote(site, safe='')}.safetensors"


class ShardBuffer:
    """The activations of one shard while it is being filled, unit-major: the one large thing in memory."""

    def __init__(self, sites: Sequence[Site], tokens: int, precision: str) -> None:
        self.precision = precision
        dtype = TYPES[precision][1]
        self.values = {site.name: torch.empty(site.units, tokens, dtype=dtype) for site in sites}
        self.table: list[pa.Table] = []
        self.filled = 0

    def add(self, chunks: Mapping[str, Chunk]) -> None:
        """Append the next tokens.

        Raises ``InputError`` for an activation that is not finite, or not in the precision that is kept.
        """
        for site, buffer in self.values.items():
            chunk = chunks[site]
            rows = slice(self.filled, self.filled + len(chunk))
            kept = chunk.activations.to(buffer.dtype)
            # Turning the values as a whole, on the device where they are, is twice as fast as writing them turned.
            buffer[:, rows] = kept.T.contiguous()
            if not _within(chunk.activations, buffer.dtype):
                chunk.check_finite(site)
                _check_kept(site, chunk, kept, self.precision)
        columns = {"sequence": chunk.sequence, "position": chunk.position, "token": chunk.tokens}
        columns |= {LABEL + name: values for name, values in chunk.labels.items()}
        self.table.append(pa.table({name: column.cpu().numpy() for name, column in columns.items()}))
        self.filled = rows.stop

    def write(self, folder: Path) -> None:
        """Write the shard, and wait until it is on the disk."""
        with replacing(folder) as partial:
            partial.mkdir(parents=True)
            files = [site_file(partial, site) for site in self.values]
            listing = {
                file.name: asdict(write_blocks(file, values, self.precision))
                for file, values in zip(files, self.values.values(), strict=True)
            }
            table = pa.BufferOutputStream()
            pq.write_table(pa.concat_tables(self.table), table, compression="zstd")
            listing[TOKENS] = asdict(write(partial / TOKENS, memoryview(table.getvalue())))
            write(partial / LISTING, json.dumps({"tokens": self.filled, "files": listing}, indent=1).encode())


@dataclass(frozen=True)
class Shard:
    """A finished shard's list of files."""

    folder: Path
    tokens: int
    files: Mapping[str, Written]

    @classmethod
    def open(cls, folder: Path) -> "Shard":
        """Read the list. Raises ``InputError`` when there is none, or a file is missing or has another size."""
        path = folder / LISTING
        try:
            listing = json.loads(path.read_bytes())
            files = {name: Written(**entry) for name, entry in listing["files"].items()}
            for name, written in files.items():
                path = folder / name
                if path.parent != folder:
                    raise ValueError("it lies outside of the shard")
                size = path.stat().st_size
                if size != written.bytes:
                    raise ValueError(f"it has {size} bytes, it should have {written.bytes}")
            return cls(folder, int(listing["tokens"]), files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(path, error) from error

    def verify(self) -> None:
        """Compare every checksum. Raises ``InputError`` naming the first file that differs."""
        for name, written in self.files.items():
            if sha256(self.folder / name) != written.sha256:
                raise damaged(self.folder / name, "its checksum differs")


def read_column(folder: Path, name: str) -> Shaped[np.ndarray, " token"]:
    """A column of a shard's table of tokens: ``sequence``, ``position``, ``token`` or ``LABEL`` and an annotation."""
    path = folder / TOKENS
    try:
        return np.asarray(pq.read_table(path, columns=[name])[name]).copy()  # torch wants to own what it is given
    except (OSError, ValueError, KeyError) as error:
        raise damaged(path, error) from error


def _within(values: Float[Tensor, "token unit"], dtype: torch.dtype) -> bool:
    """Whether all are finite and surely stay so. NaN is the least and the largest of anything that holds one."""
    if not values.numel():
        return True
    low, high = values.aminmax()
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
