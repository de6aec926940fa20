"""Recordings served on this machine: in the foreground for ``unitscope view``, in a thread for Python."""

import importlib.util
import secrets
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitscope.errors import InputError
from unitscope.opening.inputs import Inputs
from unitscope.opening.live import folder_of
from unitscope.recording.recording import Recording

if TYPE_CHECKING:
    from unitscope.server.viewed import Viewed


class Served:
    """A server that listens; ``url`` has a token, and whoever has it can look."""

    def __init__(self, server: Any, listening: socket.socket, url: str) -> None:
        self.url = url
        self._server, self._listening = server, listening
        self._thread = threading.Thread(target=self.run, name="unitscope view", daemon=True)

    def run(self) -> None:
        """Serve here, until Ctrl-C or ``stop``."""
        self._server.run(sockets=[self._listening])

    def start(self) -> "Served":
        """Serve in a thread, which ends with the program."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Serve no longer, and give the port back."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listening.close()

    def __repr__(self) -> str:
        return f"<Served {self.url}: open it in a browser; stop() ends it>"

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank">{self.url.partition("?")[0]}</a>'


def view(
    recordings: Recording | str | Path | Sequence[Recording | str | Path],
    host: str = "127.0.0.1",
    port: int = 0,
    model: str = "",
    root_path: str = "",
) -> Served:
    """Serve recordings, finished or not, while the program goes on: every unit on demand, nothing written.

    Nothing is opened: the address is ``.url``, and ``.stop()`` ends it. ``port`` 0 takes a free one. ``model`` reads
    texts that are typed on the page, where the recording does not say which does; ``root_path`` is where a proxy puts
    it. It needs ``pip install 'unitscope[view]'``. Raises ``InputError`` for what is no recording, and for a port that
    is taken.
    """
    return serving(recordings, host, port, Inputs(model) if model else None, "", root_path).start()


def seen(recordings: Sequence[Recording | str | Path], reads: Inputs | None = None, device: str = "") -> "list[Viewed]":
    """Recordings as a page has them; what ``reads`` typed texts is opened when somebody types, by default their own."""
    from unitscope.server.viewed import Viewed

    def one(folder: Path) -> Viewed:
        return Viewed(folder, lambda: (reads or Inputs.load(folder, device)).open_reading())

    return [one(folder_of(recording)) for recording in recordings]


def serving(
    recordings: Recording | str | Path | Sequence[Recording | str | Path],
    host: str,
    port: int,
    reads: Inputs | None,
    device: str,
    root_path: str,
) -> Served:
    """A server that listens and does not serve yet."""
    if not all(importlib.util.find_spec(name) for name in ("starlette", "uvicorn")):
        raise InputError("this needs Starlette and uvicorn: pip install 'unitscope[view]'")
    import uvicorn

    from unitscope.server.app import application
    from unitscope.server.guard import LOOPBACK

    given = [recordings] if isinstance(recordings, Recording | str | Path) else recordings
    viewed = seen(given, reads, device)
    for one in viewed:
        one.page()  # what is no recording is said before anybody looks
    token = secrets.token_urlsafe(24)
    hosts = tuple(dict.fromkeys((*LOOPBACK, host)))
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise InputError(f"cannot listen at {host}:{port}: {error.strerror}; give another --port") from error
    # Nothing begins or ends with the server: with a lifespan, Ctrl-C prints where that waits.
    config = uvicorn.Config(application(viewed, token, hosts), lifespan="off", log_level="warning", root_path=root_path)
    url = f"http://{host}:{listening.getsockname()[1]}{root_path}/?token={token}"
    return Served(uvicorn.Server(config), listening, url)
