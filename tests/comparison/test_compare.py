import dataclasses

import numpy as np
import pytest
import torch
from planted import one_site, planted

from unitscope.analyses.association import Association
from unitscope.analyses.correlation import Correlation
from unitscope.analyses.moments import Moments
from unitscope.comparison.compare import compare
from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.models.module import ModuleModel
from unitscope.models.site import Site
from unitscope.networks.char import CharConfig, CharNet
from unitscope.recording.record import record
from unitscope.source.live import Live
from unitscope.source.subset import Subset

LENGTHS = [15] * 40


def two(tokens=600):
    generator = torch.Generator().manual_seed(0)
    x = torch.tanh(torch.randn(tokens, 5, generator=generator))
    noise = torch.randn(tokens, 7, generator=generator)
    y = torch.cat([x[:, [2, 0, 1]] + 0.05 * noise[:, :3], torch.tanh(noise[:, 3:])], 1)
    return one_site(x, LENGTHS, name="a"), one_site(y, LENGTHS, name="b", batch=3)


def net(seed, symbols, units=4):
    torch.manual_seed(seed)
    return ModuleModel(CharNet(CharConfig(symbols, "lstm", units=units)), name=f"net{seed}")


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("One two three. " * 60)
    return open_corpus(path, length=32), open_corpus(path, length=64)


def test_planted_partners_stand_side_by_side():
    a, b = two()
    found = compare(a, b)
    table = found.to_pandas()
    assert table["partner"][:3].tolist() == [1, 2, 0]
    assert (table["held-out r"][:3] > 0.9).all()
    assert (table["explained"][:3] > 0.9).all()
    assert table["explained"][3:5].abs().max() < 0.1
    # Two units of b are nobody's partner.
    assert table.index.get_level_values("unit").tolist()[5:] == [-1, -1]
    means = next(iter(b.values.values())).mean(0)[table["partner"].tolist()]
    np.testing.assert_allclose(table["mean, b"], means, atol=1e-6)
    similar = found.similarity().loc["planted"]
    assert similar.loc["A – B", "debiased_cka"] > 0.3
    assert abs(similar.loc["out of step", "debiased_cka"]) < 0.02
    assert np.nanmean(np.abs(found.sites[0].control.confirmed)) < 0.1
    assert (found.sequences, found.tokens) == (40, 600)


def test_summaries_are_those_of_analyze():
    a, b = two()
    found = compare(a, b, analyses=[Moments()])
    for source, results in zip((a, b), found.results, strict=True):
        expected = analyze(source, [Moments()]).to_pandas()
        np.testing.assert_allclose(results.to_pandas().to_numpy(), expected.to_numpy(), rtol=1e-5)


def test_other_pairs_are_measured_in_the_same_pass():
    a, b = two()
    found = compare(a, b, twins={"A – A": (a, a), "B – A": (b, dataclasses.replace(b))}, pairs={"planted": "planted"})
    similar = found.similarity().loc["planted"]
    assert similar.loc["A – A", "cka"] == pytest.approx(1)
    assert similar.loc["B – A", "units a"] == 5


def test_a_network_and_its_recording_are_the_same(texts, tmp_path):
    corpus, _ = texts
    model = net(0, len(corpus.vocabulary))
    kept = record(Live(model, corpus, 5), tmp_path / "run", ["rnn.*"])
    found = compare(Live(model, corpus), kept, ["*.hidden", "*.forget_gate"])
    for _, row in found.similarity().iterrows():
        if row.name[1] == "A – B":
            assert row["cka"] == pytest.approx(1) and row["pwcca"] == pytest.approx(1, abs=1e-6)
    assert (found.to_pandas()["partner"] == found.to_pandas().index.get_level_values("unit")).all()


def test_sites_of_other_names_can_be_pairs(texts):
    corpus, _ = texts
    one, other = net(0, len(corpus.vocabulary)), net(1, len(corpus.vocabulary), units=3)
    found = compare(Live(one, corpus), Live(other, corpus), pairs={"rnn.0.hidden": "rnn.0.cell"})
    assert found.similarity().index[0][0] == "rnn.0.hidden – rnn.0.cell"
    assert found.similarity().iloc[0][["units a", "units b"]].tolist() == [4, 3]


def test_different_corpora_are_refused_with_what_differs(texts):
    short, long = texts
    model = net(0, len(short.vocabulary))
    with pytest.raises(InputError, match=r"different corpora .*32.* against .*64"):
        compare(Live(model, short), Live(model, long))
    a, b = two()
    tokens = torch.arange(600) % 26
    tokens[3] = 0
    with pytest.raises(InputError, match="token 3 of sequence 0 differs"):
        compare(a, dataclasses.replace(b, token_ids=tokens))
    with pytest.raises(InputError, match="lengths"):
        compare(a, dataclasses.replace(b, sequence_lengths=[30] * 20 + [0] * 20))


def test_only_common_sequences_are_compared():
    a, b = two()
    found = compare(Subset(a, range(30), "most"), Subset(b, range(10, 40), "others"))
    assert found.sequences == 20
    with pytest.raises(InputError, match="no sequence in common"):
        compare(Subset(a, range(10), "first"), Subset(b, range(10, 40), "others"))


def test_what_cannot_be_compared_is_refused():
    a, _ = two()
    other = planted({Site("elsewhere", 5): torch.zeros(600, 5)}, LENGTHS)
    with pytest.raises(InputError, match=r"planted.*elsewhere.*pairs"):
        compare(a, other)
    with pytest.raises(InputError, match="no site matches"):
        compare(a, a, pairs={"planted": "hidden"})
    with pytest.raises(InputError, match="association needs"):
        compare(a, a, analyses=[Association(("digit",))])
    assert compare(a, a, analyses=[Correlation()]).results[0].sites() == ["planted"]
