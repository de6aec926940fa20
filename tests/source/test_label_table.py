"""Every form of a label over every kind of source."""

from pathlib import Path

import numpy as np
import pytest
import torch
from treebanks import written
from word_counters import ByWords, Planted, is_word

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, sentence_of, words
from unitscope.banks.neighbours import neighbours
from unitscope.corpus.passages import Passages
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.reading import Characters
from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.labels.label import number
from unitscope.models.site import Site
from unitscope.recording.record import record
from unitscope.source.arrays import Arrays
from unitscope.source.label_table import LabelTable
from unitscope.source.live import Live

TEXTS = ["cats dogs 7 ran home", "dogs dogs cats", "home 7 ran"]
CORPUS = Passages([sentence_of(text, str(i), BLANKS) for i, text in enumerate(TEXTS)], "pets", ByWords())
LIVE = Live(Planted([is_word("cats")]), CORPUS)
SYMBOLS = Vocabulary.of(chr(code) for code in range(256))


def long_word(text: str) -> list[bool]:
    """In a word of more than three letters."""
    return [len(word) > 3 for word in text.split(" ") for _ in range(len(word) + 1)][: len(text)]


@number("letters so far")
def so_far(text: str) -> np.ndarray:
    """Letters of the text so far."""
    return np.arange(len(text))


def asked_of(source, *asked, corpus=None) -> tuple[LabelTable, torch.Tensor]:
    table = LabelTable(asked, source, corpus)
    return table, torch.cat([table.labels(number) for number in source.sequences])


def test_every_form_in_one_table(tmp_path: Path) -> None:
    (tmp_path / "pets.txt").write_text("cats\ndogs\n")
    (tmp_path / "mine.py").write_text("def seven(text):\n    return [c == '7' for c in text]\n")
    bank = make_bank(CORPUS.sentences, [words]).only([0, 1])
    bank.save(tmp_path / "bank")
    asked = [
        "words:cats,dogs", f"words:{tmp_path / 'pets.txt'}", "regex:[0-9]", "concept:ran home", "digit",
        f"{tmp_path / 'mine.py'}:seven", long_word, so_far, bank,
    ]  # fmt: skip
    tokens = " ".join(TEXTS).split()
    expected = {
        "words:cats,dogs": [t in ("cats", "dogs") for t in tokens],
        f"words:{tmp_path / 'pets.txt'}": [t in ("cats", "dogs") for t in tokens],
        "regex:[0-9]": [t == "7" for t in tokens],
        "concept:ran home": [False] * 3 + [True] * 2 + [False] * 6,
        "digit": [t == "7" for t in tokens],
        f"{tmp_path / 'mine.py'}:seven": [t == "7" for t in tokens],
        "long_word": [len(t) > 3 for t in tokens],
        "letters-so-far": [3, 8, 10, 14, 19, 3, 8, 13, 3, 5, 9],
        "concept:cats": [t == "cats" for t in tokens],
        "concept:dogs": [t == "dogs" for t in tokens],
    }
    recording = record(LIVE, tmp_path / "run")
    for source in (LIVE, recording):
        table, labels = asked_of(source, *asked, corpus=CORPUS)
        assert table.names == tuple(expected)
        assert len(table) == 10
        assert table.kinds == ("flag",) * 7 + ("number",) + ("flag",) * 2
        assert table.families == (0,) * 7 + (1, 2, 2)
        for k, (name, values) in enumerate(expected.items()):
            assert labels[:, k].tolist() == [float(v) for v in values], name
    assert asked_of(LIVE, f"bank:{tmp_path / 'bank'}")[0].names == ("concept:cats", "concept:dogs")
    near = asked_of(LIVE, f"neighbours:{tmp_path / 'bank'}")[0]
    assert near.names == tuple(f"concept:NEIGHBORS({text})" for text in ("cats", "dogs"))
    assert neighbours(bank).texts == ["NEIGHBORS(cats)", "NEIGHBORS(dogs)"]


