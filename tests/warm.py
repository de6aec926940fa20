"""The command line from a process that has imported everything already: each command is a fork of it.

What it computes, prints and ends with is that of a process of its own, which it is; only the seconds of importing are
spent once. What a fresh interpreter does is what tests/test_packaging.py, tests/test_lazy.py and the first page of the
docs run.
"""

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path

IMPORTED = (
    "torch",
    "pandas",
    "scipy.stats",
    "rich.live",
    "rich.progress",
    "unitscope.cli.compare",
    "unitscope.probing",
)
MOST = 1 << 20
"""Bytes of a request: words, a folder, an environment."""


def unitscope(
    *words: str, folder: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``unitscope WORDS`` in a folder, as ``subprocess.run`` would have it."""
    if not hasattr(os, "fork"):
        command = [sys.executable, "-m", "unitscope", *words]
        environment = os.environ | (env or {})
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    request = {"words": words, "folder": str(folder or Path.cwd()), "environment": dict(os.environ | (env or {}))}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        server = _server()
        socket.send_fds(server, [json.dumps(request).encode()], [out.fileno(), error.fileno()])
        status = json.loads(server.recv(64))
        out.seek(0)
        error.seek(0)
        return subprocess.CompletedProcess(["unitscope", *words], status, out.read(), error.read())


@functools.cache
def _server() -> socket.socket:
    """Of this process; it ends when its socket is closed, which is when this process ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    started = subprocess.Popen(
        [sys.executable, __file__, str(theirs.fileno())],
        pass_fds=[theirs.fileno()], env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    theirs.close()

    def stop() -> None:
        ours.close()
        started.wait()

    atexit.register(stop)
    return ours


def _serve(requests: socket.socket) -> None:
    for name in IMPORTED:
        __import__(name)
    from unitscope.cli.lazy import load_all

    load_all()
    while True:
        asked, handles, _, _ = socket.recv_fds(requests, MOST, 2)
        if not asked:
            return
        child = os.fork()
        if child == 0:
            requests.close()
            os._exit(_command(json.loads(asked), *handles))
        for handle in handles:
            os.close(handle)
        _, ended = os.waitpid(child, 0)
        requests.send(json.dumps(os.waitstatus_to_exitcode(ended)).encode())


def _command(request: dict, out: int, error: int) -> int:
    from unitscope.cli.main import run

    os.dup2(out, 1)
    os.dup2(error, 2)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["unitscope", *request["words"]]
    status = 1
    try:
        run()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
