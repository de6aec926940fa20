"""A model in which one site spells the class of every word, and one knows nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.sentence import Sentence, Word
from unitscope.corpus.treebank import TreebankCorpus
from unitscope.errors import InputError
from unitscope.models.edit import Edit
from unitscope.models.site import Site
from unitscope.probing.layers import Probing, probe_layers, untrained_twin
from unitscope.probing.table import ProbeTable
from unitscope.probing.words import divide
from unitscope.source.live import Live
from unitscope.views import to_json

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Spelling:
    """``knows`` reads a word's last letter, which makes its class; ``noise`` is noise. Untrained, both are."""

    checked = None

    trained: bool = True
    name: str = "spelling"
    fingerprint: str = "ab" * 32
    device: torch.device = CPU

    def sites(self) -> tuple[Site, ...]:
        return Site("net.knows", 8), Site("net.noise", 8)

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Edit] = ()) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(int(batch.sequence.sum()))
        noise = torch.randn(*batch.tokens.shape, 8, generator=generator)
        knows = noise + 5 * torch.nn.functional.one_hot(batch.tokens % 8, 8) if self.trained else noise
        return {name: {"net.knows": knows, "net.noise": noise}[name] for name in read}

    def untrained(self, seed: int) -> "Spelling":
        return Spelling(trained=False)

    def describe(self) -> dict[str, str]:
        return {"model": "spelling"}


def bank() -> TreebankCorpus:
    """Sentences of five words whose class is their last letter; every word is new."""
    generator = torch.Generator().manual_seed(0)
    sentences = []
    for i in range(300):
        letters = torch.randint(26, (5, 6), generator=generator)
        letters[:, -1] = torch.randint(3, (5,), generator=generator)
        forms = ["".join(chr(97 + int(c)) for c in word) for word in letters]
        words = tuple(Word(f, 7 * k, 7 * k + 6, {"kind": f[-1]}) for k, f in enumerate(forms))
        sentences.append(Sentence(" ".join(forms), words, f"document {i // 3}", f"made:{i}"))
    return TreebankCorpus(sentences, "made", "characters")


@pytest.fixture(scope="module")
def table() -> ProbeTable:
    corpus = bank()
    source = Live(Spelling(), corpus, batch_size=16)
    twin = untrained_twin(source.model, corpus, source, 0)
    return probe_layers(source, corpus, Probing(labels=("kind",), words=1000), twin)


def test_the_site_that_knows_is_told_from_the_one_that_does_not(table: ProbeTable) -> None:
    knows, noise = table["net.knows", "kind"], table["net.noise", "kind"]
    assert knows.accuracy > 0.99
    assert knows.selectivity > 0.5
    assert knows.q < 1e-6
    assert knows.twin_accuracy < 0.45
    assert knows.codelength < 0.4 * knows.uniform
    assert noise.accuracy < 0.45
    assert abs(noise.selectivity) < 0.15
    assert noise.q > 0.01


def test_controls_learn_nothing_here(table: ProbeTable) -> None:
    """Every word is new, so random classes of types cannot be known, and shuffled labels never."""
    knows = table["net.knows", "kind"]
    assert knows.control < 0.45
    assert knows.shuffled < 0.45
    assert knows.control_codelength > 0.9 * knows.uniform


def test_table_survives_a_save_and_shows_itself(table: ProbeTable, tmp_path: Path) -> None:
    table.save(tmp_path)
    loaded = ProbeTable.load(tmp_path)
    assert list(loaded.rows) == list(table.rows)
    assert [type(view).__name__ for view in loaded.views()] == ["Table", "Lines", "Heatmap", "Heatmap", "Heatmap"]
    assert all(to_json(view) for view in loaded.views())
    assert len(loaded.to_pandas()) == 2
    with pytest.raises(InputError, match="not probed for upos"):
        loaded["net.knows", "upos"]
    (tmp_path / "probing.json").write_text("{}")
    with pytest.raises(InputError, match=r"probing\.json is damaged .*; run unitscope probe again"):
        ProbeTable.load(tmp_path)


def test_without_twin_and_codelength() -> None:
    corpus = bank()
    found = probe_layers(
        Live(Spelling(), corpus), corpus, Probing(labels=("kind",), sites=("*.knows",), words=300, codelength=False)
    )
    (row,) = found.rows
    assert row.accuracy > 0.95
    assert row.q != row.q
    assert "q" not in [field.name for field in found.views()[0].fields]


def test_classes_that_training_lacks_are_counted_and_left_out() -> None:
    corpus = bank()
    how = Probing(labels=("kind",), sites=("*.knows",), words=300, codelength=False)
    tested = set(divide(corpus, range(len(corpus)))[2])
    sentences = [
        replace(s, words=(replace(s.words[0], labels={"kind": "rare"}), *s.words[1:])) if i in tested else s
        for i, s in enumerate(corpus.sentences)
    ]
    rare = TreebankCorpus(sentences, "made", "characters")
    (row,) = probe_layers(Live(Spelling(), rare), rare, how).rows
    assert row.unseen > 0
    assert row.words == 4 * row.unseen
    assert row.accuracy > 0.95


def test_a_part_that_has_only_other_classes() -> None:
    corpus = bank()
    tested = set(divide(corpus, range(len(corpus)))[2])
    sentences = [
        replace(s, words=tuple(replace(w, labels={"kind": "rare"}) for w in s.words)) if i in tested else s
        for i, s in enumerate(corpus.sentences)
    ]
    rare = TreebankCorpus(sentences, "made", "characters")
    how = Probing(labels=("kind",), sites=("*.knows",), words=300, codelength=False)
    with pytest.raises(InputError, match="the test part has only kind that training lacks: rare"):
        probe_layers(Live(Spelling(), rare), rare, how)


def test_one_class_only() -> None:
    corpus = bank()
    same = [replace(s, words=tuple(replace(w, labels={"kind": "a"}) for w in s.words)) for s in corpus.sentences]
    one = TreebankCorpus(same, "made", "characters")
    with pytest.raises(
        InputError, match="every training word with a kind has the same, 'a'; there is nothing to probe"
    ):
        probe_layers(Live(Spelling(), one), one, Probing(labels=("kind",)))


def test_sentences_have_no_control_task() -> None:
    corpus = bank()
    sentences = [replace(s, labels={"end": s.words[-1].labels["kind"]}) for s in corpus.sentences]
    whole = TreebankCorpus(sentences, "made", "characters")
    how = Probing(labels=("end",), sites=("*.knows",), level="sentence")
    (row,) = probe_layers(Live(Spelling(), whole), whole, how).rows
    assert row.accuracy > 0.95
    assert row.control != row.control
    assert row.codelength < row.uniform
    assert row.control_codelength != row.control_codelength


def test_labels_that_there_are_not() -> None:
    corpus = bank()
    with pytest.raises(InputError, match="no training word has a label 'upos'; there are: kind"):
        probe_layers(Live(Spelling(), corpus), corpus, Probing(labels=("upos",)))
    with pytest.raises(InputError, match="no site matches"):
        probe_layers(Live(Spelling(), corpus), corpus, Probing(labels=("kind",), sites=("rnn",)))
