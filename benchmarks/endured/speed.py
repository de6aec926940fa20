"""What safety costs: opening a large recording, and the share of a recording's time that goes into digests."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

TOKENS, UNITS, LENGTH = 10_000_000, 1_024, 1_024
SOON, SHARE = 0.3, 0.2
"""Seconds in which a recording should be open, and the share of a recording's time that digests may take."""


def opening(base: Path) -> list[str]:
    """How long it takes to open 10 million tokens of 1,024 units, whose activations are empty space of the right size.

    Opening looks at lists, sizes and small files; what the activations are is compared when they are read.
    """
    from unitscope.files.writing import Written, write
    from unitscope.models.site import Site
    from unitscope.recording.plan import Plan
    from unitscope.recording.record import SHARD_BYTES, _checksums
    from unitscope.recording.recording import Recording
    from unitscope.recording.shard import LISTING, Listing, shard_folder, site_file
    from unitscope.recording.shard import TOKENS as TABLE
    from unitscope.recording.texts import write_texts

    small = Recording.open(base / "run")
    count = TOKENS // LENGTH
    each = SHARD_BYTES // (4 * UNITS) // LENGTH
    number = np.arange(count)
    plan = Plan(
        number, np.full(count, LENGTH), number // each, number % each * LENGTH, np.zeros(count, np.int64),
        number * LENGTH,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=base.parent) as made:
        folder = Path(made) / "large"
        folder.mkdir()
        manifest = replace(
            small.manifest, sites=(Site("rnn.0.hidden", UNITS, -1.0, 1.0, "hidden"),), plan=plan.digest,
            sequences=count, tokens=count * LENGTH, complete=False, checksums={},
        )  # fmt: skip
        plan.save(folder)
        write_texts(folder, small, [0])
        for shard in range(plan.shards):
            tokens = int(plan.part(shard).tokens.sum())
            where = shard_folder(folder, shard)
            where.mkdir(parents=True)
            file = site_file(where, "rnn.0.hidden")
            with open(file, "wb") as empty:
                os.truncate(empty.fileno(), 4 * UNITS * tokens + 200)
            files = {file.name: Written(file.stat().st_size, "0" * 64), TABLE: write(where / TABLE, bytes(4 * tokens))}
            _list(where / LISTING, Listing(shard, manifest.identity, tokens, files))
        manifest.finished(_checksums(folder, plan.shards)).save(folder)
        taken = []
        for _ in range(5):
            begun = time.perf_counter()
            Recording.open(folder)
            taken.append(time.perf_counter() - begun)
        print(f"opening {TOKENS:,} tokens of {UNITS:,} units, {plan.shards} shards: {min(taken):.3f} s")
    return [f"opening took {min(taken):.3f} s"] if min(taken) > SOON else []


def _list(path: Path, listing: Any) -> None:
    from unitscope.files.jsons import write_json

    write_json(path, listing)


def digests(where: Path) -> list[str]:
    """The share of a recording's processor time that is spent on digests: all of the shipped network's units."""
    from unitscope.files import digest, writing
    from unitscope.opening.inputs import Inputs
    from unitscope.recording.record import record

    spent, plain = 0.0, digest.Digest

    class Timed:
        def __init__(self, *parts: Any) -> None:
            self.made = plain(*parts)

        def update(self, part: Any) -> None:
            nonlocal spent
            begun = time.process_time()
            self.made.update(part)
            spent += time.process_time() - begun

        def hexdigest(self) -> str:
            return self.made.hexdigest()

    writing.Digest = digest.Digest = Timed  # type: ignore[misc,assignment]
    with tempfile.TemporaryDirectory(dir=where) as made:
        source = Inputs(sequences=48).live()
        begun = time.process_time()
        record(source, Path(made) / "run", [site.name for site in source.sites if site.kind != "prediction"])
        whole = time.process_time() - begun
    print(f"digests: {spent:.2f} of {whole:.2f} s of a recording, {spent / whole:.1%}")
    return [f"digests take {spent / whole:.0%} of a recording"] if spent / whole > SHARE else []
