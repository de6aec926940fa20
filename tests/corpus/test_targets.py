"""Targets of one's own: a class per token, one logit, labels per frame, a class per sequence."""

import numpy as np
import pytest
import torch
from torch import nn

import unitscope
from unitscope.analyses.importance import Importance
from unitscope.corpus.open import open_corpus
from unitscope.corpus.stimuli import stimuli
from unitscope.corpus.targets import with_targets
from unitscope.errors import InputError
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live
from unitscope.source.skill import skill

KINDS = ("letter", "mark", "space")


class Tagger(nn.Module):
    """As many scores for each token as it has classes."""

    def __init__(self, symbols, width, channels=None):
        super().__init__()
        self.embed = nn.Linear(channels, 6) if channels else nn.Embedding(symbols, 6)
        self.rnn, self.out = nn.GRU(6, 5, batch_first=True), nn.Linear(5, width)

    def forward(self, x):
        return self.out(self.rnn(self.embed(x))[0])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_text('Ah, (so) it is; no "less".\n' * 9)
    return open_corpus(path, length=30, context=4)


def kinds_of(corpus):
    texts = [corpus.text(number) for number in range(len(corpus))]
    return [np.array(["letter" if c.isalpha() else "space" if c.isspace() else "mark" for c in t]) for t in texts]


def tagger(corpus, width, **more):
    torch.manual_seed(0)
    return ModuleModel(Tagger(len(corpus.vocabulary), width).eval(), **more)


def test_a_class_for_each_token(corpus):
    truth = kinds_of(corpus)
    tagged = with_targets(corpus, truth)
    assert tagged.classes == KINDS
    model = tagger(corpus, 3, classes=tagged.classes)
    batch = tagged.batch(range(len(corpus)))
    for row, words in enumerate(truth):
        there = batch.targets[row][batch.counted[row]]
        assert [KINDS[k] for k in there.tolist()] == words.tolist()
    assert bool((batch.targets[~batch.counted] == -1).all())
    with torch.no_grad():
        logits = model.module(batch.tokens)
        expected = nn.functional.cross_entropy(logits.transpose(1, 2), batch.targets, ignore_index=-1)
    loss = model.run(batch, ["output.loss"])["output.loss"][..., 0]
    assert float(loss[batch.has_target].mean()) == pytest.approx(float(expected), abs=1e-5)
    (site,) = [site for site in model.sites() if site.name == "output.log_prob"]
    assert site.names == KINDS
    damage = Bench(model, tagged, range(3), {}).damage([Edit("rnn.0.hidden", (0,), (3.0,))])
    assert {one.symbol for one in damage.symbols} <= set(KINDS)
    (damages,) = unitscope.analyze(Ablated(model, tagged, "rnn.0.hidden", "error"), [Importance("error")])
    assert damages.predictions == sum(corpus.lengths(range(len(corpus))))


def test_the_majority_is_what_a_tagger_must_beat(corpus):
    tagged = with_targets(corpus, kinds_of(corpus))
    found = skill(Live(tagger(corpus, 3, classes=tagged.classes), tagged))
    counts = np.bincount(np.concatenate([[KINDS.index(w) for w in words] for words in kinds_of(corpus)]))
    shares = counts / counts.sum()
    assert found.unigrams == pytest.approx(-(shares * np.log(shares)).sum(), abs=0.03)
    assert not found.is_skilled


def test_one_logit_says_which_of_two(corpus):
    flagged = with_targets(corpus, "inside-parentheses")
    assert flagged.classes == ("not inside-parentheses", "inside-parentheses")
    model = tagger(corpus, 1, classes=flagged.classes)
    batch = flagged.batch([0, 1])
    truth = torch.cat([corpus.labels("inside-parentheses", number) for number in (0, 1)])
    assert torch.equal(batch.targets[batch.counted].float(), truth)
    read = model.run(batch, ["output.loss", "output.log_prob"])
    with torch.no_grad():
        logit = model.module(batch.tokens)[..., 0][batch.counted]
    expected = nn.functional.binary_cross_entropy_with_logits(logit, truth, reduction="none")
    assert torch.allclose(read["output.loss"][..., 0][batch.counted], expected, atol=1e-6)
    assert torch.allclose(read["output.log_prob"][batch.counted].exp().sum(1), torch.ones(len(truth)), atol=1e-6)