@pytest.mark.parametrize("unit", ["characters", "bytes"])
def test_columns_of_annotated_words(tmp_path: Path, unit: str) -> None:
    sentences = read_treebank(written(tmp_path))
    letters = Passages(sentences, "small", Characters(SYMBOLS, unit))
    tree = TreebankCorpus(sentences, "small", unit, SYMBOLS)
    for corpus in (letters, tree):
        source = Live(Planted([is_word("cats")]), corpus)
        table, labels = asked_of(source, "column:upos=VERB", "column:feats.Number", "column:upos=NOUN")
        assert table.names == ("column:upos=VERB", "column:feats.Number=Sing", "column:upos=NOUN")
        assert table.families == (0, 1, 0)
        text = "".join(sentence.text for sentence in sentences)
        symbols = text if unit == "characters" else text.encode().decode("latin-1")
        assert len(labels) == len(symbols)
        verb = [c for c, on in zip(symbols, labels[:, 0], strict=True) if on == 1]
        assert "".join(verb) == "go"
        between = [c for c, value in zip(symbols, labels[:, 0].tolist(), strict=True) if value != value]
        assert set(between) == {" "}
        with pytest.raises(InputError, match=r"no column 'pos'; there are: .*upos"):
            LabelTable(["column:pos"], source)
        with pytest.raises(InputError, match="never 'Verb'"):
            LabelTable(["column:upos=Verb"], source)


def test_annotations_and_speakers_of_arrays() -> None:
    labels = {
        "role:user": torch.tensor([1.0, 1, 0, 0, 0, torch.nan]),
        "role:assistant": torch.tensor([0.0, 0, 1, 1, 1, torch.nan]),
        "trial": torch.arange(6.0),
    }
    source = Arrays({Site("cells", 1): torch.zeros(6, 1)}, [4, 2], token_labels=labels)
    table, values = asked_of(source, "role:", "trial")
    assert table.names == ("role:user", "role:assistant", "trial")
    assert table.kinds == ("flag", "flag", "number")
    assert values[:4].tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 2], [0, 1, 3]]
    assert asked_of(source, "role:user")[0].names == ("role:user",)
    with pytest.raises(
        InputError, match="nobody speaks as 'role:tool' in arrays; there are: role:user, role:assistant"
    ):
        LabelTable(["role:tool"], source)
    table = LabelTable(["digit"], source)
    with pytest.raises(InputError, match="is asked of a text, and arrays has none; its annotations are: role:user"):
        table.labels(0)
    with pytest.raises(InputError, match=r"no label is called 'trail'.*annotations of arrays: role:user"):
        LabelTable(["trail"], source)


def test_arrays_with_a_text_answer_too() -> None:
    document = DocumentText("one", "0", "a7 b8")
    source = Arrays(
        {Site("cells", 1): torch.zeros(5, 1)}, [3, 2], documents=[document], place_of=[Place(0, 0), Place(0, 3)]
    )
    assert asked_of(source, "digit")[1][:, 0].tolist() == [0, 1, 0, 0, 1]


def test_what_cannot_be_asked_is_refused() -> None:
    for asked, message in (
        ([], "nothing is asked"),
        (["digit", "digit"], "'digit' is asked twice"),
        (["digits"], "did you mean digit"),
        (["column:upos"], "the words have no column 'upos'; there are: none"),
        (["role:"], "nobody speaks as 'role:' in .*; there are: "),
        (["bank:nowhere"], "holds no concept bank"),
    ):
        with pytest.raises(InputError, match=message):
            LabelTable(asked, LIVE)
    chars = Live(Planted([is_word("cats")]), Passages(["cats"], "one", Characters(SYMBOLS)))
    other = make_bank([sentence_of("dogs", "0")], [words])
    for bank in (make_bank(CORPUS.sentences, [words]), other):
        with pytest.raises(InputError, match="the bank knows the places of its concepts in"):
            LabelTable([bank], chars)
