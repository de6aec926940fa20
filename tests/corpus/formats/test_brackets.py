from pathlib import Path

import pytest
from treebanks import DATA, written

from unitscope.corpus.sentence import Span
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError

TREES = """\
(ROOT
  (S (NP-SBJ (PRP I)) (VP (VBP agree) (S (NP (-NONE- *)) (VP (-LRB- -LRB-) (VB go))))))
(NP (NN end))
"""


def test_words_and_constituents(tmp_path: Path) -> None:
    first, second = read_treebank(written(tmp_path, TREES, "small.ptb"))
    assert first.text == "I agree ( go"
    assert [w.labels["xpos"] for w in first.words] == ["PRP", "VBP", "-LRB-", "VB"]
    assert [first.text[w.start : w.stop] for w in first.words] == ["I", "agree", "(", "go"]
    assert first.spans == (
        Span(0, 4, "ROOT"), Span(0, 4, "S"), Span(0, 1, "NP", "SBJ"), Span(1, 4, "VP"), Span(2, 4, "S"),
        Span(2, 4, "VP"),
    )  # fmt: skip
    assert second.spans == (Span(0, 1, "NP"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(S (NN a)", ":1: the tree that begins here is never closed"),
        ("(S (NN a)))", ":1: a bracket closes"),
        ("\nloose (S (NN a))", ":2: 'loose' stands outside"),
        ("(S (NP (-NONE- *)))", ":1: the tree that begins here has no words"),
    ],
)
def test_broken_trees(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_treebank(written(tmp_path, text, "small.ptb"))


def test_gum() -> None:
    files = sorted((DATA / "GUM_clean" / "const").glob("*.ptb"))
    if not files:
        pytest.skip(f"{DATA} is not there")
    sentences = [sentence for file in files[:5] for sentence in read_treebank(file)]
    for sentence in sentences:
        assert sentence.spans[0].start == 0
        assert sentence.spans[0].stop == len(sentence.words)
