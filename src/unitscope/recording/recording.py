"""A source written down: a folder of shards, read as if the model were running."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from unitscope.corpus.annotated import CHARACTER, Annotated
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.digest import digest_of
from unitscope.files.inside import check_plain
from unitscope.models.site import Site
from unitscope.recording.activations import BLOCK, Blocks, Pages
from unitscope.recording.manifest import Manifest
from unitscope.recording.plan import PLAN, Plan, Run
from unitscope.recording.shard import LABEL, TOKENS, Shard, listed_as, shard_folder
from unitscope.recording.texts import MEND, TEXTS, Texts
from unitscope.source.chunk import Chunk
from unitscope.source.source import Origin, Recipe, Source, batches, labels_of

SHARDS = 4
"""Shards whose tokens and labels stay in memory."""


@dataclass(frozen=True, eq=False, repr=False)
class Recording(Source):
    """Activations on disk. Values come back as float32, whatever precision is kept.

    Reading holds in memory what one batch of the recording needs, and nothing else grows with the size of the folder.
    """

    kind = "recording"
    folder: Path
    manifest: Manifest
    plan: Plan

    @classmethod
    def open(cls, folder: Path | str, incomplete: bool = False) -> "Recording":
        """Open a folder and check the digests of manifest, plan and lists, and that every file has its full size.

        Activations, tokens and texts are compared with their digests when they are first read, all with ``verify``.

        With ``incomplete``, an unfinished recording shows the sequences of its finished shards. Raises ``InputError``
        for a folder that is no recording, one of another version, an unfinished or a damaged one.
        """
        folder = Path(folder)
        manifest = Manifest.load(folder)
        check_plain(folder)
        plan = Plan.load(folder, manifest.plan, manifest.expected(PLAN))
        numbers = list(range(plan.shards))
        if not manifest.complete:
            done = [number for number in numbers if shard_folder(folder, number).exists()]
            if not incomplete:
                raise InputError(
                    f"{folder} is an unfinished recording ({len(done)} of {plan.shards} shards); "
                    "record again with the same settings to finish it"
                )
            plan, numbers = plan.only(done), done
        recording = cls(folder, manifest, plan)
        for number in numbers:
            recording.shard(number)
        return recording

    @property
    def name(self) -> str:
        return f"{self.manifest.model.name} on {self.manifest.corpus.name}"

    @property
    def model_origin(self) -> Origin:
        return self.manifest.model

    @property
    def corpus_origin(self) -> Origin:
        return self.manifest.corpus

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.manifest.sites

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.manifest.vocabulary)

    @cached_property
    def sequences(self) -> Sequence[int]:
        return list(map(int, self.plan.sequence))

    @property
    def batch_size(self) -> int:
        return self.manifest.batch_size

    @property
    def annotations(self) -> tuple[str, ...]:
        return self.manifest.annotations

    def _content(self) -> Sequence[str]:
        return [self.manifest.source, self.manifest.dtype, self.plan.digest]

    def recipe(self) -> Recipe:
        return {"kind": self.kind, "folder": str(self.folder.resolve()), "complete": self.manifest.complete}

    @classmethod
    def opened_by(cls, recipe: Recipe, opener: Callable[[Recipe], Source]) -> Source:
        return cls.open(recipe["folder"], incomplete=not recipe["complete"])

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        return self.some_units({name: np.arange(self.site_named(name).units) for name in sites}, labels, sequences)

    def some_units(
        self,
        chosen: Mapping[str, Int[np.ndarray, " unit"]],
        labels: Sequence[str] = (),
        sequences: Sequence[int] | None = None,
    ) -> Iterator[dict[str, Chunk]]:
        wanted = self.sequences if sequences is None else sequences
        sites = {name: self.site_named(name) for name in chosen}
        vocabulary = self.vocabulary
        pages = _Pages(self)
        for some in batches(wanted, self.manifest.batch_size):
            rows = [self.plan.find(number) for number in some]
            runs = self.plan.runs(rows)
            pages.keep({run.shard for run in runs})
            lengths = torch.from_numpy(self.plan.tokens[rows])
            sequence = torch.repeat_interleave(torch.from_numpy(self.plan.sequence[rows]), lengths)
            tokens = torch.from_numpy(
                np.concatenate([self._column(run.shard, "token")[run.start : run.stop] for run in runs])
            )
            position = torch.cat([torch.arange(length) for length in lengths.tolist()])
            said = labels_of(self, labels, self.plan.sequence[rows].tolist())
            yield {
                name: Chunk(pages.values(site, runs, chosen[name]), tokens, sequence, position, said, vocabulary)
                for name, site in sites.items()
            }

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """One value per token: a kept annotation, or a hypothesis asked of the kept text.

        Raises ``InputError`` for an unknown name, and for a hypothesis where the corpus had no text.
        """
        row = self.plan.find(sequence)
        if name in self.manifest.annotations:
            (run,) = self.plan.runs([row])
            return torch.from_numpy(self._column(run.shard, LABEL + name)[run.start : run.stop])
        document, start = int(self.plan.document[row]), int(self.plan.start[row])
        if self.document(document).text is None:
            known = ", ".join(self.manifest.annotations) or "none"
            raise InputError(f"{name!r} is not kept and there is no text to ask it of; labels that are kept: {known}")
        if CHARACTER in self.manifest.annotations:
            return self._annotated.at(name, document, self.labels(CHARACTER, sequence))
        return self._annotated.labels(name, document, start, start + int(self.plan.tokens[row]))

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [int(self.plan.tokens[self.plan.find(number)]) for number in sequences]

    def place(self, sequence: int) -> Place:
        row = self.plan.find(sequence)
        return Place(int(self.plan.document[row]), int(self.plan.start[row]))

    def document(self, number: int) -> DocumentText:
        return self._texts.document(number)

    def tokens(self, sequence: int) -> Int[np.ndarray, " token"]:
        """The tokens of one sequence."""
        (run,) = self.plan.runs([self.plan.find(sequence)])
        return self._column(run.shard, "token")[run.start : run.stop]

    def unit(self, site: str, unit: int) -> Float[np.ndarray, " token"]:
        """Every recorded value of one unit, sequence after sequence, reading no other unit's bytes."""
        where = self.site_named(site)
        if not 0 <= unit < where.units:
            raise InputError(f"{site} has units 0 to {where.units - 1}, not {unit}")
        parts = [self.blocks(int(number), where).unit(unit) for number in np.unique(self.plan.shard)]
        return torch.cat(parts).numpy()

    def window(self, site: str, sequence: int) -> Float[np.ndarray, "token unit"]:
        """The activations of all units over one sequence."""
        where = self.site_named(site)
        runs = self.plan.runs([self.plan.find(sequence)])
        return _Pages(self).values(where, runs, np.arange(where.units)).numpy()

    def part(
        self, site: str, units: Sequence[int], sequence: int, first: int, stop: int
    ) -> Float[np.ndarray, "token unit"]:
        """Some units over the tokens of a sequence from ``first`` to before ``stop``, reading no other byte."""
        (run,) = self.plan.runs([self.plan.find(sequence)])
        start, stop = run.start + first, min(run.start + stop, run.stop)
        return self.blocks(run.shard, self.site_named(site)).part(units, start, max(start, stop)).T

    def courses(self, site: str, unit: int) -> list[Float[np.ndarray, "3 step"]]:
        """Of each shard, a unit's least, mean and largest value of every ``STEP`` tokens; the last may be fewer."""
        where = self.site_named(site)
        return [self.blocks(int(number), where).course(unit) for number in np.unique(self.plan.shard)]

    def verify(self) -> None:
        """Read everything and compare every digest. Raises ``InputError`` naming the first damaged file."""
        for error in self.damage():
            raise error

    def damage(self) -> Iterator[InputError]:
        """Read everything, and give what is damaged: texts and shards."""
        expected = self.manifest.expected(TEXTS)
        if expected is not None and digest_of(self.folder / TEXTS) != expected:
            yield damaged(self.folder / TEXTS, "its content differs from what the manifest says", MEND)
        for number in np.unique(self.plan.shard).tolist():
            try:
                self.shard(number).check(self.sites, self.manifest.dtype)
            except InputError as error:
                yield error

    def describe(self) -> dict[str, str]:
        """Provenance: model, corpus, precision."""
        return {**super().describe(), **self.manifest.about, "precision": self.manifest.dtype}

    def shard(self, number: int) -> Shard:
        """One shard's list of files. Raises ``InputError`` where it is damaged, or that of another."""
        if number not in self._shards:
            expected = self.manifest.expected(listed_as(number))
            folder = shard_folder(self.folder, number)
            shard = Shard.open(folder, number, self.manifest.identity, expected)
            if shard.tokens != (planned := int(self.plan.part(number).tokens.sum())):
                raise damaged(folder, f"it has {shard.tokens:,} tokens, it should have {planned:,}", MEND)
            self._shards[number] = shard
        return self._shards[number]

    def blocks(self, shard: int, site: Site) -> Blocks:
        """The file of one site in one shard."""
        return self.shard(shard).blocks(site, self.manifest.dtype)

    def pages(self, shard: int, site: Site) -> Pages:
        """The file over its pages in memory; what was compared with its digest once is not compared again."""
        pages = Pages(self.blocks(shard, site), self._seen.get((shard, site.name)))
        self._seen[shard, site.name] = pages.seen
        return pages

    @cached_property
    def _shards(self) -> dict[int, Shard]:
        return {}

    @cached_property
    def _seen(self) -> dict[tuple[int, str], Bool[np.ndarray, "unit piece"]]:
        return {}

    @cached_property
    def _annotated(self) -> Annotated:
        return Annotated(lambda number: self.document(number).text or "")

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self.folder, self.manifest.expected(TEXTS))

    def _column(self, shard: int, name: str) -> Shaped[np.ndarray, " token"]:
        """A shard's column of tokens or labels."""
        columns = self._columns(shard)
        if name not in columns:
            found = self.shard(shard).column(name)
            if name == "token" and len(found) and not 0 <= found.min() <= found.max() < len(self.vocabulary):
                odd = found.max() if found.min() >= 0 else found.min()
                raise damaged(
                    shard_folder(self.folder, shard) / TOKENS,
                    f"it has symbol {odd}, and there are {len(self.vocabulary):,}",
                    MEND,
                )
            columns[name] = found
        return columns[name]

    @cached_property
    def _columns(self) -> Callable[[int], dict[str, np.ndarray]]:
        """The columns that were read of a shard; those of the last few shards stay in memory."""
        return lru_cache(SHARDS)(lambda _shard: {})


