"""From lists of words and of what is known of each to a sentence, for every format that has them as lists."""

from collections.abc import Mapping, Sequence
from itertools import takewhile

from unitscope.corpus.formats.tagged import entity, parsed, spans
from unitscope.corpus.sentence import ROOT, Sentence, Span, Word, place
from unitscope.errors import InputError

HEADS = ("head", "heads")
"""How a column of heads is called: 0 for the root, or the number of a word from 1."""
ENTITIES = ("ner", "entit", "iob", "bio", "tag")
"""What is in the names of columns whose tags are entities, the likeliest first."""


def sentence_of(
    forms: Sequence[str],
    columns: Mapping[str, Sequence[str | None]],
    document: str,
    where: str,
    *,
    text: str = "",
    said: Sequence[Span] = (),
    labels: Mapping[str, str] | None = None,
) -> Sentence:
    """A sentence of words, which stand apart by one space where there is no ``text``; None is an undefined label.

    Heads make a tree; a column of tags of entities (B-PER, O) makes ``spans`` and the label ``entity``, unless spans
    are ``said``. Raises ``InputError`` for heads that are no words of the sentence.
    """
    kept = {name: values for name, values in columns.items() if name not in HEADS}
    heads = next((_heads(columns[name], where) for name in HEADS if name in columns), [None] * len(forms))
    tags = _tags(kept)
    words: list[Word] = []
    cursor = 0
    whole = text or " ".join(forms)
    for number, form in enumerate(forms):
        start, cursor = place(whole, form, cursor, where)
        found = {name: value for name, values in kept.items() if (value := values[number]) is not None}
        if tags:
            found |= entity(tags[number])
        words.append(Word(form, start, cursor, found, heads[number]))
    return Sentence(whole, tuple(words), document, where, tuple(said) or spans(tags), labels=labels or {})


def _heads(values: Sequence[str | None], where: str) -> list[int | None]:
    """Heads as numbers from 0. Words without one are not counted: they are multi-word tokens beside their words."""
    told = [None if value in (None, "None", "_", "") else value for value in values]
    places = [number for number, value in enumerate(told) if value is not None]
    heads: list[int | None] = []
    for value in told:
        if value is None:
            heads.append(None)
        elif not (value.isascii() and value.isdigit()) or int(value) > len(places):
            raise InputError(
                f"{where}: the head is no number: {value!r}; it is 0 for the root, or the number of a word from 1 to "
                f"{len(places)}"
            )
        else:
            heads.append(places[int(value) - 1] if int(value) else ROOT)
    return heads


def _tags(columns: Mapping[str, Sequence[str | None]]) -> list[str]:
    """The tags of the column that has entities; empty where none has."""
    found = {}
    for name, values in columns.items():
        tags = [value or "O" for value in values]
        marked = [tag for tag in tags if tag != "O"]
        if marked and all("-" in tag and parsed(tag) for tag in marked):
            found[name] = tags
    return min(found.items(), key=lambda item: _rank(item[0]), default=("", []))[1]


def _rank(name: str) -> int:
    return len(list(takewhile(lambda part: part not in name.lower(), ENTITIES)))


def spans_between(items: Sequence[object], words: Sequence[tuple[int, int]], where: str) -> tuple[Span, ...]:
    """Spans told by first, one after the last, and label (``[0, 2, "PER"]``, or values called so), as words.

    ``words`` are the first character of each word and the one after its last where spans count characters; of each word
    its number and the next where they count words.
    """
    found = []
    for item in items:
        start, stop, label = _told(item, where)
        inside = [number for number, (first, after) in enumerate(words) if first < stop and after > start]
        if not inside:
            raise InputError(f"{where}: no word stands in the span from {start} to {stop}; spans end after their last")
        found.append(Span(inside[0], inside[-1] + 1, label))
    return tuple(sorted(found, key=lambda span: (span.start, -span.stop)))


def _told(item: object, where: str) -> tuple[int, int, str]:
    if isinstance(item, Mapping):
        names = (("start", "begin"), ("end", "stop"), ("label", "type", "tag", "entity"))
        found = [next((item[name] for name in kinds if name in item), None) for kinds in names]
    else:
        found = list(item) if isinstance(item, list | tuple) else []
    if len(found) == 3 and isinstance(found[0], int) and isinstance(found[1], int) and found[2] is not None:
        return found[0], found[1], str(found[2])
    raise InputError(f"{where}: {item!r} is no span; a span is its start, its end and its label")
