"""What damage does: files of a recording changed, shortened, emptied, exchanged; readers given mutated files.

    python benchmarks/endurance.py [--variants 300] [--inputs 10000]

Each damaged variant must be named by ``unitscope verify``, and an analysis of it must end with an error or with the
same numbers. Each mutated input must be read or refused in words: anything but an ``InputError`` is a traceback.
"""

import argparse
import collections
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from unitscope.analyses.moments import Moments
from unitscope.cli.inputs import Inputs
from unitscope.cli.verify import damage
from unitscope.errors import InputError
from unitscope.files.arrays import read_arrays
from unitscope.files.jsons import read_json
from unitscope.files.parquet import read_table
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.recording.manifest import Manifest
from unitscope.recording.record import record
from unitscope.recording.recording import Recording


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--variants", type=int, default=300)
    asked.add_argument("--inputs", type=int, default=10_000)
    options = asked.parse_args()
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as where:
        folder = made(Path(where))
        variants(folder, options.variants, draw)
        fuzz(folder, options.inputs, draw)


def made(where: Path) -> Path:
    """A recording with two shards, results, and what it was made from."""
    text = where / "text.py"
    text.write_text("".join(f"def f{i}(x):\n    return (x + {i}) * 'ab'\n" for i in range(60)))
    inputs = Inputs(text=(str(text),), part="all")
    recording = record(inputs.live(8), where / "run", ["*.hidden", "*.cell"], shard_tokens=1_000)
    analyze(recording, [Moments()]).merge_into(recording.folder / "results")
    inputs.save(recording.folder)
    return recording.folder


def numbers(folder: Path) -> list[pd.DataFrame]:
    """What a reader of the recording sees: its kept results, and the same made anew."""
    recording = Recording.open(folder)
    recording.labels("position-in-line", recording.sequences[0])
    Inputs.load(folder)
    return [ResultSet.load(folder / "results").to_pandas(), analyze(recording, [Moments()]).to_pandas()]


def variants(folder: Path, count: int, draw: random.Random) -> None:
    """Damage one file at a time, and see who notices."""
    right = numbers(folder)
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    found: collections.Counter[str] = collections.Counter()
    for number in range(count):
        copy = folder.with_name("copy")
        shutil.copytree(folder, copy)
        path = copy / files[number % len(files)]
        change(path, number // len(files) % 4, draw, copy / draw.choice(files))
        changed = path.read_bytes() != (folder / path.relative_to(copy)).read_bytes()
        found["changed"] += changed
        try:
            named = bool(list(damage(copy)))
        except InputError:
            named = True
        found["named by verify"] += changed and named
        try:
            same = all(one.equals(other) for one, other in zip(right, numbers(copy), strict=True))
            found["same numbers" if same else "OTHER NUMBERS"] += changed
        except InputError:
            found["refused by whoever reads"] += changed
        shutil.rmtree(copy)
    print(f"damaged variants of {len(files)} files: {dict(found)}")


def change(path: Path, how: int, draw: random.Random, other: Path) -> None:
    """One bit, the end cut off, nothing left, or another file's content."""
    content = bytearray(path.read_bytes())
    if how == 0:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif how == 1:
        content = content[: draw.randrange(len(content))]
    elif how == 2:
        content = bytearray()
    else:
        content = bytearray(other.read_bytes())
    path.write_bytes(content)


def fuzz(folder: Path, count: int, draw: random.Random) -> None:
    """Give mutated files to every reader."""
    (shard,) = sorted((folder / "shards").iterdir())[:1]
    place = folder.with_name("fuzzed")
    place.mkdir()
    readers: list[tuple[Path, str, Callable[[Path], object]]] = [
        (folder / "manifest.json", "manifest.json", lambda path: Manifest.load(path.parent)),
        (folder / "inputs.json", "x", lambda path: read_json(path, Inputs, "", sealed=False)),
        (next((folder / "results").rglob("*.safetensors")), "x", lambda path: read_arrays(path, "", seal=False)),
        (shard / "tokens.parquet", "x", lambda path: read_table(path, "")),
        (folder / "documents.parquet", "x", lambda path: read_table(path, "")),
    ]
    ends: collections.Counter[str] = collections.Counter()
    slowest = 0.0
    for number in range(count):
        source, name, read = readers[number % len(readers)]
        (place / name).write_bytes(mutated(source.read_bytes(), draw))
        begun = time.perf_counter()
        try:
            read(place / name)
            ends["read"] += 1
        except InputError:
            ends["refused in words"] += 1
        except Exception as error:
            ends[f"TRACEBACK {type(error).__name__}"] += 1
        slowest = max(slowest, time.perf_counter() - begun)
    print(f"mutated inputs: {dict(ends)}; the slowest took {slowest:.2f} s")


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Some bytes changed, doubled, left out, or replaced by what is odd."""
    changed = bytearray(content)
    for _ in range(draw.randrange(1, 5)):
        place = draw.randrange(len(changed) + 1)
        match draw.randrange(4):
            case 0 if place < len(changed):
                changed[place] ^= 1 << draw.randrange(8)
            case 1:
                del changed[place : place + draw.randrange(40)]
            case 2:
                changed[place:place] = changed[place : place + draw.randrange(40)]
            case _:
                changed[place:place] = draw.choice(
                    [b"9" * 500, b"[" * 9_000, b'"\\ud800"', b"\xff", b"-1", b"1e999", b"null", b"{}", b"\0" * 8]
                )
    return bytes(changed)


if __name__ == "__main__":
    main()
