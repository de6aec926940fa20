"""Write a model's activations over a corpus into a folder, shard by shard."""

import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from unitscope.errors import InputError
from unitscope.files.damage import SET_ASIDE, DamageError, DamageWarning, setting_aside
from unitscope.files.digest import digest_of
from unitscope.files.inside import check_plain
from unitscope.files.lock import lock
from unitscope.files.room import check_room, disk_errors
from unitscope.files.writing import clean, clean_below
from unitscope.models.site import choose
from unitscope.progress import Progress, silent
from unitscope.recording.activations import precision_bytes
from unitscope.recording.known import remember
from unitscope.recording.manifest import MANIFEST, Manifest
from unitscope.recording.plan import PLAN, Plan
from unitscope.recording.recording import Recording
from unitscope.recording.shard import Shard, ShardBuffer, listed_as, shard_folder
from unitscope.recording.texts import TEXTS, write_texts
from unitscope.source.source import Source
from unitscope.source.workers import each, opened

SHARD_TOKENS = 65_536
SHARD_BYTES = 256_000_000
"""A shard is held in memory until it is written, so a wide model gets shards of fewer tokens."""

TABLE_BYTES = 4
"""About what a token takes beside its activations, compressed."""


def record(
    source: Source,
    folder: Path | str,
    sites: Iterable[str] = ("*",),
    dtype: str = "float32",
    labels: Sequence[str] = (),
    shard_tokens: int | None = None,
    progress: Progress = silent,
    workers: int = 1,
) -> Recording:
    """Write down the sites of a source that match the glob patterns, and return the recording.

    Any source will do: ``Live(model, corpus)``, a subset, one with units ablated, arrays. ``dtype`` is float32, float16
    or bfloat16. The source's annotations are kept, and those ``labels`` too; other labels can be asked of the text.

    Interrupted at any instant (Ctrl-C, ``kill -9``, a full disk) and called again with the same arguments, it goes on
    after the last finished shard and ends with the same bytes as if nothing had happened. Memory grows with what the
    source gives at once and with ``shard_tokens`` (65,536, or fewer where that would be over 256 MB), and with nothing
    else. With ``workers`` that many processes write shards, and the same bytes; the source must be one that others can
    open. What was opened by a name (``open_live``) says so beside the recording, and opens again from there.

    Raises ``InputError`` for a folder with something else in it, or begun with another model, corpus or settings; for
    activations that are not finite or too large for ``dtype``; and for a disk without room.
    """
    folder = Path(folder)
    if source.batch_size < 1:
        raise InputError(f"at least 1 sequence is run at a time, not {source.batch_size}")
    chosen = choose(source.sites, sites)
    row_bytes = sum(site.units for site in chosen) * precision_bytes(dtype)
    if shard_tokens is None:
        shard_tokens = max(1, min(SHARD_TOKENS, SHARD_BYTES // row_bytes))
    plan = Plan.of(source, shard_tokens)
    said = {**source.model_origin.description, **source.corpus_origin.description}
    asked = Manifest(
        source=source.fingerprint,
        model=source.model_origin,
        corpus=source.corpus_origin,
        sites=chosen,
        dtype=dtype,
        batch_size=source.batch_size,
        shard_tokens=shard_tokens,
        sequences=len(plan.sequence),
        tokens=int(plan.tokens.sum()),
        plan=plan.digest,
        vocabulary=source.vocabulary.symbols,
        annotations=tuple(dict.fromkeys((*source.annotations, *labels))),
        about={key: value for key, value in source.describe().items() if said.get(key) != value},
    )
    with lock(folder, "recording into"):
        manifest = _begun(folder, asked) or asked
        missing = _missing(folder, plan, manifest, progress)
        needed = int(plan.only(missing).tokens.sum()) * (row_bytes + TABLE_BYTES)
        check_room(folder, needed)
        with disk_errors(folder, needed=needed):
            manifest.save(folder)
            plan.save(folder)
            manifest = _with_texts(folder, plan, manifest, source)
            _fill(folder, plan, missing, manifest, source, progress, workers)
            manifest.finished(_checksums(folder, plan.shards)).save(folder)
            if source.opened is not None:
                remember(folder, source.opened)
    return Recording.open(folder)


def _fill(
    folder: Path,
    plan: Plan,
    missing: Sequence[int],
    manifest: Manifest,
    source: Source,
    progress: Progress,
    workers: int,
) -> None:
    done = len(plan.sequence) - len(plan.only(missing).sequence)

    def tell(sequences: int) -> None:
        nonlocal done
        done += sequences
        progress("recording", done, len(plan.sequence))

    if workers == 1:
        for number in missing:
            _write_shard(folder, number, plan.part(number), manifest, source, tell)
        return
    task = partial(_task, json.dumps(source.recipe()), folder, manifest)
    for sequences in each(task, [(number, plan.part(number)) for number in missing], workers):
        tell(sequences)


def _task(recipe: str, folder: Path, manifest: Manifest, shard: tuple[int, Plan]) -> int:
    """A shard, in a process of its own."""
    _write_shard(folder, *shard, manifest, opened(recipe), lambda _: None)
    return len(shard[1].sequence)


def _write_shard(
    folder: Path, number: int, part: Plan, manifest: Manifest, source: Source, tell: Callable[[int], None]
) -> None:
    names = [site.name for site in manifest.sites]
    buffer = ShardBuffer(manifest.sites, int(part.tokens.sum()), manifest.dtype)
    with torch.no_grad():
        for chunks in source.chunks(names, manifest.annotations, part.sequence.tolist()):
            buffer.add(chunks)
            tell(len(torch.unique_consecutive(next(iter(chunks.values())).sequence)))
    buffer.write(shard_folder(folder, number), number, manifest.identity)


def _begun(folder: Path, asked: Manifest) -> Manifest | None:
    """The manifest of a recording that was begun here and has shards. Cleans up what was left half-written."""
    if not (folder / MANIFEST).exists():
        clean(folder)
        if any(folder.iterdir()) and not (folder / f"{MANIFEST}{SET_ASIDE}").exists():
            raise InputError(f"{folder} holds something else than a recording; choose a new or an empty folder")
        return None
    check_plain(folder)
    clean_below(folder)
    begun = None
    with setting_aside(folder / MANIFEST, DamageError):
        begun = Manifest.load(folder)
    if begun is not None and any(folder.glob("shards/*")):
        begun.check_same(asked, folder)
        return begun
    return None


def _missing(folder: Path, plan: Plan, manifest: Manifest, progress: Progress) -> list[int]:
    """Which shards have to be made: those that are not there, and those that are damaged, which is said."""
    missing = []
    there = [number for number in range(plan.shards) if shard_folder(folder, number).exists()]
    for number in range(plan.shards):
        if number not in there:
            missing.append(number)
            continue
        try:
            expected = manifest.expected(listed_as(number))
            shard = Shard.open(shard_folder(folder, number), number, manifest.identity, expected)
            shard.check(manifest.sites, manifest.dtype)
        except InputError as error:
            warnings.warn(f"{error}; it is made again", DamageWarning, stacklevel=3)
            missing.append(number)
        progress("checking what is there", there.index(number) + 1, len(there))
    return missing


def _with_texts(folder: Path, plan: Plan, manifest: Manifest, source: Source) -> Manifest:
    """Write the documents, unless they are there as they were written, and the manifest that has their digest."""
    expected, path = manifest.expected(TEXTS), folder / TEXTS
    if expected and path.exists():
        if digest_of(path) == expected:
            return manifest
        warnings.warn(f"{path} is damaged; it is made again", DamageWarning, stacklevel=3)
    write_texts(folder, source, np.unique(plan.document).tolist())
    manifest = replace(manifest, checksums={**manifest.checksums, TEXTS: digest_of(path)})
    manifest.save(folder)
    return manifest


def _checksums(folder: Path, shards: int) -> dict[str, str]:
    """Digests of the plan and of every shard's list, which has the digests of files just checked or written."""
    return {name: digest_of(folder / name) for name in (PLAN, *map(listed_as, range(shards)))}
