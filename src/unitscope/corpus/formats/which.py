"""Which format a file of annotated sentences has: by its ending, or else by what is in it."""

import re
from collections.abc import Iterator
from pathlib import Path

from unitscope.corpus.dialect import DEPENDENCIES, SENTENCES, TAGGED, TREES, Dialect, Notes, ending
from unitscope.corpus.formats.brackets import NOTICES, trees
from unitscope.corpus.formats.conll2012 import BEGIN, ontonotes_sentences
from unitscope.corpus.formats.conllu import COLUMNS, conllu_sentences
from unitscope.corpus.formats.tagged import BORDER, parsed, tagged_sentences
from unitscope.corpus.formats.texts import text_sentences
from unitscope.corpus.formats.word_rows import holds_words, word_row_sentences
from unitscope.corpus.formats.word_table import columns_of, word_table_sentences
from unitscope.corpus.labelled import LOOKED_AT, rows_of_table
from unitscope.corpus.layouts import TEXTS, column_of
from unitscope.corpus.opening import Lines
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.tables import JSON, SEPARATED, Table, is_table, open_table, table_of
from unitscope.errors import InputError


def sentences_of(path: Path, dialect: Dialect, notes: Notes) -> Iterator[Sentence]:
    """The sentences of a file of any format. Raises ``InputError`` where it has none that is known."""
    if path.is_dir() or ending(path) == ".parquet":
        with open_table(path, dialect, notes) as table:
            yield from _of_table(table, dialect, notes)
        return
    with Lines(path, dialect.encoding, notes) as lines:
        kind = ending(path)
        if kind in TREES:
            yield from trees(lines, notes)
        elif kind in DEPENDENCIES:
            yield from conllu_sentences(lines, dialect, notes)
        elif kind in TAGGED:
            yield from tagged_sentences(lines, dialect, notes)
        elif _is_table(lines):
            yield from _of_table(table_of(lines, dialect, notes), dialect, notes)
        else:
            yield from _by_content(lines, dialect, notes)


def _by_content(lines: Lines, dialect: Dialect, notes: Notes) -> Iterator[Sentence]:
    """The sentences of lines whose ending says nothing, or not enough."""
    head = [line for line in lines.head(LOOKED_AT) if line.strip()]
    words = [line for line in head if not line.startswith("#")]
    if any(line.startswith(BEGIN) for line in head[:3]):
        return ontonotes_sentences(lines)
    plus = any("global.columns" in line for line in head[:3])
    if plus or any(_is_dependency(line.split("\t")) for line in words[:3]):
        return conllu_sentences(lines, dialect, notes)
    begin = next((line for line in head if not line.lstrip().startswith(NOTICES)), "")
    if re.match(r"\s*\(\s*(\(|[^\s()]+\s*\()", begin):
        return trees(lines, notes)
    if any(line.startswith(BORDER) for line in head[:3]) or ending(lines.path) == ".conll" or _is_tagged(words):
        return tagged_sentences(lines, dialect, notes)
    raise InputError(
        f"{lines.name} is of no known format of annotated sentences: it begins {(head or [''])[0][:60]!r}; there "
        f"are CoNLL-U ({', '.join(DEPENDENCIES)}), trees ({', '.join(TREES)}), words with tags "
        f"({', '.join(TAGGED)}, .conll) and tables ({', '.join(SEPARATED + JSON)}, .parquet)"
    )


PUBLISHED = re.compile(r"(eng|deu|esp|ned)\.(train|test[abc]?)")
"""The files of CoNLL-2002 and 2003 by their names."""


def _is_dependency(cells: list[str]) -> bool:
    """A number, nine more columns, the seventh a head."""
    return len(cells) == len(COLUMNS) and cells[0][:1].isdigit() and (cells[6].isdigit() or cells[6] == "_")


def _is_tagged(lines: list[str]) -> bool:
    """Words in at least two columns, the same for nearly all, one of which holds tags only."""
    rows = [line.split("\t" if any("\t" in line for line in lines) else None) for line in lines]
    width = len(rows[0]) if rows else 0
    alike = [row for row in rows if len(row) == width]
    if width < 2 or 10 * len(alike) < 9 * len(rows):
        return False
    return any(all(parsed(row[at]) for row in alike) for at in range(1, width))


def _is_table(lines: Lines) -> bool:
    """Whether lines are rows of cells, and not words in columns."""
    kind, head = ending(lines.path), [line for line in lines.head(LOOKED_AT) if line.strip()]
    if kind in (".csv", *JSON):
        return True
    if kind in SENTENCES or not head or _is_tagged(head) or _is_dependency(head[0].split("\t")):
        return False
    widths = {line.count("\t") for line in head}
    return kind in SEPARATED or (len(widths) == 1 and 0 not in widths)


def _of_table(table: Table, dialect: Dialect, notes: Notes) -> Iterator[Sentence]:
    """Rows of words, words in lists, or texts with labels."""
    if columns_of(table):
        return word_table_sentences(table, notes)
    table, first = table.peeked()
    if first is not None and holds_words(first):
        return word_row_sentences(table, notes)
    if table.columns and not dialect.text and not column_of(table.columns, TEXTS, "", "text", table.name):
        raise InputError(
            f"{table.name} has the columns {', '.join(table.columns)}; a table of sentences has the columns sentence "
            "and form (a word a row), tokens (a list of words a row), or a text: --text COLUMN"
        )
    return text_sentences(rows_of_table(table, dialect, notes, bare=True), table.path.name)


def holds_sentences(name: Path | str, dialect: Dialect = Dialect()) -> bool:
    """Whether a file is annotated sentences by its ending, or a table with a word or a list of words a row."""
    path = Path(name)
    if ending(path) in SENTENCES or PUBLISHED.fullmatch(path.name):
        return True
    if not is_table(path) or not path.exists() or (path.is_dir() and not (path / "state.json").exists()):
        return False
    with open_table(path, dialect) as table:
        first = table.peeked()[1]
        return columns_of(table) is not None or (first is not None and holds_words(first))
