from pathlib import Path

import pytest
import torch
from treebanks import written

from unitscope.corpus.corpus import Corpus
from unitscope.corpus.translations import END, Translations, both_vocabularies, read_parallel
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

PAIRS = [("ab", "xyz"), ("abc", "x")]


def test_lines_are_pairs(tmp_path: Path) -> None:
    source, target = written(tmp_path, "one\n\nthree\n", "x.en"), written(tmp_path, "eins\nzwei\n drei\n", "x.de")
    assert list(read_parallel(source, target)) == [("one", "eins"), ("three", "drei")]
    with pytest.raises(InputError, match=r"x.en has 3 lines but .*y.de has 1"):
        read_parallel(source, written(tmp_path, "eins\n", "y.de"))
    with pytest.raises(InputError, match="no sentence with its translation"):
        read_parallel(written(tmp_path, "\n", "e"), written(tmp_path, "\n", "f"))
    (tmp_path / "z.de").write_bytes(b"\xe4\n\n\n")
    with pytest.raises(InputError, match="no utf-8 text"):
        read_parallel(source, tmp_path / "z.de")


def test_both_sides_on_one_axis() -> None:
    corpus = Translations(PAIRS, "x", *both_vocabularies(PAIRS))
    assert isinstance(corpus, Corpus)
    batch = corpus.batch([0, 1])
    end, target_end = corpus.vocabulary.ids[END], corpus.target_vocabulary.ids[END]
    assert batch.lengths.tolist() == corpus.lengths([0, 1]) == [4, 3]
    assert batch.tokens[0].tolist() == [0, 1, end, end]
    assert batch.targets[0].tolist() == [0, 1, 2, target_end]
    assert batch.targets[1].tolist() == [0, target_end, -1, -1]
    assert torch.equal(corpus.labels("lower-case", 0).isnan(), torch.tensor([False, False, True, True]))
    assert corpus.take([1]).fingerprint != corpus.fingerprint


def test_vocabularies_that_do_not_fit() -> None:
    source, target = both_vocabularies(PAIRS)
    with pytest.raises(InputError, match="need <end>"):
        Translations(PAIRS, "x", Vocabulary(("a", "b", "c")), target)
    with pytest.raises(InputError, match="without a translation"):
        Translations([("a", "")], "x", source, target)