def test_a_label_of_several_values_and_classes_of_the_networks_order(corpus):
    numbered = with_targets(corpus, "parenthesis-depth", classes=("none", "one"))
    assert set(numbered.batch([0]).targets.unique().tolist()) == {0, 1}
    order = ("space", "mark", "letter", "digit")
    tagged = with_targets(corpus, kinds_of(corpus), order)
    batch = tagged.batch([0])
    assert [order[k] for k in batch.targets[batch.counted].tolist()] == kinds_of(corpus)[0].tolist()
    numbers = with_targets(corpus, [np.where(words == "mark", -1, 1) for words in kinds_of(corpus)], ("a", "b"))
    assert int((numbers.batch([0]).targets == 1).sum()) == int((kinds_of(corpus)[0] != "mark").sum())
    assert numbers.fingerprint != tagged.fingerprint != corpus.fingerprint


def test_a_class_for_each_sequence(corpus):
    named = with_targets(corpus, ["a", "b"] * (len(corpus) // 2) + ["a"] * (len(corpus) % 2))
    batch = named.batch([1, 2])
    assert batch.has_target.sum(1).tolist() == [1, 1]
    assert batch.targets[0, int(batch.lengths[0]) - 1] == 1


def test_labels_for_each_frame():
    rng = np.random.default_rng(0)
    voiced = [rng.integers(0, 2, size) for size in (7, 4, 9)]
    sounds = stimuli([rng.normal(size=(len(v), 3)) for v in voiced], targets=voiced)
    torch.manual_seed(0)
    model = ModuleModel(Tagger(0, 1, channels=3).eval(), channels=3, classes=("silent", "voiced"))
    batch = sounds.batch([0, 1, 2])
    with torch.no_grad():
        logit = model.module(batch.tokens)[..., 0][batch.has_target]
    truth = torch.from_numpy(np.concatenate(voiced)).float()
    expected = nn.functional.binary_cross_entropy_with_logits(logit, truth, reduction="none")
    found = model.run(batch, ["output.loss"])["output.loss"][..., 0][batch.has_target]
    assert torch.allclose(found, expected, atol=1e-6)


def test_what_does_not_fit_is_said(corpus):
    with pytest.raises(InputError, match="is no class of the network; there are: letter, mark"):
        with_targets(corpus, kinds_of(corpus), ("letter", "mark"))
    with pytest.raises(InputError, match="shape"):
        with_targets(corpus, np.zeros(3, int))
    with pytest.raises(InputError, match="no-such"):
        with_targets(corpus, "no-such")
    with pytest.raises(InputError, match="a target is 2, and the network has 2"):
        with_targets(corpus, [np.full(n, 2) for n in corpus.lengths(range(len(corpus)))], ("a", "b"))
    with pytest.raises(InputError, match="3 classes are named, and the output is 1 wide, so it says which of two"):
        tagger(corpus, 1, classes=KINDS).sites()
    with pytest.raises(InputError, match="with_targets"):
        tagger(corpus, 3, classes=KINDS).run(corpus.batch([0]), ["output.loss"])


def test_the_page_names_the_classes(corpus, tmp_path):
    tagged = with_targets(corpus, kinds_of(corpus))
    source = Live(tagger(corpus, 3, classes=tagged.classes), tagged)
    recording = unitscope.record(source, tmp_path / "run", sites=["output.log_prob"])
    page = unitscope.page_of(recording, [])
    assert [page.table.row("output.log_prob", unit)["class"] for unit in range(3)] == list(KINDS)
    (said,) = [group for group in page.units["output.log_prob"][1] if group.title == "Class"]
    assert said.views[0].rows == [["mark"]]
