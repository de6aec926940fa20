import numpy as np
import pytest
import torch

from unitscope.corpus import annotated
from unitscope.corpus.annotated import Annotated
from unitscope.errors import InputError
from unitscope.labels import find, known, said

TEXTS = ['He said "yes".\n' * 4, "no quotes\n", '"']


class Counting:
    """Gives the texts and counts how often each was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, document):
        self.asked.append(document)
        return TEXTS[document]


def test_a_part_of_what_a_hypothesis_says_of_the_document():
    says = Annotated(Counting())
    whole = find("inside-double-quotes")(TEXTS[0])
    for start, stop in ((0, len(TEXTS[0])), (10, 12), (5, 5)):
        values = says.labels("inside-double-quotes", 0, start, stop)
        assert values.dtype == torch.float32
        assert values.tolist() == whole[start:stop].astype(float).tolist()


def test_an_annotation_comes_before_a_hypothesis():
    own = {"inside-double-quotes": lambda text: np.arange(len(text)) / 2}
    assert Annotated(Counting(), own).labels("inside-double-quotes", 1, 2, 5).tolist() == [1.0, 1.5, 2.0]


def test_a_document_is_fetched_once_while_it_is_needed(monkeypatch):
    texts, calls = Counting(), []
    own = {"length": lambda text: calls.append(1) or np.full(len(text), len(text))}
    says = Annotated(texts, own)
    for document in (0, 1, 0, 2, 1):
        says.labels("length", document, 0, 1)
        says.labels("inside-double-quotes", document, 0, 1)
    assert (texts.asked, len(calls)) == ([0, 1, 2], 3)
    monkeypatch.setattr(annotated, "KEPT", 12)
    for document in (0, 0, 1, 2):
        says.labels("length", document, 0, 1)
    assert texts.asked == [0, 1, 2]
    says = Annotated(texts, own)
    for document in (0, 0, 1, 2, 1, 0):
        says.labels("length", document, 0, 1)
    assert texts.asked[3:] == [0, 1, 2, 0]


def test_an_annotation_of_another_length():
    with pytest.raises(InputError, match=r"short gave values of shape \(1,\) for a text of 10 characters"):
        Annotated(Counting(), {"short": lambda text: np.zeros(1)}).labels("short", 1, 0, 1)


def test_an_unknown_name():
    with pytest.raises(InputError, match="no label is called 'nothing'"):
        Annotated(Counting()).labels("nothing", 1, 0, 1)


def test_a_name_from_a_file_runs_nothing(tmp_path):
    """Names in recordings, results and edits come here; only what the user asked for in this process is run."""
    mine, words = tmp_path / "mine.py", tmp_path / "words.txt"
    ran = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
    mine.write_text(ran + "def f(text):\n    return [True] * len(text)\n")
    words.write_text("no\n")
    says = Annotated(Counting())
    with pytest.raises(InputError, match="runs only where you ask for it"):
        says.labels(f"{mine}:f", 1, 0, 2)
    assert says.labels(f"words:{words}", 1, 0, 2).tolist() == [0.0, 0.0]
    assert not (tmp_path / "ran").exists()
    said([f"{mine}:f", f"words:{words}"])
    assert (tmp_path / "ran").exists()
    assert Annotated(Counting()).labels(f"{mine}:f", 1, 0, 2).tolist() == [1.0, 1.0]
    assert Annotated(Counting()).labels(f"words:{words}", 1, 0, 3).tolist() == [1.0, 1.0, 0.0]
    assert known(["digit", f"{mine}:f"]) == (f"{mine}:f",)
