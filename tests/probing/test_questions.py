import pytest
import torch
from torch import Tensor

from unitscope.corpus.sentence import Word
from unitscope.errors import InputError
from unitscope.probing.nonlinear import Hidden, fit_nonlinear
from unitscope.probing.questions import alone, asked
from unitscope.probing.words import WordSet


def test_words_as_sentences() -> None:
    sentences = alone(["go", "I", "go"])
    assert [s.text for s in sentences] == ["I", "go"]
    assert sentences[1].words == (Word("go", 0, 2, {}),)


def bags(count: int, seed: int) -> tuple[WordSet, WordSet, Tensor]:
    """A sentence's vector says which of 12 words are in it; half of the questions are about one that is."""
    generator = torch.Generator().manual_seed(seed)
    held = torch.rand(count, 12, generator=generator) < 0.5
    word = torch.randint(12, (count,), generator=generator)
    items = tuple(Word(f"s{i}", 0, 1, {"word": f"w{k}"}) for i, k in enumerate(word.tolist()))
    whole = WordSet({"net": held.float()}, items, torch.arange(count))
    words = WordSet({"net": torch.eye(12)}, tuple(Word(f"w{k}", 0, 1, {}) for k in range(12)), torch.arange(12))
    return whole, words, held[torch.arange(count), word].long()


def test_content_is_read_from_both_and_not_from_the_word() -> None:
    (whole, words, y), (other, _, truth) = bags(1500, 0), bags(300, 1)
    how = Hidden(epochs=20, batch=50, rate=1e-2, width=32)
    accuracy = {}
    for with_sentence in (True, False):
        x, held = (asked(w, words, ["word"], with_sentence).activations["net"] for w in (whole, other))
        assert x.shape[1] == (24 if with_sentence else 12)
        fit = fit_nonlinear([x], y[None], 2, ([held], truth[None]), how)
        accuracy[with_sentence] = float((fit.log_probs(0, held).argmax(1) == truth).float().mean())
    assert accuracy[True] > 0.85
    assert accuracy[False] < 0.6


def test_a_word_without_a_vector() -> None:
    whole, words, _ = bags(5, 0)
    with pytest.raises(InputError, match="no vector for the word '', which the label 'first' asks about"):
        asked(whole, words, ["first"])
