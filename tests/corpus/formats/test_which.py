"""Formats are told by what is in a file where its ending does not say, and each is read through the same door."""

import gzip
import json
from pathlib import Path

import pytest
from treebanks import CONLLU, written

from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.formats.which import holds_sentences
from unitscope.corpus.sentence import ROOT, Sentence, Span
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError


def entities(sentences: list[Sentence]) -> list[tuple[str, str]]:
    return [
        (" ".join(w.form for w in s.words[span.start : span.stop]), span.label) for s in sentences for span in s.spans
    ]


@pytest.mark.parametrize("name", ["a.conllu", "a.conll", "a.txt", "a", "dev.part", "a.conllu.gz"])
def test_dependencies_by_their_columns(tmp_path: Path, name: str) -> None:
    content = CONLLU.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    first, second = read_treebank(tmp_path / name)
    assert [word.head for word in first.words] == [3, 3, 3, ROOT, 3]
    assert second.words[2].form == "le"


def test_conllu_plus_names_its_columns(tmp_path: Path) -> None:
    text = (
        "# global.columns = ID FORM UPOS HEAD PARSEME:MWE\n# newdoc id = x\n1\tso\tADV\t2\t*\n2\twhat\tPRON\t0\t1:VID\n"
    )
    (sentence,) = read_treebank(written(tmp_path, text, "a.conllup"))
    assert [dict(w.labels) for w in sentence.words] == [
        {"upos": "ADV", "parseme:mwe": "*"},
        {"upos": "PRON", "parseme:mwe": "1:VID"},
    ]
    assert [w.head for w in sentence.words] == [1, ROOT]


def test_columns_can_be_told(tmp_path: Path) -> None:
    text = "so\t2\tmood\nwhat\t0\troot\n"
    (sentence,) = read_treebank(written(tmp_path, text, "a.conllu"), Dialect(columns=("form", "head", "deprel")))
    assert [(w.head, w.labels["deprel"]) for w in sentence.words] == [(1, "mood"), (ROOT, "root")]
    with pytest.raises(InputError, match=r"a\.conllu:1: a line of CoNLL-U has 10 columns between tabs, this has 3"):
        read_treebank(tmp_path / "a.conllu")
    with pytest.raises(InputError, match="put tabs between them, not blanks"):
        read_treebank(written(tmp_path, "1 a a X _ _ 0 root _ _\n", "a.conllu"))


@pytest.mark.parametrize("name", ["a.conllx", "a.conll"])
def test_conllx_has_heads_of_its_own(tmp_path: Path, name: str) -> None:
    text = "1\tHun\thun\tP\tPRON\tsg|nom\t2\tSB\t2\tSB\n2\tler\tle\tV\tVERB\t_\t0\tROOT\t0\tROOT\n\n"
    notes = Notes()
    (sentence,) = read_treebank(written(tmp_path, text, name), notes=notes)
    assert sentence.words[0].labels == {
        "lemma": "hun", "upos": "P", "xpos": "PRON", "feats": "sg|nom", "deprel": "SB", "phead": "2", "pdeprel": "SB",
    }  # fmt: skip
    assert f"{name} is CoNLL-X" in list(notes)


CONLL2003 = """-DOCSTART- -X- O O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
# NN I-NP O
lamb NN I-NP O

-DOCSTART- -X- O O

Ada NNP I-NP I-PER
Quist NNP I-NP I-PER
Oslo NNP B-NP I-LOC
"""


@pytest.mark.parametrize("name", ["eng.testa", "train.txt", "a.conll", "a.bio"])
def test_conll2003_as_published(tmp_path: Path, name: str) -> None:
    sentences = read_treebank(written(tmp_path, CONLL2003, name))
    assert [len(sentence.words) for sentence in sentences] == [4, 3]
    assert len({sentence.document for sentence in sentences}) == 2
    assert entities(sentences) == [("EU", "ORG"), ("Ada Quist", "PER"), ("Oslo", "LOC")]
    assert sentences[0].words[2].form == "#"
    assert sentences[0].words[0].labels == {"iob": "B-ORG", "entity": "ORG", "xpos": "NNP", "chunk": "B-NP"}


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-PER I-PER O B-LOC", [("a b", "PER"), ("d", "LOC")]),
        ("I-PER I-PER I-LOC O", [("a b", "PER"), ("c", "LOC")]),
        ("S-PER B-LOC E-LOC O", [("a", "PER"), ("b c", "LOC")]),
        ("U-PER B-LOC I-LOC L-LOC", [("a", "PER"), ("b c d", "LOC")]),
        ("B-X B-X E-X O", [("a", "X"), ("b c", "X")]),
        ("B I O B", [("a b", "entity"), ("d", "entity")]),
        ("PER-B PER-I O LOC-B", [("a b", "PER"), ("d", "LOC")]),
        ("B-PER L-PER O U-LOC", [("a b", "PER"), ("d", "LOC")]),
        ("O E-A I-B B-B", [("b", "A"), ("c", "B"), ("d", "B")]),
    ],
)
@pytest.mark.parametrize("between", [" ", "\t"])
def test_every_scheme_of_tags(tmp_path: Path, tags: str, found: list[tuple[str, str]], between: str) -> None:
    text = "\n".join(between.join(pair) for pair in zip("abcd", tags.split(), strict=True))
    assert entities(read_treebank(written(tmp_path, text + "\n", "a.bio"))) == found


