"""A best hypothesis against other data, shifted labels and an untrained twin."""

import numpy as np
import pytest
import torch
from word_counters import WORDS, ByWords, Planted, is_word

from unitscope.concepts.controls import MODEL, SHIFTED, TWIN, ShiftedQuestions, compared, controlled
from unitscope.concepts.questions import Questions
from unitscope.corpus.passages import Passages
from unitscope.errors import InputError
from unitscope.source.live import Live
from unitscope.source.relabelled import Circle


def noise(turn: float):
    def values(tokens: torch.Tensor) -> torch.Tensor:
        step = torch.arange(tokens.shape[1])
        return torch.frac(torch.sin(tokens.cumsum(1) * 12.9898 * turn + step * 78.233) * 43758.5453)

    return values


class Trained(Planted):
    """Unit 0 knows cats, units 1 to 6 are noise; its twin is all noise."""

    checked = None

    def __init__(self, knows: bool = True) -> None:
        first = is_word("cats") if knows else noise(9.1)
        super().__init__([first, *(noise(1.0 + k) for k in range(6))])

    def untrained(self, seed: int) -> "Trained":
        return Trained(False)


RANDOM = np.random.default_rng(0)
CORPUS = Passages([" ".join(RANDOM.choice(WORDS.symbols, 30)) for _ in range(64)], "pets", ByWords())
ASKED = [f"words:{word}" for word in WORDS.symbols]


@pytest.mark.parametrize("measure", ["correlation", "auroc"])
def test_what_is_planted_passes_and_noise_does_not(measure) -> None:
    table = controlled(Trained(), ASKED, CORPUS, measure)
    assert list(dict.fromkeys(table["run"])) == [MODEL, SHIFTED, TWIN]
    own = table[table["run"] == MODEL].set_index("unit")
    assert own.loc[0, "hypothesis"] == "words:cats"
    assert own.loc[0, "value"] == pytest.approx(1)
    assert own.loc[0, "q"] < 1e-6
    for run in (SHIFTED, TWIN):
        part = table[table["run"] == run]
        assert (part["q"] < 0.05).sum() <= 1
        assert (part["value"] - (0.5 if measure == "auroc" else 0)).abs().max() < 0.2
    summary = compared(table, measure).set_index("run")
    assert summary.loc[MODEL, "held_out"] > summary.loc[TWIN, "held_out"]
    assert summary.loc[SHIFTED, "chosen"] > summary.loc[SHIFTED, "held_out"]
    assert summary.loc[MODEL, "significant"] >= 1
    assert np.isfinite(summary.loc[TWIN, ["less", "low", "high"]].to_numpy(float)).all()


def test_shifted_labels_keep_their_lengths_and_lose_their_place() -> None:
    questions = Questions(ASKED[:2], Live(Trained(), CORPUS), CORPUS)
    circle = Circle({number: number for number in range(64)}, lambda number: len(questions.labels([number])), seed=0)
    off = ShiftedQuestions(questions, circle)
    every = questions.labels(range(64))
    twice = torch.cat([every, every])
    for number in (3, 63):
        own, moved = questions.labels([number]), off.labels([number])
        assert len(moved) == len(own)
        assert any(torch.equal(moved, twice[at : at + len(own)]) for at in range(len(every)))
    assert off.labels([3, 5]).shape == questions.labels([3, 5]).shape
    assert not torch.equal(off.labels(range(64)), every)
    assert off.hypotheses is questions.hypotheses


def test_what_has_no_value_of_no_skill_is_refused() -> None:
    with pytest.raises(InputError, match="iou has no value of no skill"):
        controlled(Trained(), ASKED, CORPUS, "iou")
    with pytest.raises(InputError, match="too few documents"):
        controlled(Trained(), ASKED, Passages(["cats ran"] * 4, "few", ByWords()))
