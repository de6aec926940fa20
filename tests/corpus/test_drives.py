import math

import numpy as np
import pytest
import torch
from scipy import signal

from unitscope.corpus import drives
from unitscope.corpus.drives import Drive, DriveCorpus, Ends
from unitscope.errors import InputError


def test_signals():
    assert drives.step(6, 4).signal.tolist() == [0, 0, 0, 0, 1, 1]
    assert drives.impulse(6, 4).signal.tolist() == [0, 0, 0, 0, 1, 0]
    assert drives.ramp(6, 2).signal.tolist() == [0, 0, 0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(drives.sine(50, 0.1).signal, (1 + np.sin(0.2 * math.pi * np.arange(50))) / 2, atol=1e-12)
    t = np.arange(100)
    chirp = signal.chirp(t, 0.01, 100, 0.2, phi=-90)
    np.testing.assert_allclose(2 * drives.chirp(100, 0.01, 0.2).signal - 1, chirp, atol=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        lambda: drives.step(10, 10),
        lambda: drives.step(10, 1),
        lambda: drives.sine(10, 0.5),
        lambda: drives.chirp(10, 0.2, 0.1),
        lambda: Drive("own", torch.tensor([0.0, math.nan])),
        lambda: drives.each_channel(torch.ones(10, 2)),
        lambda: drives.together(torch.full((10, 2), math.nan)),
        lambda: DriveCorpus([], Ends(torch.zeros(1, 1), torch.ones(1, 1))),
        lambda: DriveCorpus([drives.step()], Ends(torch.zeros(1, 1), torch.ones(1, 1))).labels("sine", 0),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()


def test_ends_come_from_the_data():
    data = torch.stack([torch.arange(101.0), torch.full((101,), 7.0), -torch.arange(101.0)], dim=1)
    own = drives.each_channel(data)
    assert own.start.tolist() == [[5, 7, -50], [50, 7, -95]]
    assert own.end.tolist() == [[95, 7, -50], [50, 7, -5]]
    both = drives.together(data)
    assert both.start.tolist() == [[5, 7, -95]]
    assert both.end.tolist() == [[95, 7, -5]]
    main = drives.principal(data)
    assert main.length.item() == pytest.approx(90 * math.sqrt(2))
    rare = torch.zeros(100, 1)
    rare[3] = 1
    assert drives.each_channel(rare).end.item() == 1, "a symbol that is rare still goes from off to on"


def test_every_drive_along_every_way():
    ends = Ends(torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.tensor([[3.0, 4.0], [1.0, 0.0]]))
    corpus = DriveCorpus([drives.step(6, 3), drives.impulse(4, 2)], ends)
    assert len(corpus) == 4
    assert corpus.lengths(range(4)) == [6, 6, 4, 4]
    batch = corpus.batch([0, 3])
    assert batch.tokens[0, 2:4].tolist() == [[0, 0], [3, 4]]
    assert batch.tokens[1, 1:4].tolist() == [[1, 2], [1, 0], [1, 2]]
    assert batch.counted.sum(1).tolist() == [6, 4]
    assert corpus.labels("step", 0).tolist() == [0, 0, 0, 5, 5, 5]
    assert corpus.labels("step", 3).isnan().all()
    assert corpus.fingerprint != DriveCorpus([drives.step(6, 2), drives.impulse(4, 2)], ends).fingerprint
