"""The declarative question: what is asked, what is read once, when reading stops, what comes back."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score
from treebanks import treebank, written
from word_counters import WORDS, ByWords, Planted, is_word

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, ngrams, sentence_of, words
from unitscope.concepts.fold import Spread
from unitscope.concepts.inspection import inspect
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.corpus.treebank import read_treebank
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.recording.record import record
from unitscope.source.live import Live


class Noisy(Planted):
    """Unit 0 is "the token is cats", unit 1 the same under noise that depends on the place, unit 2 is constant."""

    def __init__(self) -> None:
        def noise(tokens: torch.Tensor) -> torch.Tensor:
            step = torch.arange(tokens.shape[1])
            return torch.sin(tokens * 12.9898 + tokens.cumsum(1) * 7.233 + step * 78.233)

        cats = is_word("cats")
        super().__init__([cats, lambda t: cats(t) + noise(t), lambda t: torch.full(t.shape, 2.0)])
        self.runs = 0

    def run(self, batch, read, edits=()):
        self.runs += len(batch.sequence)
        return super().run(batch, read, edits)


def texts(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS.symbols, random.integers(10, 40))) for _ in range(count)]


TEXTS = texts(100)
CORPUS = Passages([sentence_of(text, str(i), BLANKS) for i, text in enumerate(TEXTS)], "pets", ByWords())
TOKENS = " ".join(TEXTS).split()


def pick(table: pd.DataFrame, unit: int, hypothesis: str, measure: str = "correlation") -> pd.Series:
    rows = table[(table["unit"] == unit) & (table["hypothesis"] == hypothesis) & (table["measure"] == measure)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_form_of_a_hypothesis_at_once() -> None:
    bank = make_bank(CORPUS.sentences, [words]).only([0, 1])

    def long_word(text: str) -> np.ndarray:
        return np.concatenate([[len(w) > 3] * (len(w) + 1) for w in text.split(" ")])[: len(text)]

    model = Noisy()
    asked = ["words:cats,dogs", "regex:[0-9]", "concept:cats", "position-in-line", long_word, bank]
    table = inspect(model, asked, CORPUS, measures=["correlation", "auroc"])
    assert model.runs == 2 * len(TEXTS)  # thresholds of all texts, then everything
    assert set(table["measure"]) == {"correlation", "auroc"}
    assert len(table) == 3 * (5 + 2) * 2
    unit = np.array([word == "cats" for word in TOKENS], float)
    for name, label in {
        "words:cats,dogs": [word in ("cats", "dogs") for word in TOKENS],
        "regex:[0-9]": [word == "7" for word in TOKENS],
        "long_word": [len(word) > 3 for word in TOKENS],
        f"concept:{bank.texts[1]}": [word == bank.texts[1] for word in TOKENS],
    }.items():
        expected = stats.pearsonr(unit, np.array(label, float))[0]
        assert pick(table, 0, name)["value"] == pytest.approx(expected, abs=1e-6), name
    assert pick(table, 0, "concept:cats")["value"] == pytest.approx(1)
    assert pick(table, 0, "concept:cats", "auroc")["value"] == pytest.approx(1)
    constant = table[table["unit"] == 2]
    assert constant[["value"]].isna().all(axis=None)
    assert set(constant["note"]) == {"the unit is constant"}
    assert pick(table, 0, "words:cats,dogs")["note"] == ""
    assert not np.isinf(table.select_dtypes(float)).any(axis=None)


def test_columns_of_a_treebank(tmp_path) -> None:
    sentences = read_treebank(written(tmp_path)) * 8
    symbols = Vocabulary.of("".join(s.text for s in sentences) + "\n")
    corpus = Passages(sentences, "small", Characters(symbols))

    class Vowel(Planted):
        def __init__(self) -> None:
            numbers = torch.tensor([symbols.ids[c] for c in "aiou"])
            super().__init__([lambda tokens: torch.isin(tokens, numbers)])

    table = inspect(Vowel(), ["column:upos=VERB", "column:feats.Number"], corpus)
    assert list(table["hypothesis"]) == ["column:upos=VERB", "column:feats.Number=Sing"]
    # I, do, n't, go, "." and Café, du (its first word's), coin: the letters inside words, VERB is "go".
    letters = "Idon'tgo.Cafédu" + "coin"
    verb = [0] * 6 + [1, 1] + [0] * (len(letters) - 8)
    expected = stats.pearsonr([float(c in "aiou") for c in letters], verb)[0]
    assert table["value"][0] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(table["value"][1])  # always holds where it is defined
    assert table["note"][1] == "the label never changes"
    with pytest.raises(InputError, match=r"no column 'pos'; there are: .*upos"):
        inspect(Vowel(), ["column:pos"], corpus)
    with pytest.raises(InputError, match="never 'Verb'"):
        inspect(Vowel(), ["column:upos=Verb"], corpus)


def test_early_stopping_keeps_its_word() -> None:
    corpus = Passages([sentence_of(text, str(i), BLANKS) for i, text in enumerate(texts(400))], "pets", ByWords())
    asked = ["words:cats", "words:dogs", "regex:[0-9]", "words:home,ran"]
    measures = ["correlation", "auroc"]
    whole = inspect(Noisy(), asked, corpus, measures=measures)
    model = Noisy()
    part = inspect(model, asked, corpus, measures=measures, tolerance=0.05)
    read = part["read"].iloc[0]
    assert read < 0.6
    assert model.runs == pytest.approx(read * 400)
    defined = part["unit"] != 2
    assert (part.loc[defined, "error"] <= 0.05).mean() >= 0.95
    off = (part["value"] - whole["value"])[defined].abs()
    assert (off <= 0.05).mean() >= 0.95
    assert (whole.loc[defined, "error"] == 0).all()
    assert (whole["read"] == 1).all()


def test_only_the_units_and_scores_that_are_wanted() -> None:
    table = inspect(
        Noisy(), ["words:cats", "words:home"], CORPUS,
        measures=["correlation", "difference"], units="planted/0-1", having=["|correlation| > 0.3", "difference > 0.5"],
    )  # fmt: skip
    assert set(table["unit"]) == {0, 1}
    assert set(table["hypothesis"]) == {"words:cats"}
    assert len(table) == 4


def test_a_recording_answers_like_the_model_and_models_stand_side_by_side(tmp_path) -> None:
    corpus = Passages(TEXTS, "pets", ByWords())
    recording = record(Live(Noisy(), corpus), tmp_path / "run")
    live = Live(Noisy(), corpus)
    table = inspect([recording, live], ["words:cats"], units=["planted"])
    assert len(table) == 6
    np.testing.assert_allclose(table["value"][:3], table["value"][3:], atol=1e-6)


def test_groups_of_units_are_scored_on_held_out_documents() -> None:
    table = inspect(Noisy(), ["words:cats", "words:home"], CORPUS, measures=["correlation", "logistic", "logistic-l1"])
    assert pick(table, -1, "words:cats", "logistic")["value"] == pytest.approx(1)
    assert pick(table, -1, "words:cats", "logistic-l1 auroc")["value"] == pytest.approx(1)
    assert pick(table, -1, "words:home", "logistic auroc")["value"] < 0.9


def test_concepts_are_fed_to_the_model() -> None:
    bank = make_bank(CORPUS.sentences, [words]).only([0, 1])
    model = Noisy()
    table = inspect(model, [bank, "concept:cats ran"], CORPUS, measures=["degree", "degree-once"], units="planted/0,2")
    assert model.runs == 2 * 3  # each concept once for each measure, and not the corpus
    assert pick(table, 0, "concept:cats ran", "degree-once")["value"] == 0.5
    length = round(CORPUS.mean_length)
    assert pick(table, 0, "concept:cats ran", "degree")["value"] == pytest.approx(-(-length // 2) / length)
    assert pick(table, 2, f"concept:{bank.texts[0]}", "degree")["value"] == 2
    with pytest.raises(InputError, match="ask for a bank, or for concept:TEXT"):
        inspect(Noisy(), ["words:cats"], CORPUS, measures="degree")


def test_the_spread_over_batches_is_the_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=(12, 2, 3))
    values[:5, 0, 0] = np.nan
    spread = Spread.empty(2, 3)
    for batch in values:
        spread.add(batch)
    expected = values.std(0, ddof=1) / np.sqrt(12)
    np.testing.assert_allclose(spread.error()[1], expected[1])
    assert np.isnan(spread.error()[0, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hypotheses": []}, "nothing is asked"),
        ({"hypotheses": ["digits"]}, "did you mean"),
        ({"hypotheses": ["words:"]}, "says no label"),
        ({"hypotheses": ["digit", "digit"]}, "asked twice"),
        ({"measures": ["r"]}, "no measure is called 'r'"),
        ({"measures": []}, "no measure is asked for"),
        ({"units": "planted/9"}, "numbers up to 2"),
        ({"units": "hidden"}, "no site matches 'hidden'"),
        ({"having": "correlation"}, "is no condition"),
        ({"having": "auroc > 0.9"}, "which is not measured"),
        ({"tolerance": 0.0}, "larger than 0"),
        ({"over": None}, "say over= which corpus"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_read(change, message) -> None:
    model = Noisy()
    question = {"hypotheses": ["digit"], "over": CORPUS} | change
    with pytest.raises(InputError, match=message):
        inspect(model, **question)
    assert model.runs == 0


def test_a_bank_of_other_sentences_is_refused() -> None:
    bank = make_bank(CORPUS.sentences[:10], [words, ngrams(2)])
    with pytest.raises(InputError, match="knows the places of its concepts in 10 sentences"):
        inspect(Noisy(), bank, CORPUS)


def test_parts_of_speech_of_a_real_treebank() -> None:
    sentences = read_treebank(treebank("UD_English-EWT/en_ewt-ud-dev.conllu"))[:60]
    symbols = Vocabulary.of("".join(s.text for s in sentences) + "\n")
    corpus = Passages(sentences, "EWT", Characters(symbols))
    vowels = torch.tensor([float(symbol in "aeiou") for symbol in symbols.symbols])
    model = Planted([lambda tokens: vowels[tokens], lambda tokens: tokens / len(symbols)])
    table = inspect(model, ["column:upos=NOUN"], corpus, measures=["correlation", "difference", "auroc"])
    letters, noun = [], []
    for number, sentence in enumerate(sentences):
        for word, (first, after) in zip(sentence.words, corpus.words(number).tolist(), strict=True):
            letters += [symbols.ids[c] for c in sentence.text[first:after]]
            noun += [word.labels["upos"] == "NOUN"] * (after - first)
    x, y = np.array(letters) / len(symbols), np.array(noun)
    v = vowels.numpy()[letters]
    for unit, values in ((0, v), (1, x)):
        expected = {
            "correlation": np.corrcoef(values, y)[0, 1],
            "difference": values[y].mean() - values[~y].mean(),
        }
        for measure, value in expected.items():
            assert pick(table, unit, "column:upos=NOUN", measure)["value"] == pytest.approx(value, abs=1e-6)
    assert pick(table, 0, "column:upos=NOUN", "auroc")["value"] == pytest.approx(roc_auc_score(y, v), abs=1e-6)
