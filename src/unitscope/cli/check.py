"""``unitscope check``."""

from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import NETWORK, Arguments, Device, Json, Layouts, ModelDtype, Weights
from unitscope.networks.files import SHIPPED
from unitscope.opening.inputs import Inputs
from unitscope.views import Table as Rows


@app.command()
def check(
    model: Annotated[str, typer.Argument(help=NETWORK)] = SHIPPED.name,
    layout: Layouts = None,
    device: Device = "",
    weights: Weights = "",
    model_dtype: ModelDtype = "auto",
    arg: Arguments = None,
    json: Json = False,
) -> None:
    """Say what was found out about a network by running it: in which order it has sequences and steps, and more.

    A few small runs tell for every site which steps a token changes, whether padding would reach in, and what an edit
    does; and for the whole which sequences can run together, and whether the output predicts the next token. What
    cannot be read rightly is refused, with the reason.
    """
    inputs = Inputs(
        model, layouts=tuple(layout or ()), device=device, weights=weights, precision=model_dtype,
        arguments=tuple(arg or ()),
    )  # fmt: skip
    found = inputs.open_network().checked
    for view in found.views():
        assert isinstance(view, Rows)
        table = Table(title=view.title, title_justify="left")
        for field in view.fields:
            table.add_column(field.name, overflow="fold")
        for row in view.rows:
            table.add_row(*row)
        console.out.print(table)
    console.out.print(str(found), soft_wrap=True)
    if json:
        console.answer(found)
