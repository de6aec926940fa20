"""Which column of a table is what: by names that are usual, and published tables that have no head.

SentEval: part, label, sentence. CoLA (GLUE): source, label, mark, sentence. AG News, DBpedia, Yelp, Yahoo (Zhang, Zhao
& LeCun 2015): the number of the class, then title and text. A label and a text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unitscope.errors import InputError

LABELS = ("label", "class", "category", "target", "sentiment")
TEXTS = ("text", "sentence", "content", "review", "question")
PARTS = ("part", "split", "set", "partition")
"""What columns are usually called."""
WORDS = ("form", "token", "word", "tokens", "words", "forms")
KNOWN = frozenset({*LABELS, *TEXTS, *PARTS, *WORDS, "sentence1", "sentence2", "index", "id", "document"})
SENTEVAL = {"tr": "train", "va": "dev", "te": "test"}
"""The parts of SentEval by their usual names."""
Cells = Sequence[str]


def has_head(first: Cells) -> bool:
    """Whether a row names columns: one of the usual names is among them."""
    return bool({cell.strip().lower() for cell in first} & KNOWN)


@dataclass(frozen=True)
class Layout:
    """The columns of a published kind of table."""

    columns: tuple[str, ...]
    holds: Callable[[Sequence[Cells]], bool]
    """Whether columns of cells are of this kind."""
    text: str = "text"
    """What makes the text."""


def headless(rows: Sequence[Cells], alone: bool) -> Layout | None:
    """The published layout without a head in which rows are; None where they are in none.

    ``alone`` says that the file cannot have a head, since its ending is not that of a table.
    """
    if len({len(row) for row in rows}) != 1 or has_head(rows[0]):
        return None
    columns = list(zip(*rows, strict=True))
    for kind in LAYOUTS:
        if len(kind.columns) == len(columns) and kind.holds(columns):
            labels = columns[kind.columns.index("label")]
            # The name of a column stands once; a label comes again.
            if alone or kind not in UNSURE or labels.count(labels[0]) > 1:
                return kind
    return None


def _are_labels(cells: Cells) -> bool:
    return all(cell and not any(sign.isspace() for sign in cell) for cell in cells)


def _have_text(cells: Cells) -> bool:
    return any(" " in cell for cell in cells)


def _begin_with_classes(columns: Sequence[Cells]) -> bool:
    """A number first, and text last."""
    return all(cell.isascii() and cell.isdigit() for cell in columns[0]) and _have_text(columns[-1])


LAYOUTS = (
    Layout(("part", "label", "text"), lambda columns: set(columns[0]) <= SENTEVAL.keys()),
    Layout(
        ("source", "label", "mark", "text"),
        lambda columns: set(columns[1]) <= {"0", "1"} and set(columns[2]) <= {"", "*"},
    ),
    Layout(("label", "text"), _begin_with_classes),
    Layout(("label", "title", "text"), _begin_with_classes, "title,text"),
    Layout(("label", "title", "question", "answer"), _begin_with_classes, "title,question,answer"),
    Layout(("label", "text"), lambda columns: _are_labels(columns[0])),
    Layout(("text", "label"), lambda columns: _are_labels(columns[1]) and _have_text(columns[0])),
)
UNSURE = LAYOUTS[-2:]
"""Those in which a head would look like any row."""


def column_of(columns: Sequence[str], usual: Sequence[str], told: str, option: str, where: str) -> str:
    """The one column that is told, or has a usual name; empty where there is none.

    Raises ``InputError`` where several could be meant.
    """
    if told:
        return told
    found = [name for kind in usual for name in columns if name.lower() == kind]
    if len(found) > 1 and found[0].lower() != usual[0]:
        raise InputError(
            f"{where}: {' and '.join(found)} could each be the {usual[0]}; say which: --{option} {found[0]}"
            + (f", or both: --{option} {','.join(found)}" if option == "text" else "")
        )
    return found[0] if found else ""
