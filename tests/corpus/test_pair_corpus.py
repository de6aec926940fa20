import pytest
import torch

from unitscope.corpus.corpus import Corpus
from unitscope.corpus.pair_corpus import START, OutputCorpus, PairVocabulary, SourceCorpus
from unitscope.corpus.pairs import Pair
from unitscope.errors import InputError

PAIRS = [Pair(("0", "t", "t"), ("0", "1", "0"), (0, 1, 2)), Pair(("1", "t"), ("1", "0"))]
SYMBOLS = PairVocabulary.of(PAIRS)


def test_both_are_corpora_in_one_numbering():
    source, output = SourceCorpus(PAIRS, SYMBOLS), OutputCorpus(PAIRS, SYMBOLS)
    assert isinstance(source, Corpus)
    assert isinstance(output, Corpus)
    assert SYMBOLS.joint.symbols == ("0", "1", START, "0", "1", "t")
    assert source.lengths([0, 1]) == [3, 2]
    assert output.lengths([1, 0]) == [2, 3]


def test_a_source_is_laid_out():
    batch = SourceCorpus(PAIRS, SYMBOLS).batch([1, 0])
    assert SYMBOLS.joint.decode(batch.tokens[1].tolist()) == ["0", "t", "t"]
    assert batch.lengths.tolist() == [2, 3]
    assert batch.counted.sum(1).tolist() == [2, 3]
    assert not batch.has_target.any()


def test_an_output_has_its_source_as_context():
    batch = OutputCorpus(PAIRS, SYMBOLS).batch([0, 1])
    assert SYMBOLS.joint.decode(batch.tokens[0].tolist()) == ["0", "t", "t", START, "0", "1"]
    assert batch.context.tolist() == [3, 2]
    assert batch.counted.sum(1).tolist() == [3, 2]
    assert (batch.has_target == batch.counted).all()
    assert SYMBOLS.joint.decode(batch.targets[0, 3:].tolist()) == ["0", "1", "0"]
    assert batch.attend.tolist() == [[-1, -1, -1, 0, 1, 2], [-1] * 6]


def test_labels():
    output = OutputCorpus(PAIRS, SYMBOLS, own_labels={"length": lambda pair: [len(pair.source)] * len(pair.target)})
    ids = SYMBOLS.source_ids
    assert output.labels("attended", 0).tolist() == [ids["0"], ids["t"], ids["t"]]
    assert output.labels("attended", 1).isnan().all()
    assert output.labels("same-place", 1).tolist() == [ids["1"], ids["t"]]
    assert output.labels("target", 1).tolist() == [1, 0]
    assert output.labels("length", 1).tolist() == [2, 2]
    assert SourceCorpus(PAIRS, SYMBOLS).labels("symbol", 1).tolist() == [ids["1"], ids["t"]]
    with pytest.raises(InputError, match="no label 'colour'; there are: target, attended"):
        output.labels("colour", 0)


def test_the_fingerprint_is_of_content_and_side():
    source, output = SourceCorpus(PAIRS, SYMBOLS), OutputCorpus(PAIRS, SYMBOLS)
    assert source.fingerprint == SourceCorpus(list(PAIRS), SYMBOLS, "other name").fingerprint
    assert len({source.fingerprint, output.fingerprint, OutputCorpus(PAIRS[:1], SYMBOLS).fingerprint}) == 3


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        (Pair(("0", "u"), ("1",), where="f.tsv:7"), "f.tsv:7: the source symbol 'u' is not in the vocabulary"),
        (Pair(("0",), ("2",), where="f.tsv:8"), "f.tsv:8: the target symbol '2' is not in the vocabulary"),
        (Pair(("0",), ("1",), (1,)), "beyond the source"),
        (Pair(("0",), ("1",), (0, 0)), "1 symbols of the target have 2 places"),
    ],
)
def test_a_pair_that_does_not_fit_is_refused(pair, says):
    for corpus in (SourceCorpus, OutputCorpus):
        with pytest.raises(InputError, match=says):
            corpus([pair], SYMBOLS)


def test_no_pairs_are_refused():
    with pytest.raises(InputError, match="has no pairs"):
        SourceCorpus([], SYMBOLS)


def test_a_batch_moves_to_a_device():
    batch = OutputCorpus(PAIRS, SYMBOLS).batch([0]).to("cpu")
    assert torch.equal(batch.attend, OutputCorpus(PAIRS, SYMBOLS).batch([0]).attend)
