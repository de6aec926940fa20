"""A recording that is served, and how a test asks."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from planted import one_site

from unitscope.analyses.moments import Moments
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.fold.analyze import analyze
from unitscope.page.parts.results import Results
from unitscope.recording.record import record

TOKEN = "a-token-of-this-test"
WORDS = "the <b>cat</b> sat\n" * 4


@dataclass
class Served:
    port: int
    folder: Path
    token: str = TOKEN
    words: str = WORDS

    def ask(
        self, path: str, method: str = "GET", cookie: str = TOKEN, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body. Names of headers have underscores here."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        told = {"Host": f"127.0.0.1:{self.port}", "Cookie": f"unitscope={cookie}", **told}
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in told.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def json(self, path: str) -> object:
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    uvicorn = pytest.importorskip("uvicorn", reason="pip install 'unitscope[view]'")
    from unitscope.server.app import application
    from unitscope.server.viewed import Viewed

    folder = tmp_path_factory.mktemp("served") / "run<i>"
    x = torch.randn(len(WORDS), 3, generator=torch.Generator().manual_seed(0))
    symbols = sorted(set(WORDS))
    source = one_site(
        x, [len(WORDS)], tokens=torch.tensor([symbols.index(c) for c in WORDS]),
        documents=[DocumentText("cat.txt", "0", WORDS)], place_of=[Place(0, 0)],
        symbols=Vocabulary(tuple(symbols)),
    )  # fmt: skip
    recording = record(source, folder)
    Results(analyze(recording, [Moments()])).save(folder)
    config = uvicorn.Config(application([Viewed(folder)], TOKEN), log_level="error")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield Served(listening.getsockname()[1], folder)
    server.should_exit = True
    thread.join(30)
    listening.close()
