"""Files, descriptions and requests that nobody meant: read or refused in words, soon, and in little room.

Files of a recording are changed with every digest made right again, so that the readers behind the digests are reached.
"""

import asyncio
import collections
import json
import os
import random
import resource
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from endured.sealing import change_rows, odd, read, reseal, seal_bytes, write

Read = Callable[[random.Random], None]
LONGEST, MOST = 10.0, 2_000_000
"""Seconds of a processor, and kilobytes of memory, that one input may take."""
WAITED = 120
"""Seconds after which an input that computes nothing is given up: on a busy machine less than that says little."""
ROUND = 250
"""Inputs that one process reads."""


STRANGE = [
    b"9" * 500, b"[", b'"\\ud800"', b"\xff", b"-1", b"1e999", b"null", b"{}", b"\0" * 8, "²".encode(), b"\t", b"\n",
    b"\r\n", b'"', b"(", b"\xef\xbb\xbf",
]  # fmt: skip
"""What is put into bytes; the bracket as often as is wanted."""


class TooLong(BaseException):
    """An input took longer than it may."""


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    name: str
    share: int
    """Of all inputs."""
    begin: Callable[[Path], Read]
    """Given a folder of its own, what makes an input and reads it."""


def fuzz(base: Path, count: int, seed: int = 0) -> list[str]:
    """Read so many inputs; gives what went wrong."""
    kinds = every_kind(base)
    ends: collections.Counter[str] = collections.Counter()
    slowest, wrong = 0.0, []
    for kind in kinds:
        mine = count * kind.share // sum(one.share for one in kinds)
        for first in range(0, mine, ROUND):
            found = _apart(kind, base.with_name("fuzzed"), min(ROUND, mine - first), seed + first)
            ends.update(found["ends"])
            slowest = max(slowest, found["slowest"])
            for line in found["wrong"]:
                wrong.append(f"{kind.name}: {line}")
                print("   ", wrong[-1][:600], flush=True)
        print(f"  {kind.name}: {mine:,} inputs", flush=True)
    print(
        f"mutated inputs: {dict(ends)}; the slowest took {slowest:.2f} s of a processor; wrong: {len(wrong)}",
        flush=True,
    )
    return wrong


def _apart(kind: Kind, place: Path, count: int, seed: int) -> dict[str, Any]:
    """A round of inputs in a process of its own."""
    out, into = os.pipe()
    child = os.fork()
    if child:
        os.close(into)
        with os.fdopen(out) as told:
            said = told.read()
        _, status = os.waitpid(child, 0)
        died = {"ends": {"DIED": 1}, "slowest": 0.0, "wrong": [f"the process ended with {status}"]}
        return json.loads(said) if said else died
    os.close(out)
    with os.fdopen(into, "w") as tell:
        tell.write(json.dumps(_round(kind, place, count, seed)))
        tell.flush()
        os._exit(0)


def _round(kind: Kind, place: Path, count: int, seed: int) -> dict[str, Any]:
    from unitscope.errors import InputError

    def late(*_: Any) -> None:
        raise TooLong

    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, late)
    signal.signal(signal.SIGPROF, late)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    reader, ends, wrong, slowest = kind.begin(place), collections.Counter[str](), [], 0.0
    for number in range(count):
        draw = random.Random(f"{kind.name} {seed + number}")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.process_time()
        signal.alarm(WAITED)
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        try:
            reader(draw)
            ends["read"] += 1
        except InputError:
            ends["refused in words"] += 1
        except TooLong:
            ends["HUNG"] += 1
            wrong.append(f"input {seed + number} took more than {LONGEST:.0f} s")
        except Exception as error:
            import traceback

            ends["TRACEBACK"] += 1
            where = traceback.extract_tb(error.__traceback__)
            steps = "; ".join(f"{Path(f.filename).name}:{f.lineno}" for f in where[-6:])
            wrong.append(f"input {seed + number}: {type(error).__name__}: {str(error)[:160]} at {steps}")
        finally:
            signal.alarm(0)
            signal.setitimer(signal.ITIMER_PROF, 0)
        slowest = max(slowest, time.process_time() - begun)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before > MOST:
            ends["LARGE"] += 1
            wrong.append(f"input {seed + number} took more than {MOST / 1e6:.0f} GB")
    return {"ends": ends, "slowest": slowest, "wrong": wrong}


def every_kind(base: Path) -> list[Kind]:
    """All kinds of inputs, with files of ``base`` to begin from."""
    from endured.samples import ARRAYS, TEXTS, read_arrays_of, read_text_of

    found = [
        Kind("recordings, digests right", 30, lambda place: _recordings(base / "run", place)),
        Kind("recordings of a treebank, digests right", 8, lambda place: _recordings(base / "trees", place)),
        Kind("recordings, digests wrong", 6, lambda place: _recordings(base / "run", place, sealed=False)),
        Kind("networks", 14, lambda place: _networks(base, place)),
        Kind("texts", 26, lambda place: read_text_of(TEXTS, place)),
        Kind("arrays", 10, lambda place: read_arrays_of(ARRAYS, place)),
        Kind("requests", 6, lambda _: _requests(base / "run")),
    ]
    return [kind for kind in found if (base / "trees").exists() or "treebank" not in kind.name]


