"""CoNLL-2012, the columns of OntoNotes: documents with parts of speech, trees, entities, speakers and coreference.

    #begin document (bc/cctv/00/cctv_0000); part 000
    bc/cctv/00/cctv_0000  0  0  Ada  NNP  (TOP(S(NP*)  -  -  -  Speaker#1  (PERSON)  …  (0)

(conll.cemantix.org/2012/data.html).
"""

import re
from collections.abc import Iterator, Sequence

from unitscope.corpus.opening import Lines
from unitscope.corpus.sentence import Sentence, Span, Word
from unitscope.errors import InputError

BEGIN = "#begin document"
END = "#end document"
FEWEST = 12
"""Columns without any predicate."""
FORM, XPOS, TREE, LEMMA, SPEAKER, ENTITY = 3, 4, 5, 6, 9, 10
_NAME = re.compile(r"#begin document\s+\((.*)\);\s*(?:part\s+(\S+))?")
_BITS = re.compile(r"\(([^()*|]+)|([*)])")
_MENTION = re.compile(r"(\()?(\d+)(\))?")


def ontonotes_sentences(lines: Lines) -> Iterator[Sentence]:
    """The sentences of a file; constituents are ``spans``. Labels are ``xpos``, ``lemma``, ``speaker``, ``entity`` and
    ``coref``, the number of the innermost mention's cluster.

    Raises ``InputError`` with file and line for too few columns, and for brackets that do not match.
    """
    document = lines.path.name
    rows: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("#") or not line.strip():
            if rows:
                yield _sentence(rows, document)
            rows = []
            if line.startswith(BEGIN):
                found = _NAME.match(line)
                document = f"{found[1]}, part {found[2]}" if found and found[2] else line[len(BEGIN) :].strip(" ();")
            continue
        cells = line.split()
        if len(cells) < FEWEST:
            raise InputError(
                f"{lines.where}: a line of CoNLL-2012 has at least {FEWEST} columns, this has {len(cells)}; put blanks "
                "between all of them"
            )
        rows.append((lines.where, cells))
    if rows:
        yield _sentence(rows, document)


def _sentence(rows: Sequence[tuple[str, Sequence[str]]], document: str) -> Sentence:
    trees = _spans([(where, cells[TREE]) for where, cells in rows])
    entities = _spans([(where, cells[ENTITY]) for where, cells in rows])
    coref = _coreference([(where, cells[-1]) for where, cells in rows])
    inside = {word: span.label for span in entities for word in range(span.start, span.stop)}
    words, at = [], 0
    for number, (_, cells) in enumerate(rows):
        # A sign that ends sentences stands as /. where it does not end one.
        form = cells[FORM].removeprefix("/") if cells[FORM] in ("/.", "/?", "/-") else cells[FORM]
        labels = {"xpos": cells[XPOS], "lemma": cells[LEMMA], "speaker": cells[SPEAKER]}
        labels = {name: value for name, value in labels.items() if value not in ("-", "_", "*")}
        if number in inside:
            labels["entity"] = inside[number]
        if number in coref:
            labels["coref"] = coref[number]
        words.append(Word(form, at, at + len(form), labels))
        at += len(form) + 1
    return Sentence(" ".join(word.form for word in words), tuple(words), document, rows[0][0], trees or entities)


def _spans(bits: Sequence[tuple[str, str]]) -> tuple[Span, ...]:
    """Stretches told by brackets around an asterisk for each word, a parent before its children."""
    found: list[Span] = []
    open_at: list[int] = []
    for number, (where, bit) in enumerate(bits):
        for label, sign in _BITS.findall(bit):
            if label:
                open_at.append(len(found))
                found.append(Span(number, number, label))
            elif sign == ")":
                if not open_at:
                    raise InputError(f"{where}: {bit!r} closes a bracket that was never opened")
                begun = found[open_at[-1]]
                found[open_at.pop()] = Span(begun.start, number + 1, begun.label)
    if open_at:
        raise InputError(
            f"{bits[found[open_at[-1]].start][0]}: the bracket ({found[open_at[-1]].label} is never closed"
        )
    return tuple(found)


def _coreference(bits: Sequence[tuple[str, str]]) -> dict[int, str]:
    """The cluster of the innermost mention of each word that is in one."""
    inside: dict[int, str] = {}
    current: list[str] = []
    for number, (where, bit) in enumerate(bits):
        marks = _MENTION.findall(bit)
        current += [cluster for opened, cluster, _ in marks if opened]
        if current:
            inside[number] = current[-1]
        for _, cluster, closed in marks:
            if closed and cluster not in current:
                raise InputError(f"{where}: {bit!r} closes a mention of {cluster} that was never opened")
            if closed:
                del current[len(current) - 1 - current[::-1].index(cluster)]
    return inside
