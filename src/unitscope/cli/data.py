"""``unitscope data``: texts and tasks that can be named or made."""

import typer

from unitscope.cli.app import app
from unitscope.cli.bank import bank
from unitscope.cli.corpora import corpora
from unitscope.cli.pairs import lookup_tables

data = typer.Typer(no_args_is_help=True)
app.add_typer(
    data,
    name="data",
    help="List and download public `corpora`, make a concept `bank` of a corpus, write the `lookup-tables` task.",
)
data.command("corpora")(corpora)
data.command("bank")(bank)
data.command("lookup-tables")(lookup_tables)