def test_the_column_of_tags_is_found_told_and_said(tmp_path: Path) -> None:
    text = "Ada\tB-NP\tNNP\tB-PER\nsang\tB-VP\tVBD\tO\n\nYes\tB-NP\tUH\tO\n"
    notes = Notes()
    path = written(tmp_path, text, "a.tsv")
    assert entities(read_treebank(path, notes=notes)) == [("Ada", "PER")]
    assert "entities of a.tsv are those of column 4; column 2 has tags too" in list(notes)
    told = read_treebank(path, Dialect(columns=("form", "iob", "xpos", "ner")))
    assert entities(told) == [("Ada", "NP"), ("sang", "VP"), ("Yes", "NP")]
    assert told[0].words[0].labels == {"iob": "B-NP", "entity": "NP", "xpos": "NNP", "ner": "B-PER"}
    with pytest.raises(InputError, match=r"has 4 columns, and --columns names 2"):
        read_treebank(path, Dialect(columns=("form", "iob")))
    with pytest.raises(InputError, match=r"no column holds tags .*--columns"):
        read_treebank(written(tmp_path, "so\tADV\n", "a.bio"))
    with pytest.raises(InputError, match=r"a\.bio:3: 'c X' has 'X' in column 2, which is no tag"):
        read_treebank(written(tmp_path, "a O\nb B-A\nc X\n", "a.bio"), Dialect(columns=("form", "entity")))


CONLL2012 = """\
#begin document (bc/x/00/x_0000); part 000
bc/x/00/x_0000 0 0 Ada NNP (TOP(S(NP* - - - Speaker#1 (PERSON* (ARG0* (0
bc/x/00/x_0000 0 1 Quist NNP *) - - - Speaker#1 *) *) 0)
bc/x/00/x_0000 0 2 sang VBD (VP*) sing 01 1 Speaker#1 * (V*) -
bc/x/00/x_0000 0 3 /. . *)) - - - Speaker#1 * * -

#end document
#begin document (bc/x/00/x_0000); part 001
bc/x/00/x_0000 1 0 Oslo NNP (TOP*) - - - - (GPE) -

#end document
"""


@pytest.mark.parametrize("name", ["a.conll", "a.v4_gold_conll", "a.txt"])
def test_conll2012(tmp_path: Path, name: str) -> None:
    first, second = read_treebank(written(tmp_path, CONLL2012, name))
    assert first.text == "Ada Quist sang ."
    assert first.spans == (Span(0, 4, "TOP"), Span(0, 4, "S"), Span(0, 2, "NP"), Span(2, 3, "VP"))
    assert first.words[1].labels == {"xpos": "NNP", "speaker": "Speaker#1", "entity": "PERSON", "coref": "0"}
    assert first.words[2].labels == {"xpos": "VBD", "lemma": "sing", "speaker": "Speaker#1"}
    assert (first.document, second.document) == ("bc/x/00/x_0000, part 000", "bc/x/00/x_0000, part 001")
    broken = CONLL2012.replace("(TOP(S(NP*", "(TOP(NP*")
    with pytest.raises(InputError, match=r"closes a bracket that was never opened"):
        read_treebank(written(tmp_path, broken, name))


def test_notices_traces_functions_and_escapes(tmp_path: Path) -> None:
    tree = "( (S (NP-SBJ-1 (-NONE- *T*-1)) (NP=2 (CD 1\\/2) (-LRB- -LRB-)) (ADVP-LOC-PRD (`` ``) (RB so))) )"
    text = f"*x* a notice\n{tree}\n"
    notes = Notes()
    (sentence,) = read_treebank(written(tmp_path, text, "a.txt"), notes=notes)
    assert sentence.text == '1/2 ( " so'
    assert sentence.spans == (Span(0, 4, "S"), Span(0, 2, "NP"), Span(2, 4, "ADVP", "LOC-PRD"))
    assert list(notes) == ["lines of notices left out: 1", "traces left out: 1"]


def test_sentiment_trees(tmp_path: Path) -> None:
    (sentence,) = read_treebank(written(tmp_path, "(3 (2 It) (4 (2 's) (4 lovely)))\n", "train.txt"))
    assert sentence.labels == {"sentiment": "3"}
    assert [w.labels["sentiment"] for w in sentence.words] == ["2", "2", "4"]
    assert sentence.spans == (Span(0, 3, "3"), Span(1, 3, "4"))


