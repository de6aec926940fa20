"""How quickly the served page answers: a made recording, a real server in its own process, and a real browser.

    python benchmarks/viewer.py                          # 200,000 tokens × 256 units
    python benchmarks/viewer.py --tokens 10000000 --units 1024 --folder big --seconds 60   # 20 GB on disk, which stay
    python benchmarks/viewer.py --exports                # what a report of 1,000 units weighs, and how its time grows

Figures of the last run are in docs/view.md.
"""

import argparse
import gzip
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.analyses.autocorrelation import Autocorrelation
from unitscope.analyses.examples import Examples
from unitscope.analyses.histogram import Histogram
from unitscope.analyses.moments import Moments
from unitscope.analyses.quantiles import Quantiles
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.models.site import Site
from unitscope.page.part import load_parts
from unitscope.page.parts.results import Results
from unitscope.page.run import page_of
from unitscope.page.write import write_html
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.arrays import Arrays
from unitscope.source.subset import Subset

TOKEN = "measured"
LENGTH = 1_024
SAMPLED = 120
"""Sequences that are analysed, at least if there are so many."""
LETTERS = "abcdefghijklmnopqrstuvwxyz ()\n"
SERVER = """
import sys
from pathlib import Path
import uvicorn
from unitscope.opening.inputs import Inputs
from unitscope.server.app import application
from unitscope.server.viewed import Viewed

kinds = [Viewed(Path(sys.argv[2]), lambda: Inputs().open_reading())]
uvicorn.run(application(kinds, "measured"), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""


class Noise:
    """Noise ``[token unit]`` of any length: one block, its units turned by one for each time it comes again."""

    ROWS = 64 * LENGTH

    def __init__(self, tokens: int, units: int) -> None:
        self.shape = (tokens, units)
        self.block = np.random.default_rng(0).standard_normal((self.ROWS, units), np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        edges = range(rows.start, min(rows.stop, len(self)), LENGTH)
        return np.concatenate([self._part(first, min(first + LENGTH, rows.stop, len(self))) for first in edges])

    def _part(self, first: int, stop: int) -> np.ndarray:
        turn, row = divmod(first, self.ROWS)
        return np.roll(self.block[row : row + stop - first], turn, axis=1)


def made(folder: Path, tokens: int, units: int) -> None:
    """A recording of noise over random letters, with the analyses that a page shows."""
    count = tokens // LENGTH
    ids = np.random.default_rng(1).integers(0, len(LETTERS), count * LENGTH)
    text = "".join(LETTERS[number] for number in ids.tolist())
    documents = [DocumentText(f"{n}.txt", str(n), text[n * LENGTH : (n + 1) * LENGTH]) for n in range(count)]
    values: Any = Noise(count * LENGTH, units)
    source = Arrays(
        {Site("noise", units): values}, [LENGTH] * count, ids, symbols=Vocabulary(tuple(LETTERS)), title="noise",
        documents=documents, place_of=[Place(n, 0) for n in range(count)],
    )  # fmt: skip
    recording = record(source, folder, dtype="float16")
    # Moments and quantiles are of some sequences, whatever the size: what a page shows costs the same.
    some = Subset(recording, recording.sequences[:: max(1, count // SAMPLED)], "some")
    results = analyze(some, [Moments(), Quantiles()])
    Results(ResultSet(recording.fingerprint, results.entries)).save(folder)


class Asker:
    """Asks the server on one connection, and notes the times."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def __call__(self, path: str, question: object = None) -> tuple[float, int, bytes]:
        headers = {"Cookie": f"unitscope={TOKEN}", "Content-Type": "application/json"}
        body = None if question is None else json.dumps(question)
        begun = time.perf_counter()
        self.connection.request("GET" if body is None else "POST", f"/r/0/api/{path}", body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        return time.perf_counter() - begun, answer.status, content


def memory(process: int) -> int:
    """Megabytes that are resident."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def seen(port: int) -> dict[str, float]:
    """Seconds until a browser shows the first page, and a unit."""
    from playwright.sync_api import sync_playwright

    found = {}
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}")
        page.locator("h1").wait_for()
        begun = time.perf_counter()
        page.reload()
        page.locator("h1").wait_for()
        found["first view, s"] = time.perf_counter() - begun
        begun = time.perf_counter()
        page.goto(f"http://127.0.0.1:{port}/r/0/#/unit/noise/1")
        page.locator(".passage").first.wait_for()
        found["unit page, s"] = time.perf_counter() - begun
        browser.close()
    return found


def crowd(port: int, clients: int, seconds: float) -> tuple[int, int]:
    """Requests that many clients at once had answered, and those that failed."""
    done, failed = [0] * clients, [0] * clients
    until = time.monotonic() + seconds

    def ask(number: int) -> None:
        asker = Asker(port)
        while time.monotonic() < until:
            _, status, _ = asker(f"text/{number}.json?unit=noise/{number % 7}&count=512")
            done[number] += 1
            failed[number] += status != 200

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done), sum(failed)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tokens", type=int, default=200_000)
    options.add_argument("--units", type=int, default=256)
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--folder", type=Path, help="where the recording is made, or lies")
    options.add_argument("--exports", action="store_true")
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if said.exports:
            exports(Path(place))
            return
        folder = said.folder or Path(place) / "run"
        if not (folder / "results").exists():
            made(folder, said.tokens, said.units)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(port), str(folder)])
        try:
            measure(port, server.pid, said)
        finally:
            server.terminate()
            server.wait()


def exports(place: Path) -> None:
    """Reports of 250 and of 1,000 units: seconds, megabytes, and how much more four times the units take."""
    took = {}
    for units in (250, 1_000):
        folder = place / str(units)
        made(folder, 100_000, units)
        recording = Recording.open(folder)
        Results(analyze(recording, [Histogram(), Examples(), Autocorrelation()])).save(folder)
        for name in ("report.html", "report"):
            begun = time.process_time()
            write_html(page_of(recording, load_parts(folder)), folder / name)
            took[units, name] = time.process_time() - begun
            files = (
                [folder / name] if (folder / name).is_file() else [f for f in (folder / name).rglob("*") if f.is_file()]
            )
            size = sum(file.stat().st_size for file in files) / 1e6
            print(f"{units:5} units, {name:12} {took[units, name]:7.1f} CPU s {size:7.1f} MB")
    for name in ("report.html", "report"):
        print(f"4 × the units, {name:12} {took[1_000, name] / took[250, name]:.2f} × the time")


def measure(port: int, process: int, said: Any) -> None:
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    Asker(port)("overview.json")
    found: dict[str, float] = seen(port)
    ask = Asker(port)  # a server closes a connection that nobody uses
    windows = [ask(f"text/{n}.json?unit=noise/1&unit=noise/2&count=512")[0] for n in range(100)]
    found["window of text, p95, ms"] = 1000 * float(np.quantile(windows, 0.95))
    question = {"sequence": 0, "start": 5, "stop": 7, "threshold": "deviations:1"}
    found["course of a unit, first, s"] = ask("course/noise/5.json")[0]
    found["course of a unit, again, ms"] = 1000 * ask("course/noise/5.json")[0]
    found["match, first, s"] = ask("match.json", question)[0]
    found["match, warm, s"] = ask("match.json", {**question, "sequence": 1})[0]
    found["passages by value, s"] = ask("examples/noise/3.json?interval=middle")[0]
    bundle = [(files("unitscope.page") / "bundle" / name).read_bytes() for name in ("served.js", "page.css")]
    found["page compressed, kB"] = sum(len(gzip.compress(part)) for part in bundle) / 1000
    before = memory(process)
    done, failed = crowd(port, said.clients, said.seconds)
    found |= {"requests of the crowd": done, "failed": failed, "memory before, MB": before}
    found["memory after, MB"] = memory(process)
    for name, value in found.items():
        print(f"{name:28} {value:,.3f}" if isinstance(value, float) else f"{name:28} {value:,}")


if __name__ == "__main__":
    main()
