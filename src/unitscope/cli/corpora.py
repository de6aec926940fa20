"""``unitscope data corpora``."""

from typing import Annotated

import typer
from rich.table import Table

from unitscope.cli import console
from unitscope.corpus.download import fetch, named, where
from unitscope.corpus.public import public
from unitscope.errors import InputError

SHOWN = 8
"""Addresses of a corpus that are listed."""


def corpora(
    names: Annotated[
        list[str] | None, typer.Argument(help="corpora to download now, such as warpeace or ud-english-ewt/dev")
    ] = None,
) -> None:
    """List the public corpora that can be named wherever a text is asked for; download some of them now.

    They are kept in the user's cache, or in the folder that the variable UNITSCOPE_CORPORA names, and proved by their
    checksums. For example: `unitscope train text warpeace --out net`
    """
    chosen = {name: named(name) for name in names or ()}
    for name, files in chosen.items():
        if not files:
            raise InputError(f"no public corpus is called {name!r}; there are: {', '.join(public())}")
    for corpus, file in (one for files in chosen.values() for one in files):
        console.out.print(str(fetch(corpus, file)), soft_wrap=True)
    if not names:
        _print_list()


def _print_list() -> None:
    shown = Table("name", "parts", "what", "MB", "licence", "here")
    for corpus in public().values():
        parts = "" if len(corpus.files) == 1 else " ".join(dict.fromkeys(file.part for file in corpus.files))
        here = sum(file.is_at(where(corpus, file)) for file in corpus.files)
        state = "yes" if here == len(corpus.files) else f"{here} of {len(corpus.files)}" if here else ""
        shown.add_row(
            corpus.name,
            parts,
            corpus.says,
            f"{corpus.bytes / 1e6:.1f}" if corpus.bytes else "by hand",
            corpus.licence,
            state,
        )
    console.out.print(shown)
    for corpus in public().values():
        urls = list(dict.fromkeys(file.url for file in corpus.files))
        for url in urls[:SHOWN]:
            console.out.print(f"{corpus.name}: {url}", soft_wrap=True)
        if len(urls) > SHOWN:
            console.out.print(f"{corpus.name}: and {len(urls) - SHOWN} more beside it", soft_wrap=True)
    kept = where(*named(next(iter(public())))[0]).parents[1]
    console.out.print(f"kept in {kept}", soft_wrap=True)