class _Pages:
    """The shards that are being read, mapped into memory."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.mapped: dict[tuple[int, str], Pages] = {}

    def keep(self, shards: set[int]) -> None:
        """Let go of all other shards."""
        self.mapped = {key: pages for key, pages in self.mapped.items() if key[0] in shards}

    def values(self, site: Site, runs: Sequence[Run], units: Int[np.ndarray, " unit"]) -> Float[Tensor, "token unit"]:
        """Some runs of tokens, end to end, of some units."""
        for shard in {run.shard for run in runs} - {shard for shard, name in self.mapped if name == site.name}:
            self.mapped[shard, site.name] = self.recording.pages(shard, site)
        blocks: list[tuple[int, list[int] | slice]] = [(n, slice(None)) for n in range(-(-site.units // BLOCK))]
        if len(units) < site.units:
            grouped = groupby(units.tolist(), lambda unit: unit // BLOCK)
            blocks = [(number, [unit % BLOCK for unit in some]) for number, some in grouped] or [(0, [])]
        parts = [
            torch.cat([self.mapped[run.shard, site.name].values(n, rows, run.start, run.stop) for n, rows in blocks])
            for run in runs
        ]  # each [unit token]
        # Turning the values as a whole is faster than reading them turned.
        return torch.cat(parts, 1).float().T.contiguous()
