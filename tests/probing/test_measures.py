import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from unitscope.probing.measures import macro_f1, matthews, scores


def drawn(words: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(5, (words,), generator=generator)
    logits = torch.randn(words, 5, generator=generator)
    logits[torch.arange(words), y] += 1
    return torch.log_softmax(logits, 1), y


def test_same_as_scikit_learn() -> None:
    log_p, y = drawn()
    found = scores(log_p, y, y, torch.arange(len(y)) // 10)
    said = log_p.argmax(1).numpy()
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, said))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(y, said, average="macro"))
    assert found.mcc == pytest.approx(metrics.matthews_corrcoef(y, said))
    assert found.cross_entropy == pytest.approx(metrics.log_loss(y, log_p.double().softmax(1)) / math.log(2), rel=1e-5)
    assert found.majority == pytest.approx(np.bincount(y).max() / len(y))
    assert found.low < found.accuracy < found.high


def test_undefined_words_are_passed_over() -> None:
    log_p, y = drawn()
    some = torch.where(torch.arange(len(y)) % 2 == 0, -1, y)
    sentence = torch.arange(len(y)) // 10
    assert scores(log_p, some, y, sentence) == scores(log_p[1::2], y[1::2], y, sentence[1::2])


def test_information_of_a_constant_probe_is_none() -> None:
    _, y = drawn()
    prior = ((torch.bincount(y).double() + 0.5) / (len(y) + 2.5)).log()
    found = scores(prior.expand(len(y), 5), y, y, torch.arange(len(y)))
    assert found.information == pytest.approx(0, abs=1e-9)
    assert found.mcc == 0


def test_classes_that_nobody_says_or_has() -> None:
    table = torch.tensor([[3.0, 1, 0], [1, 2, 0], [0, 0, 0]])
    assert macro_f1(table) == pytest.approx((6 / 8 + 4 / 6) / 2)
    truth, said = [0] * 4 + [1] * 3, [0, 0, 0, 1, 0, 1, 1]
    assert matthews(table) == pytest.approx(metrics.matthews_corrcoef(truth, said))


def test_interval_is_wider_when_words_of_a_sentence_agree() -> None:
    y = torch.arange(400) // 20 % 2
    said = torch.zeros(400, 2, dtype=torch.float64) + torch.tensor([0.6, 0.4]).log()
    by_sentence, by_word, by_none = (
        scores(said, y, y, piece) for piece in (torch.arange(400) // 20, torch.arange(400), torch.zeros(400).long())
    )
    assert by_sentence.high - by_sentence.low > 3 * (by_word.high - by_word.low)
    assert math.isnan(by_none.low) and by_none.accuracy == 0.5
