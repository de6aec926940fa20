"""``unitscope find``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from unitscope import labels as library
from unitscope.cli import console
from unitscope.cli.app import STEPS, app
from unitscope.cli.inputs import Inputs, Read
from unitscope.errors import InputError
from unitscope.findings import Findings, Search
from unitscope.findings import find as look
from unitscope.page.parts.found import Found
from unitscope.recording.recording import Recording


def list_hypotheses(wanted: bool) -> bool:
    """Print the hypotheses and stop."""
    if not wanted:
        return False
    table = Table("hypothesis", "kind", "what it says of a character", title_justify="left")
    for name in library.names():
        hypothesis = library.given(name)
        table.add_row(hypothesis.key, hypothesis.kind, hypothesis.help)
    console.out.print(table)
    raise typer.Exit


@app.command(rich_help_panel=STEPS)
def find(
    recording: Annotated[Path, typer.Argument(help="folder of a recording")],
    hypotheses: Annotated[
        list[str] | None,
        typer.Option(
            "--hypothesis",
            help="a name from --list, regex:PATTERN, or file.py:function of your own; may be repeated. "
            "If not given: all that mean something on this text",
        ),
    ] = None,
    sites: Annotated[list[str], typer.Option(help="glob patterns of the sites to look in")] = ["*"],  # noqa: B006
    fdr: Annotated[float, typer.Option(help="false discovery rate over all units and hypotheses")] = 0.05,
    seed: Annotated[int, typer.Option(help="of the untrained twin, the shifted labels and the random units")] = 0,
    listing: Annotated[
        bool, typer.Option("--list", help="List the hypotheses and stop.", callback=list_hypotheses, is_eager=True)
    ] = False,
) -> None:
    """Find the unit that stands for each hypothesis, and say how sure that is.

    A unit is chosen on one half of the sequences and confirmed on the other, against shifted labels, an untrained
    twin of the network, and the damage of ablating the unit.

    For example: `unitscope find run`, or `unitscope find run --hypothesis digit --hypothesis 'regex:[0-9]+'`
    """
    if not 0 < fdr < 1:
        raise InputError(f"a false discovery rate lies between 0 and 1, not at {fdr}")
    source = Recording.open(recording)
    inputs = Inputs.load(recording)
    network, corpus = inputs.open()
    manifest = source.manifest
    if (network.fingerprint, corpus.fingerprint) != (manifest.model.fingerprint, manifest.corpus.fingerprint):
        raise InputError(f"the network or the text of {recording} has changed since it was recorded; record it again")
    asked = tuple(library.given(name).key for name in hypotheses) if hypotheses else suggested(corpus)
    with console.progress_bar() as show:
        findings = look(source, Search(asked, tuple(sites), fdr, seed), network, corpus, show)
    Found(findings).save(recording)
    print_findings(findings)
    console.out.print(f"next: unitscope report {recording}")


def suggested(corpus: Read) -> tuple[str, ...]:
    """The hypotheses that mean something on a text."""
    count = min(len(corpus), 64)
    sample = "\n".join(corpus.text(number * len(corpus) // count) for number in range(count))
    return tuple(library.suggest(sample))


def print_findings(findings: Findings) -> None:
    """The confirmed findings as a table, and how many of the rest fell."""
    confirmed = findings.confirmed_findings()
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("hypothesis", no_wrap=True)
    table.add_column("unit", overflow="fold")
    for head in ("r", "AUC", "twin", "cost"):
        table.add_column(head, no_wrap=True, justify="right")
    table.add_column("used", no_wrap=True)
    for f in confirmed:
        cost = f"{f.damage.where[f.hypothesis].mean:+.3f}" if f.damage else ""
        numbers = (f"{f.r:+.2f}", f"{f.auc:.2f}", f"{abs(f.twin_r):.2f}", cost)
        table.add_row(f.hypothesis, f.address, *numbers, {True: "yes", False: "no", None: ""}[f.used])
    console.out.print(table)
    console.out.print(
        f"{len(confirmed)} of {len(findings.findings)} hypotheses have a confirmed unit. "
        f"{findings.significant:,} of {findings.tests:,} pairs of unit and hypothesis are significant; "
        f"under shifted labels {findings.shifted_significant:,} are."
    )
    console.out.print("twin: the best |r| of an untrained twin. cost: nats per token where it holds, without the unit.")
