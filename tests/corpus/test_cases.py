"""Small files of the kinds that other projects stumble over, each with what it says (UNITSCOPE_CASES)."""

import gzip
import io
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from treebanks import DATA
from typer.testing import CliRunner

from unitscope.corpus.dialect import Notes
from unitscope.corpus.labelled import labelled_rows, read_labelled
from unitscope.corpus.open import open_corpus
from unitscope.corpus.rows import rows
from unitscope.corpus.text import TextCorpus
from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.corpus.vocabulary import UnknownSymbols
from unitscope.errors import InputError
from unitscope.networks.lessons.tasks import divide
from unitscope.opening.inputs import Inputs

FILES = Path(os.environ.get("UNITSCOPE_CASES", DATA.parents[1] / "cases")) / "files"
CASES = sorted(path.name for path in FILES.iterdir() if path.name != "expected.json") if FILES.exists() else [""]


def expected(name: str) -> dict[str, Any]:
    if not name:
        pytest.skip(f"{FILES} is not there")
    return dict(json.loads((FILES / "expected.json").read_text(encoding="utf-8"))[name])


def as_it_lies(path: Path, _: Path) -> Path:
    return path


def gzipped(path: Path, folder: Path) -> Path:
    made = folder / f"{path.name.removesuffix('.gz')}.gz"
    made.write_bytes(path.read_bytes() if path.suffix == ".gz" else gzip.compress(path.read_bytes()))
    return made


@pytest.mark.parametrize("door", [as_it_lies, gzipped])
@pytest.mark.parametrize("name", CASES)
def test_every_file_says_what_it_says(name: str, door: Callable[[Path, Path], Path], tmp_path: Path) -> None:
    says = expected(name)
    path = door(FILES / name, tmp_path)
    if "error" in says:
        with pytest.raises(InputError, match=rf"{path.name}:1: {says['error'].partition(': ')[2]}"):
            read_treebank(path)
    elif says["as"].startswith("text") and "text" in says:
        for unit in ("characters", "bytes"):
            corpus = open_corpus(path, unit=unit)
            text = "".join(corpus.text(number) for number in range(len(corpus)))
            whole = text if unit == "characters" else text.encode("latin-1").decode()
            once, _, times = says["text"].partition(" x")
            assert whole == once * int(times or 1)
    elif says["as"] == "texts":
        notes = Notes()
        assert len(list(rows(path, "text", notes=notes))) == says["rows"]
        assert "U+FFFD" in " ".join(notes)
        assert len(read_treebank(path)) == says["rows"]
    elif says["as"].startswith("labelled") or "SentEval" in says["as"]:
        read = read_labelled([str(path)])
        texts = [text for text, _ in read]
        assert texts == says.get("texts", texts)
        assert list(rows(path, "text")) == texts
        assert [sentence.text for sentence in read_treebank(path)] == texts
        if "rows" in says:
            assert (len(texts), max(map(len, texts))) == (says["rows"], says["longest"])
        elif "parts" in says:
            assert texts[0] == says["first text"]
            parts = [row.part for row in labelled_rows([str(path)])]
            assert {part: parts.count(part) for part in parts} == says["parts"]
            assert set(says["labels"]) == {label for _, label in read}
        else:
            assert [label for _, label in read] == says["labels"]
    else:
        sentences = read_treebank(path)
        words = [word for sentence in sentences for word in sentence.words]
        told = says.get("words")
        if isinstance(told, int):
            assert len(words) == told
        elif told and isinstance(told[0], list):
            assert [[word.form, word.labels["upos"]] for word in words] == told
        elif told:
            assert all(word.form in wanted.split(" or ") for word, wanted in zip(words, told, strict=True))
        assert len(sentences) == says.get("sentences", len(sentences))
        assert len({sentence.document for sentence in sentences}) == says.get("documents", 1)
        entities = [
            [" ".join(word.form for word in sentence.words[span.start : span.stop]), span.label]
            for sentence in sentences
            for span in sentence.spans
        ]
        assert entities == says.get("entities", entities)


@pytest.mark.parametrize("name", CASES)
def test_the_commands_read_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``record``, ``ask --over`` and ``probe`` open, and the same from standard input where that has no name."""
    says = expected(name)
    if "error" in says:
        with pytest.raises(InputError, match=says["error"].partition(": ")[2]):
            Inputs(text=(str(FILES / name),)).open()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownSymbols)
        corpus = Inputs(text=(str(FILES / name),)).open()[1]
        content = (FILES / name).read_bytes()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        piped = Inputs(text=("-",)).open()[1]
        assert isinstance(corpus, TextCorpus | TreebankCorpus)
        if isinstance(corpus, TreebankCorpus):
            assert [s.text for s in corpus.sentences] == [s.text for s in read_treebank(FILES / name)]
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
            if name.endswith((".conllu", ".conll")):  # told by their content
                assert [s.text for s in read_treebank("-")] == [s.text for s in corpus.sentences]
        else:
            whole = "".join(corpus.text(n) for n in range(len(corpus)))
            assert "".join(piped.text(n) for n in range(len(piped))) == whole
            if "text" not in says:
                assert "is a table" in corpus.describe()["as read"] or not name.endswith((".csv", ".tsv", ".jsonl"))


@pytest.mark.parametrize("name", CASES)
def test_classifiers_learn_from_what_the_file_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``train classifier FILE`` up to training: its texts and labels, or one sentence on why it cannot."""
    from unitscope.cli import train_texts
    from unitscope.cli.app import app

    says, given = expected(name), []
    monkeypatch.setattr(train_texts, "divide", lambda items, *_, **__: given.extend(items) or divide([("a", "b")]))
    monkeypatch.setattr(train_texts, "by_part", lambda items, *_, **__: given.extend(items) or divide([("a", "b")]))
    done = CliRunner().invoke(app, ["train", "classifier", str(FILES / name)])
    assert isinstance(done.exception, InputError), done.output
    if "labelled" in says["as"] or "SentEval" in says["as"]:
        assert "too few to hold out" in str(done.exception)
        assert given == list(read_labelled([str(FILES / name)]))
    elif says["as"] != "text":  # which is a line of a label and a text
        assert not given and name in str(done.exception)
