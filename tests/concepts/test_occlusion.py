import numpy as np
import torch
from torch import nn

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, ngrams, sentence_of, words
from unitscope.concepts.occlusion import losses, occlusion
from unitscope.corpus.labelled import LabelledTexts, symbols_of
from unitscope.corpus.translations import Translations, both_vocabularies
from unitscope.models.module import ModuleModel
from unitscope.networks.bytenet import ByteNet, ByteNetConfig
from unitscope.networks.card import Card
from unitscope.networks.models import model_of

TEXTS = ["so big", "big is big", "it is"]
LABELS = ["x", "x", "y"]
CORPUS = LabelledTexts(TEXTS, LABELS, name="small", vocabulary=symbols_of(TEXTS))


class Counter(nn.Module):
    """The score of class x is how often the letter g occurs."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, tokens, lengths):
        inside = torch.arange(tokens.shape[1]) < lengths[:, None]
        count = ((tokens == CORPUS.vocabulary.ids["g"]) & inside).sum(1) * self.weight
        return torch.stack([count, torch.zeros_like(count)], 1)


def classify(module, batch):
    return module(batch.tokens, batch.lengths).unsqueeze(1).expand(-1, batch.tokens.shape[1], -1)


MODEL = ModuleModel(Counter(), call=classify, logits=lambda scores: scores, hooked=())


def remake(numbers, changed):
    return CORPUS.like(changed, [LABELS[number] for number in numbers])


def loss(count: float, label: str) -> float:
    return float(np.log1p(np.exp(-count if label == "x" else count)))


def test_losses() -> None:
    np.testing.assert_allclose(losses(MODEL, CORPUS), [loss(1, "x"), loss(2, "x"), loss(0, "y")], rtol=1e-6)


def test_change_is_that_of_rewritten_texts() -> None:
    bank = make_bank([sentence_of(text, text, BLANKS) for text in TEXTS], [words, ngrams(2)])
    chosen = [bank.find(text) for text in ("big", "is", "is big")]
    found = occlusion(MODEL, bank, TEXTS, remake, chosen)
    both = loss(0, "x") - loss(1, "x"), loss(0, "x") - loss(2, "x")  # each occurrence in a text is made illegible
    assert found.texts.tolist() == [2, 2, 1]
    np.testing.assert_allclose(found.change, [np.mean(both), 0, loss(1, "x") - loss(2, "x")], atol=1e-6)


def test_a_concept_without_texts_is_undefined() -> None:
    bank = make_bank([sentence_of(text, text, BLANKS) for text in TEXTS], [words])
    bank = type(bank)(bank.table, bank.places[bank.places[:, 0] != bank.find("it")], bank.sentence_count)
    found = occlusion(MODEL, bank, TEXTS, remake, [bank.find("it")])
    assert np.isnan(found.change).all() and found.texts.tolist() == [0]


def test_the_loss_of_a_translation_is_that_of_all_its_symbols() -> None:
    pairs = [("a big dog", "ein Hund"), ("a dog", "Hund"), ("big", "so ein")]
    source, target = both_vocabularies(pairs)
    torch.manual_seed(0)
    config = ByteNetConfig(len(source), len(target), source.ids["<end>"], target.ids["<end>"], 8, (1,))
    net = ByteNet(config).eval()
    model = model_of(net, Card("bytenet", config, source.symbols, target.symbols), "small")

    def again(numbers, said):
        return Translations([(text, pairs[number][1]) for number, text in zip(numbers, said, strict=True)], "small",
                            source, target)  # fmt: skip

    texts = [text for text, _ in pairs]
    bank = make_bank([sentence_of(text, text, BLANKS) for text in texts], [words])
    found = occlusion(model, bank, texts, again, [bank.find("dog"), bank.find("big")])

    def nats(text: str, number: int) -> float:
        batch = again([number], [text]).batch([0])
        scores = torch.log_softmax(net(batch.tokens, batch.lengths, batch.targets), 2)
        wanted = batch.targets[0][batch.targets[0] >= 0]
        return -scores[0, range(len(wanted)), wanted].sum().item()

    illegible = "\N{WATCH}" * 3
    changes = [
        nats(text.replace("dog", illegible), number) - nats(text, number)
        for number, text in ((0, texts[0]), (1, texts[1]))
    ]
    assert found.texts.tolist() == [2, 2]
    np.testing.assert_allclose(found.change[0], np.mean(changes), rtol=1e-4)
    assert abs(found.change[0]) > 1e-4
