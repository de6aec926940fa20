"""``unitscope view``."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import Arguments, Browser, Device, Host, Port, ReadBy, RootPath, Weights
from unitscope.errors import InputError
from unitscope.opening.inputs import Inputs


@app.command()
def view(
    recordings: Annotated[list[Path], typer.Argument(help="folders of recordings, finished or not")],
    host: Host = "127.0.0.1",
    port: Port = 0,
    model: ReadBy = "",
    device: Device = "",
    weights: Weights = "auto",
    arg: Arguments = None,
    root_path: RootPath = "",
    browser: Browser = True,
) -> None:
    """Look at recordings in a browser while analyses go on: every unit on demand, nothing written.

    The printed address has a token; whoever has it can look, and nobody else. From another machine, forward the port:
    `ssh -L 8000:127.0.0.1:8000 there`. It needs Starlette and uvicorn: `pip install 'unitscope[view]'`.

    For example: `unitscope view run`
    """

    from unitscope.server.guard import LOOPBACK
    from unitscope.server.typed import Opener
    from unitscope.server.viewed import Viewed

    def opener(folder: Path) -> Opener:
        given = Inputs(model, device=device, weights=weights, arguments=tuple(arg or ()))
        return lambda: (given if model else Inputs.load(folder, device)).open_reading()

    viewed = [Viewed(folder, opener(folder)) for folder in recordings]
    for one in viewed:
        one.page()  # what is no recording is said before a browser opens
    token = secrets.token_urlsafe(24)
    hosts = tuple(dict.fromkeys((*LOOPBACK, host)))
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise InputError(f"cannot listen at {host}:{port}: {error.strerror}; give another --port") from error
    address = f"http://{host}:{listening.getsockname()[1]}{root_path}/?token={token}"
    console.out.print(f"{address}\nCtrl-C ends it", soft_wrap=True)
    if browser:
        webbrowser.open(served.url)
    served.run()
