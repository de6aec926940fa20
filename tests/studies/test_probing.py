"""The study on a made-up treebank: every step, its page, and going on after an interruption."""

import json
import random
from pathlib import Path

import pytest

from unitscope.errors import InputError
from unitscope.studies import probing
from unitscope.studies.probing.layers import interval
from unitscope.studies.probing.steps import Steps


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
    bank(tmp_path / "en_ewt-ud-train.conllu", 150, 0)
    bank(tmp_path / "en_ewt-ud-dev.conllu", 120, 1)
    monkeypatch.setattr(probing, "find_encoder", lambda given: given)
    shown: list[tuple[str, int, int]] = []
    out = tmp_path / "study"
    checks = probing.run(out, lambda *what: shown.append(what), data=tmp_path, words=200, quick=True)
    assert shown[-1][1] == shown[-1][2]
    by_id = {check.id: check for check in checks}
    assert by_id["word LSTM-shuffled"].met
    assert by_id["pilot-ceiling"].met
    results = json.loads((out / "results.json").read_text())
    layers = results["figures"]["layers"]["word LSTM"]["upos"]
    assert list(layers) == ["embedding", "layer 1", "layer 2"]
    mean, low, high = layers["layer 1"]["accuracy"]
    assert low <= mean <= high
    assert "What layers know of words" in (out / "index.html").read_text(encoding="utf-8")
    # Again: every step is there already, so nothing is measured and nothing changes.
    monkeypatch.setattr(probing, "run_pilot", lambda **_: pytest.fail("measured again"))
    assert probing.run(out, lambda *_: None, data=tmp_path, words=200, quick=True) == checks


def test_no_treebank(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --data with the folder of UD English EWT"):
        probing.run(tmp_path, lambda *_: None, data=tmp_path)


def test_other_settings_are_another_step(tmp_path: Path) -> None:
    steps = Steps(tmp_path, lambda *_: None, 3)
    assert steps("one", {"n": 1}, lambda: {"x": 1}) == {"x": 1}
    assert steps("one", {"n": 1}, lambda: {"x": 2}) == {"x": 1}
    assert steps("one", {"n": 2}, lambda: {"x": 2}) == {"x": 2}


def test_interval_against_the_textbook() -> None:
    mean, low, high = interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert (high - low) / 2 == pytest.approx(4.302653 / 3**0.5)
    assert interval([1.0])[0] == 1.0
