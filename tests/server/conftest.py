"""A recording that is served, and how a test asks."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from planted import one_site
from torch import nn

from unitscope.analyses.moments import Moments
from unitscope.corpus.passages import Passages
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.reading import Characters
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.fold.analyze import analyze
from unitscope.models.module import ModuleModel
from unitscope.page.parts.results import Results
from unitscope.recording.record import record
from unitscope.source.live import Live

if TYPE_CHECKING:
    from unitscope.server.viewed import Viewed

TOKEN = "a-token-of-this-test"
WORDS = "the <b>cat</b> sat\n" * 4


@dataclass
class Served:
    port: int
    folder: Path
    token: str = TOKEN
    words: str = WORDS
    model: ModuleModel | None = None
    reading: Characters | None = None

    def ask(
        self, path: str, method: str = "GET", cookie: str = TOKEN, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body. Names of headers have underscores here."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
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

    def post(self, path: str, question: object, **headers: str) -> tuple[int, Any]:
        """A question in JSON; status and answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        told = {"Cookie": f"unitscope={self.token}", "Content-Type": "application/json"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        body = question if isinstance(question, bytes) else json.dumps(question).encode()
        connection.request("POST", path, body, told)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        is_json = found[1][:1] == b"{"
        return found[0], json.loads(found[1]) if is_json else found[1].decode()


class Net(nn.Module):
    """Small and untrained: what it says is as good as any other."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(symbols, 6)
        self.rnn = nn.LSTM(6, 5, batch_first=True)
        self.out = nn.Linear(5, symbols)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(self.rnn(self.embed(tokens))[0])
        return logits


@contextmanager
def serving(viewed: "Viewed", folder: Path) -> Iterator[Served]:
    import uvicorn

    from unitscope.server.app import application

    server = uvicorn.Server(uvicorn.Config(application([viewed], TOKEN), log_level="error"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield Served(listening.getsockname()[1], folder)
    server.should_exit = True
    thread.join(30)
    listening.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    pytest.importorskip("uvicorn", reason="pip install 'unitscope[view]'")
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
    with serving(Viewed(folder), folder) as found:
        yield found


@pytest.fixture(scope="module")
def with_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A recording whose model is at hand."""
    pytest.importorskip("uvicorn", reason="pip install 'unitscope[view]'")
    from unitscope.server.viewed import Viewed

    folder = tmp_path_factory.mktemp("with_model") / "run"
    reading = Characters(Vocabulary(tuple(sorted(set(WORDS)))))
    model = ModuleModel(Net(len(reading.vocabulary)), name="net")
    record(Live(model, Passages([WORDS, WORDS[4:]], "cats", reading)), folder, sites=["rnn.*"])
    with serving(Viewed(folder, lambda: (model, reading)), folder) as found:
        yield replace(found, model=model, reading=reading)
