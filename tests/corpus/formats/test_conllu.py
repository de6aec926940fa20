from pathlib import Path

import pytest
from treebanks import CONLLU, treebank, written

from unitscope.corpus.sentence import ROOT
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError


def test_columns_and_places(tmp_path: Path) -> None:
    first, second = read_treebank(written(tmp_path))
    assert [first.text[w.start : w.stop] for w in first.words] == ["I", "do", "n't", "go", "."]
    assert [w.head for w in first.words] == [3, 3, 3, ROOT, 3]
    assert first.words[0].labels == {
        "lemma": "I", "upos": "PRON", "xpos": "PRP", "feats.Case": "Nom", "feats.Number": "Sing",
        "deprel": "nsubj", "deps": "4:nsubj",
    }  # fmt: skip
    assert first.words[3].labels["misc.SpaceAfter"] == "No"
    assert first.document == second.document == "letters"
    assert second.where.endswith("small.conllu:12")


def test_words_share_a_token_that_their_forms_do_not_spell(tmp_path: Path) -> None:
    _, second = read_treebank(written(tmp_path))
    assert [second.text[w.start : w.stop] for w in second.words] == ["Café", "du", "du", "coin"]


def test_empty_nodes_have_no_text(tmp_path: Path) -> None:
    _, second = read_treebank(written(tmp_path))
    (silent,) = second.silent
    assert silent.form == "petit"
    assert silent.start == silent.stop == len("Café du")


def test_text_is_spelled_where_no_comment_gives_it(tmp_path: Path) -> None:
    lines = [line for line in CONLLU.splitlines() if not line.startswith("# text")]
    first, second = read_treebank(written(tmp_path, "\n".join(lines) + "\n"))
    assert first.text == "I don't go."
    assert second.text == "Café du coin"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("4:nsubj\t_\n", "4:nsubj\n", ":4: a line of CoNLL-U has 10 columns"),
        ("4\tgo", "5\tgo", ":8: word 4 was expected"),
        ("\tgo\tgo", "\tgone\tgo", ":8: the word 'gone' does not stand"),
        ("Mood=Ind", "Mood", ":6: FEATS holds 'Mood'"),
        ("\t4\taux", "\t9\taux", ":6: HEAD is '9'"),
        ("2-3\tdon't", "3-4\tdon't", ":5: the multi-word token 3-4"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CONLLU
    with pytest.raises(InputError, match=message):
        read_treebank(written(tmp_path, CONLLU.replace(old, new, 1)))


def test_universal_dependencies() -> None:
    """Counts from the treebank's own statistics."""
    sentences = read_treebank(treebank("UD_English-PUD/en_pud-ud-test.conllu"))
    assert len(sentences) == 1000
    assert sum(len(s.words) for s in sentences) == 21_180
    assert all(s.text[w.start : w.stop] == w.form for s in sentences for w in s.words if " " not in w.form)
