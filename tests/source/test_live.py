import torch
from toys import ToyCorpus, ToyModel

from unitscope.source import live
from unitscope.source.live import Live


def read(source):
    parts = [chunks["toy.sum"] for chunks in source.chunks(["toy.sum"])]
    return len(parts), torch.cat([part.activations for part in parts]), torch.cat([part.tokens for part in parts])


def test_a_batch_of_many_symbols_is_divided(monkeypatch):
    source = Live(ToyModel(), ToyCorpus(6), 3)
    count, whole, tokens = read(source)
    assert count == 2
    monkeypatch.setattr(live, "ROOM", 1)
    count, divided, same = read(source)
    assert count == 6
    assert torch.equal(whole, divided) and torch.equal(tokens, same)
