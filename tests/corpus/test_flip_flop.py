import pytest

from unitscope.corpus.flip_flop import flip_flop
from unitscope.errors import InputError


def test_the_class_is_the_sign_of_each_last_pulse():
    corpus = flip_flop(3, sequences=6, steps=20, seed=4)
    batch = corpus.batch(range(6))
    for row in range(6):
        state = [0, 0, 0]
        for step in range(20):
            pulses = batch.tokens[row, step].tolist()
            state = [pulse or before for pulse, before in zip(pulses, state, strict=True)]
            name = "".join("+" if bit > 0 else "-" for bit in state)
            assert corpus.classes[int(batch.targets[row, step])] == name
    assert 0.1 < float((batch.tokens[:, 1:] != 0).float().mean()) < 0.3
    assert corpus.fingerprint == flip_flop(3, sequences=6, steps=20, seed=4).fingerprint


@pytest.mark.parametrize("given", [{"bits": 0}, {"rate": 0.0}, {"steps": 0}])
def test_no_task_at_all(given):
    with pytest.raises(InputError, match="flip-flop"):
        flip_flop(**given)
