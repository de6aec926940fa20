"""``unitscope train-seq2seq`` and the lookup tables that it trains on."""

from pathlib import Path
from typing import Annotated

import typer

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import from_fields
from unitscope.corpus.lookup_tables import LookupTables
from unitscope.corpus.pairs import write_pairs
from unitscope.models.networks.seq2seq.train import Seq2SeqOptions
from unitscope.models.networks.seq2seq.train import train as train_network


@app.command(name="train-seq2seq")
@from_fields(Seq2SeqOptions)
def train_seq2seq(options: Seq2SeqOptions) -> None:
    """Train an encoder–decoder with attention on pairs of sequences.

    Ctrl-C stops it; the same command goes on from the last checkpoint and ends with the same weights.

    For example: `unitscope train-seq2seq --guidance 1 --out guided`
    """
    with console.progress_bar() as bars:
        trained = train_network(options, lambda done, total, _: bars("training, epochs", done, total))
    console.out.print(f"{trained.folder}: {sum(w.numel() for w in trained.net.parameters()):,} weights")
    for name, score in trained.card.scores.items():
        told = "" if score["attention"] != score["attention"] else f", attention on its place {score['attention']:.2f}"
        console.out.print(f"  {name}: {score['sequences']:.3f} of the pairs right{told}")


@app.command(name="lookup-tables")
def lookup_tables(
    out: Annotated[Path, typer.Option(help="folder for one .tsv file per set")] = Path("lookup-tables"),
    seed: Annotated[int, typer.Option(help="of the division into sets")] = 0,
    longest: Annotated[int, typer.Option(help="tables of the longest compositions")] = 3,
    most: Annotated[int, typer.Option(help="pairs of a set of longer compositions, at most")] = 2000,
) -> None:
    """Write the lookup-table task: pairs of strings and tables to apply, with what comes out.

    One pair a line: source, target, and the places to attend to.
    """
    task = LookupTables()
    sets = task.splits(seed)
    for count in range(3, longest + 1):
        sets |= {f"longer{count}_{name}": pairs for name, pairs in task.longer(count, most, seed).items()}
    for name, pairs in sets.items():
        write_pairs(out / f"{name}.tsv", pairs)
        console.out.print(f"{out / name}.tsv: {len(pairs):,} pairs")