def _recordings(run: Path, place: Path, sealed: bool = True) -> Read:
    folder = place / "run"
    shutil.copytree(run, folder)
    files = [
        path.relative_to(run) for path in sorted(run.rglob("*")) if path.suffix in (".json", ".safetensors", ".parquet")
    ]
    by_kind: dict[tuple[str, str], list[Path]] = {}
    for file in files:
        by_kind.setdefault((file.parts[0], file.suffix), []).append(file)
    kept = {file: (run / file).read_bytes() for file in files}
    groups = list(by_kind.values())

    def one(draw: random.Random) -> None:
        file = draw.choice(draw.choice(groups))
        try:
            if not sealed:
                (folder / file).write_bytes(mutated(kept[file], draw))
            else:
                _change(folder / file, draw)
                reseal(folder)
            whole(folder)
        finally:
            for name, content in kept.items():
                if (folder / name).stat().st_size != len(content) or (folder / name).read_bytes() != content:
                    (folder / name).write_bytes(content)

    return one


def _change(path: Path, draw: random.Random) -> None:
    """Change a file as somebody would who can make digests right."""
    if path.suffix == ".parquet":
        change_rows(path, lambda _, rows: [_value(row, draw) if draw.random() < 0.05 else row for row in rows])
    elif path.suffix == ".json" and draw.random() < 0.3:
        path.write_bytes(seal_bytes(mutated(path.read_bytes(), draw)))
    else:
        write(path, odd(read(path), draw))


def _value(value: Any, draw: random.Random) -> Any:
    if isinstance(value, float):
        return draw.choice([float("nan"), float("inf"), -1.0, 1e30, value + 1])
    if isinstance(value, str) or value is None:
        return draw.choice([None, "", "\0", "x" * 1000, "../x", "²", (value or "") * 2, (value or "")[1:]])
    return draw.choice([0, -1, 1, 10**6, 2**62, -(2**62), value + 1, value - 1])


def whole(folder: Path) -> list[str]:
    """What the page shows of a recording's folder: its text, its tables, and one unit of each site."""
    from unitscope.page.page import overview_json, unit_json
    from unitscope.page.part import load_parts
    from unitscope.page.run import page_of
    from unitscope.recording.recording import Recording

    recording = Recording.open(folder)
    for name in ("digit", *recording.annotations[:2]):
        recording.labels(name, recording.sequences[0])
    next(iter(recording.chunks([recording.sites[0].name])))
    page = page_of(recording, load_parts(folder))
    units = [json.dumps(unit_json(groups[0])) for groups in page.units.values()]
    return [json.dumps(overview_json(page)), *units]


def _networks(base: Path, place: Path) -> Read:
    from unitscope.networks.card import load

    nets = []
    for name in (name for name in ("net", "seq2seq") if (base / name).exists()):
        shutil.copytree(base / name, place / name)
        nets += [
            (place / name, file, (base / name / file).read_bytes()) for file in ("config.json", "model.safetensors")
        ]

    def one(draw: random.Random) -> None:
        folder, file, content = draw.choice([*nets, *nets[::2]])
        path = folder / file
        try:
            if draw.random() < 0.3:
                path.write_bytes(mutated(content, draw))
            elif file == "config.json":
                path.write_text(json.dumps(odd(json.loads(content), draw)))
            else:
                write(path, odd(read(path), draw))
            load(folder)
        finally:
            path.write_bytes(content)

    return one


def _requests(run: Path) -> Read:
    """What the server is asked, by whoever has the token or has not."""
    from unitscope.server.app import application
    from unitscope.server.viewed import Viewed

    app = application([Viewed(run)], "token")
    paths = ["/", "/r/0/", "/r/0/api/overview.json", "/r/0/api/unit/rnn.0.hidden/3.json", "/r/0/api/text/0.json",
             "/assets/page.css", "/assets/../app.py", "/r/0/api/unit/../../x.json"]  # fmt: skip
    queries = [b"", b"unit=rnn.0.hidden/3&first=0&count=10", b"unit=rnn.0.hidden/9999999&first=-1", b"token=token",
               b"count=99999999999999999999", b"unit=/&unit=%00&first=\xb2", b"&&&=%ff"]  # fmt: skip
    headers = [b"127.0.0.1:1", b"localhost", b"evil.example", b"[::1]", b"", b":::", b"\xff"]

    def one(draw: random.Random) -> None:
        path = mutated(draw.choice(paths).encode(), draw, 300) if draw.random() < 0.5 else draw.choice(paths).encode()
        query = mutated(draw.choice(queries), draw, 300) if draw.random() < 0.5 else draw.choice(queries)
        cookie = draw.choice([b"unitscope=token"] * 5 + [b"", b"unitscope=\xff", b"=;=;,", b"unitscope=token; x" * 50])
        scope = {
            "type": "http", "http_version": "1.1", "method": draw.choice(["GET"] * 6 + ["HEAD", "POST", "²"]),
            "path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": query, "root_path": "",
            "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1),
            "headers": [(b"host", draw.choice([headers[0]] * 6 + headers)), (b"cookie", cookie)],
        }  # fmt: skip
        status = asyncio.run(_ask(app, scope))
        if status >= 500:
            raise RuntimeError(f"status {status} for {path[:80]!r}?{query[:80]!r}")

    return one


async def _ask(app: Any, scope: dict[str, Any]) -> int:
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


def mutated(content: bytes, draw: random.Random, longest: int = 9_000) -> bytes:
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
                strange = [b"[" * longest if one == b"[" else one for one in STRANGE]
                changed[place:place] = draw.choice(strange)
    return bytes(changed)


def in_turn(samples: dict[str, bytes], place: Path, reader: Callable[[Path], object]) -> Read:
    """Give mutated samples, named as they are, to a reader."""

    def one(draw: random.Random) -> None:
        name = draw.choice(list(samples))
        with tempfile.TemporaryDirectory(dir=place) as made:
            path = Path(made) / name
            path.write_bytes(mutated(samples[name], draw))
            reader(path)

    return one
