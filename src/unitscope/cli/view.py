"""``unitscope view``."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import Arguments, Browser, Device, Host, ModelDtype, Port, ReadBy, RootPath, Weights
from unitscope.opening.inputs import Inputs


@app.command()
def view(
    recordings: Annotated[list[Path], typer.Argument(help="folders of recordings, finished or not")],
    host: Host = "127.0.0.1",
    port: Port = 0,
    model: ReadBy = "",
    device: Device = "",
    weights: Weights = "",
    model_dtype: ModelDtype = "auto",
    arg: Arguments = None,
    root_path: RootPath = "",
    browser: Browser = True,
) -> None:
    """Look at recordings in a browser while analyses go on: every unit on demand, nothing written.

    The printed address has a token; whoever has it can look, and nobody else. From another machine, forward the port:
    `ssh -L 8000:127.0.0.1:8000 there`. It needs Starlette and uvicorn: `pip install 'unitscope[view]'`.

    For example: `unitscope view run`
    """
    from unitscope.server.serve import serving

    asked = Inputs(model, device=device, weights=weights, precision=model_dtype, arguments=tuple(arg or ()))
    reads = asked if model else None
    served = serving(recordings, host, port, reads, device, root_path)
    console.out.print(f"{served.url}\nCtrl-C ends it", soft_wrap=True)
    if browser:
        webbrowser.open(served.url)
    served.run()
