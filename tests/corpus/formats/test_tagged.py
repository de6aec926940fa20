from pathlib import Path

import pytest
from treebanks import treebank, written

from unitscope.corpus.formats.tagged import spans
from unitscope.corpus.sentence import Span
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError


def test_tags_and_entities(tmp_path: Path) -> None:
    (first, second) = read_treebank(written(tmp_path, "in\tO\nNew\tB-LOC\nYork\tI-LOC\n\nBo\tB-PER\n", "small.bio"))
    assert first.text == "in New York"
    assert first.spans == (Span(1, 3, "LOC"),)
    assert first.words[0].labels == {"iob": "O"}
    assert first.words[2].labels == {"iob": "I-LOC", "entity": "LOC"}
    assert second.words[0].form == "Bo"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-A", "B-A", "I-A"], [(0, 1, "A"), (1, 3, "A")]),
        (["O", "I-A", "I-B"], [(1, 2, "A"), (2, 3, "B")]),
        (["B-A", "O", "B-A"], [(0, 1, "A"), (2, 3, "A")]),
        (["O", "O"], []),
    ],
)
def test_spans(tags: list[str], expected: list[tuple[int, int, str]]) -> None:
    assert spans(tags) == tuple(Span(*item) for item in expected)


def test_line_without_a_tag(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r":2: 'here' has no word"):
        read_treebank(written(tmp_path, "in\tO\nhere\n", "small.bio"))


def test_universal_ner() -> None:
    sentences = read_treebank(treebank("UNER_English-EWT/en_ewt-ud-dev.iob2"))
    assert len(sentences) == 2001
    assert {span.label for s in sentences for span in s.spans} >= {"PER", "LOC", "ORG"}
