"""A source written down: a folder of shards, read as if the model were running."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.models.site import Site
from unitscope.recording.blocks import BLOCK, Blocks
from unitscope.recording.chunk import Chunk
from unitscope.recording.durable import sha256
from unitscope.recording.manifest import Manifest
from unitscope.recording.plan import Plan, Run
from unitscope.recording.shard import LISTING, Shard, shard_folder, site_file

PLAN = "sequences.parquet"


@dataclass(frozen=True)
class Recording:
    """Activations on disk. Values come back as float32, whatever precision is kept.

    Reading holds in memory what one batch of the recording needs, and nothing else grows with the size of the folder.
    """

    folder: Path
    manifest: Manifest
    plan: Plan

    @classmethod
    def open(cls, folder: Path | str, incomplete: bool = False) -> "Recording":
        """Open a folder and check that every file is there in its full size.

        With ``incomplete``, an unfinished recording shows the sequences of its finished shards. Raises ``InputError``
        for a folder that is no recording, one of another version, an unfinished or a damaged one.
        """
        folder = Path(folder)
        manifest = Manifest.load(folder)
        try:
            plan = Plan.from_parquet((folder / PLAN).read_bytes())
            if plan.digest != manifest.plan:
                raise ValueError("its content differs from what the manifest says")
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{folder / PLAN} is damaged ({error}); record again with the same settings to restore it"
            ) from error
        numbers = list(range(plan.shards))
        if not manifest.complete:
            done = [number for number in numbers if shard_folder(folder, number).exists()]
            if not incomplete:
                raise InputError(
                    f"{folder} is an unfinished recording ({len(done)} of {plan.shards} shards); "
                    "record again with the same settings to finish it"
                )
            plan, numbers = plan.only(done), done
        for number in numbers:
            Shard.open(shard_folder(folder, number))
        return cls(folder, manifest, plan)

    @property
    def name(self) -> str:
        return f"{self.manifest.model.name} on {self.manifest.corpus.name}"

    @property
    def fingerprint(self) -> str:
        manifest = self.manifest
        parts = [manifest.model.fingerprint, manifest.corpus.fingerprint, manifest.dtype, self.plan.digest]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.manifest.sites

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.manifest.vocabulary)

    @property
    def sequences(self) -> Sequence[int]:
        return list(map(int, self.plan.sequence))

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        wanted = self.sequences if sequences is None else sequences
        chosen = [self._site(name) for name in sites]
        vocabulary = self.vocabulary
        pages = _Pages(self)
        size = self.manifest.batch_size
        for first in range(0, len(wanted), size):
            rows = [self.plan.find(number) for number in wanted[first : first + size]]
            runs = self.plan.runs(rows)
            pages.keep({run.shard for run in runs})
            lengths = torch.from_numpy(self.plan.tokens[rows])
            sequence = torch.repeat_interleave(torch.from_numpy(self.plan.sequence[rows]), lengths)
            tokens = torch.from_numpy(np.concatenate([pages.tokens(run.shard)[run.start : run.stop] for run in runs]))
            position = torch.cat([torch.arange(length) for length in lengths.tolist()])
            yield {
                site.name: Chunk(pages.values(site, runs), tokens, sequence, position, {}, vocabulary)
                for site in chosen
            }

    def unit(self, site: str, unit: int) -> Float[np.ndarray, " token"]:
        """Every recorded value of one unit, sequence after sequence, reading no other unit's bytes."""
        where = self._site(site)
        if not 0 <= unit < where.units:
            raise InputError(f"{site} has units 0 to {where.units - 1}, not {unit}")
        parts = [self.blocks(int(number), where).unit(unit) for number in np.unique(self.plan.shard)]
        return torch.cat(parts).numpy()

    def window(self, site: str, sequence: int) -> Float[np.ndarray, "token unit"]:
        """The activations of all units over one sequence."""
        return _Pages(self).values(self._site(site), self.plan.runs([self.plan.find(sequence)])).numpy()

    def verify(self) -> None:
        """Read everything and compare every checksum. Raises ``InputError`` naming the first damaged file."""
        for number in np.unique(self.plan.shard).tolist():
            folder = shard_folder(self.folder, number)
            if self.manifest.complete and sha256(folder / LISTING) != self.manifest.shards[number]:
                raise InputError(
                    f"{folder / LISTING} differs from what the manifest says; delete {folder} and record again"
                )
            Shard.open(folder).verify()

    def describe(self) -> dict[str, str]:
        """Provenance: model, corpus, precision."""
        return {**self.manifest.model.description, **self.manifest.corpus.description, "precision": self.manifest.dtype}

    def blocks(self, shard: int, site: Site) -> Blocks:
        """The file of one site in one shard."""
        rows = self.plan.shard == shard
        path = site_file(shard_folder(self.folder, shard), site.name)
        return Blocks.open(path, site.units, int(self.plan.tokens[rows].sum()), self.manifest.dtype)

    def _site(self, name: str) -> Site:
        for site in self.sites:
            if site.name == name:
                return site
        raise InputError(f"{name} was not recorded; there are: {', '.join(site.name for site in self.sites)}")


class _Pages:
    """The shards that are being read, mapped into memory."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.mapped: dict[tuple[int, str], list[Tensor]] = {}
        self.token_ids: dict[int, np.ndarray] = {}

    def keep(self, shards: set[int]) -> None:
        """Let go of all other shards."""
        self.mapped = {key: blocks for key, blocks in self.mapped.items() if key[0] in shards}
        self.token_ids = {shard: ids for shard, ids in self.token_ids.items() if shard in shards}

    def tokens(self, shard: int) -> np.ndarray:
        if shard not in self.token_ids:
            self.token_ids[shard] = Shard.open(shard_folder(self.recording.folder, shard)).token_ids()
        return self.token_ids[shard]

    def values(self, site: Site, runs: Sequence[Run]) -> Float[Tensor, "token unit"]:
        """Some runs of tokens, end to end."""
        out = torch.empty(sum(run.stop - run.start for run in runs), site.units)
        at = 0
        for run in runs:
            key = run.shard, site.name
            if key not in self.mapped:
                self.mapped[key] = self.recording.blocks(run.shard, site).map()
            rows = slice(at, at + run.stop - run.start)
            for number, block in enumerate(self.mapped[key]):
                first = number * BLOCK
                out[rows, first : first + len(block)] = block[:, run.start : run.stop].T
            at = rows.stop
        return out
