"""The study on a made-up treebank: every step, its page, and going on after an interruption."""

import json
import random
from pathlib import Path

import pytest

from unitscope.errors import InputError
from unitscope.studies import runner
from unitscope.studies.library import probing
from unitscope.studies.library.probing import Asked


def bank(path: Path, sentences: int, seed: int) -> None:
    """Short sentences: determiner, noun, verb, determiner, noun, full stop."""
    draw = random.Random(seed)
    nouns = [f"n{chr(97 + i)}{chr(97 + j)}" for i in range(6) for j in range(6)]
    verbs = [f"v{chr(97 + i)}s" for i in range(12)]
    lines = []
    for number in range(sentences):
        if number % 5 == 0:
            lines.append(f"# newdoc id = d{number}")
        words = [
            ("the", "DET", "DT", 2, "det"),
            (draw.choice(nouns), "NOUN", "NN", 3, "nsubj"),
            (draw.choice(verbs), "VERB", "VBZ", 0, "root"),
            ("a", "DET", "DT", 5, "det"),
            (draw.choice(nouns), "NOUN", "NN", 3, "obj"),
            (".", "PUNCT", ".", 3, "punct"),
        ]
        lines.append("# text = " + " ".join(word[0] for word in words))
        lines += [f"{i}\t{w}\t{w}\t{u}\t{x}\t_\t{h}\t{d}\t_\t_" for i, (w, u, x, h, d) in enumerate(words, 1)]
        lines.append("")
    path.write_text("\n".join(lines) + "\n")


def test_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank(tmp_path / "en_ewt-ud-train.conllu", 240, 0)
    monkeypatch.setattr(probing, "find_encoder", lambda given: given)
    out = tmp_path / "study"
    done = runner.do("probing", Asked(quick=True, data=tmp_path), out)
    assert [one.name for one in done.outcomes] == [
        "word LSTM upos 0", "word LSTM trees 0", "word LSTM use 0", "untrained encoder 0", "sums 0",
    ]  # fmt: skip
    values = {one.claim.id: one.value for one in done.claims}
    assert values["shuffled-word LSTM"].mean < 0.1
    assert values["pilot-ceiling"].mean <= 1e-9
    layers = done.outcomes.one(label="upos")["layers"]  # type: ignore[index]
    assert list(layers) == ["embedding", "layer 1", "layer 2"]
    least = min(layers[name]["accuracy"] - layers[name]["twin_accuracy"] for name in ("layer 1", "layer 2"))
    assert values["upos-twin-word LSTM"].mean == pytest.approx(least)
    used = done.outcomes.one(use=30)["used"]["layer 1"]["rows"]  # type: ignore[index]
    costs = {row["name"]: row["cost"] for row in used}
    largest = max(cost for name, cost in costs.items() if name.startswith("8 random"))
    assert values["ranked-weights-8-layer 1"].mean == pytest.approx(costs["8 units by weights"] - largest)
    assert "did not learn to add" in values["sums-mode"].why_not
    tables = json.loads((out / "results.json").read_text())["tables"]
    assert tables["Layers"]["word LSTM, upos"].keys() == layers.keys()
    assert "linear chain" in tables["Trees"]["word LSTM"]
    assert (out / "index.html").stat().st_size > 50_000


def test_the_language_model_learns_other_documents_than_those_that_are_probed(tmp_path: Path) -> None:
    bank(tmp_path / "bank.conllu", 100, 0)
    learnt, read = probing._sentences(tmp_path / "bank.conllu", False)
    assert not {s.document for s in learnt} & {s.document for s in read}
    assert len(learnt) + len(read) == 100


def test_no_treebank(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --data with the folder of UD English EWT"):
        runner.load_study("probing").runs(Asked(data=tmp_path))