def test_rows_of_lists_from_json_lines(tmp_path: Path) -> None:
    rows = [
        {"tokens": ["Ada", "sang"], "ner_tags": ["B-PER", "O"], "head": ["2", "0"], "text": "Ada  sang"},
        {"tokens": [], "ner_tags": [], "head": [], "text": ""},
        {"tokens": ["du", "de", "le"], "ner_tags": [None, "O", "O"], "head": ["None", "0", "1"], "text": "x"},
    ]
    notes = Notes()
    path = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "a.jsonl")
    first, second = read_treebank(path, notes=notes)
    assert first.text == "Ada  sang"
    assert [w.head for w in first.words] == [1, ROOT]
    assert first.spans == (Span(0, 1, "PER"),)
    assert [w.head for w in second.words] == [None, ROOT, 1]
    assert list(notes) == ["rows without words left out: 1"]
    for head in ("9", "²", "x"):
        rows[0]["head"] = [head, "0"]
        with pytest.raises(InputError, match=r"a\.jsonl:1: the head is no number"):
            read_treebank(written(tmp_path, json.dumps(rows[0]), "a.jsonl"))


@pytest.mark.parametrize(
    "row",
    [
        {"tokens": ["Ada", "Quist", "sang"], "spans": [[0, 2, "PER"]]},
        {"tokens": ["Ada", "Quist", "sang"], "entities": [{"start": 0, "end": 2, "type": "PER"}]},
        {"text": "Ada Quist sang", "label": [[0, 9, "PER"]]},
        {"text": "Ada Quist sang", "entities": [{"start": 0, "end": 9, "label": "PER"}]},
    ],
)
def test_lists_of_spans(tmp_path: Path, row: dict[str, object]) -> None:
    sentences = read_treebank(written(tmp_path, json.dumps(row), "a.jsonl"))
    assert entities(sentences) == [("Ada Quist", "PER")]


def test_a_tree_in_a_cell(tmp_path: Path) -> None:
    row = {"words": ["it", "works"], "parse_tree": "(TOP (S (NP-SBJ (PRP it)) (VP (VBZ works))))"}
    (sentence,) = read_treebank(written(tmp_path, json.dumps(row), "a.jsonl"))
    assert sentence.spans == (Span(0, 2, "TOP"), Span(0, 2, "S"), Span(0, 1, "NP", "SBJ"), Span(1, 2, "VP"))
    row["parse_tree"] = "(S (NP it))"
    with pytest.raises(InputError, match=r"a\.jsonl:1: the tree .* is not one tree of 2 words"):
        read_treebank(written(tmp_path, json.dumps(row), "a.jsonl"))


def test_rows_of_a_sentence_stand_together(tmp_path: Path) -> None:
    text = "sentence\tform\n1\ta\n2\tb\n1\tc\n"
    with pytest.raises(InputError, match=r"a\.tsv:4: sentence 1 has already been at .*a\.tsv:2; sort the table"):
        read_treebank(written(tmp_path, text, "a.tsv"))
    documents = "document\tsentence\tform\nx\t1\ta\ny\t1\tb\n"
    assert [s.document for s in read_treebank(written(tmp_path, documents, "a.tsv"))] == ["x", "y"]
    sparse = "Sentence #,Word,Tag\nSentence: 1,Ada,B-per\n,sang,O\nSentence: 2,Yes,O\n"
    first, second = read_treebank(written(tmp_path, sparse, "a.csv"))
    assert (first.text, second.text, first.spans) == ("Ada sang", "Yes", (Span(0, 1, "per"),))


def test_letters_composed_otherwise_are_the_same_letters(tmp_path: Path) -> None:
    line = "1\tcafe\u0301\t_\tNOUN\t_\t_\t0\troot\t_\t_\n"
    (sentence,) = read_treebank(written(tmp_path, f"# text = caf\u00e9\n{line}", "a.conllu"))
    assert (sentence.words[0].start, sentence.words[0].stop) == (0, 4)


@pytest.mark.parametrize(
    ("name", "text", "holds"),
    [
        ("a.conllu", "", True), ("a.mrg.gz", "", True), ("a.txt", "so", False), ("a.tsv", "sentence\tform\n", True),
        ("a.tsv", "label\ttext\nx\ty\n", False), ("a.jsonl", '{"tokens": ["a"]}', True),
        ("a.jsonl", '{"text": ""}', False),
    ],
)  # fmt: skip
def test_whether_a_file_holds_sentences(tmp_path: Path, name: str, text: str, holds: bool) -> None:
    assert holds_sentences(written(tmp_path, text, name)) is holds
