import gzip
import math

import numpy as np
import pandas as pd
import pytest
import torch

from unitscope.corpus.series import SeriesCorpus, forecasting, labelled, labelled_steps, read_table
from unitscope.errors import InputError


def table(rows=60):
    t = np.arange(rows)
    return pd.DataFrame({"day": t, "a": np.sin(t), "b": 3.0 * t + 7})


def test_windows_are_followed_by_their_target():
    train, test = forecasting(table(), ["a", "b"], target="b", window=5, train=0.8)
    cut = 48
    assert len(train) == cut - 5
    assert len(test) == 60 - cut - 5
    raw = table()[["a", "b"]].to_numpy()
    mean, deviation = raw[:cut].mean(0), raw[:cut].std(0)
    batch = test.batch([2])
    np.testing.assert_allclose(batch.tokens[0], ((raw - mean) / deviation)[cut + 2 : cut + 7], rtol=1e-5)
    assert batch.has_target.tolist() == [[False] * 4 + [True]]
    assert batch.targets[0, 4].item() == pytest.approx((raw[cut + 7, 1] - mean[1]) / deviation[1], rel=1e-5)
    last_seen = train.spans[-1][1]  # its target is the row after the window
    assert last_seen < cut <= test.spans[0][0]
    assert torch.equal(test.labels("b", 2), batch.tokens[0, :, 1])


def test_rows_become_sequences():
    frame = pd.DataFrame({"x0": [1, 2], "x1": [3, 4], "x2": [5, 6], "x3": [7, 8], "kind": ["up", "down"]})
    corpus = labelled(frame, "kind", steps=2)
    batch = corpus.batch([1, 0])
    assert batch.tokens.tolist() == [[[2, 4], [6, 8]], [[1, 3], [5, 7]]]
    assert corpus.classes == ("down", "up")
    assert batch.targets.tolist() == [[-1, 0], [-1, 1]]
    assert corpus.vocabulary.symbols == ("down", "up", "·")
    assert corpus.labels("class=up", 0).tolist() == [1, 1]
    other = labelled(frame, "kind", steps=2, classes=("up", "down", "flat"))
    assert other.batch([0]).targets[0, -1] == 0
    assert len(corpus.take([1])) == 1
    assert corpus.take([1]).fingerprint != corpus.fingerprint


def test_steps_have_labels_of_their_own():
    frame = pd.DataFrame({"id": [7, 7, 7, 3, 3], "x": [1.0, 2, 3, 4, 5], "kind": list("HHCCE")})
    corpus = labelled_steps(frame, "id", ["x"], "kind")
    assert corpus.lengths(range(2)) == [3, 2]
    batch = corpus.batch([0, 1])
    assert batch.targets.tolist() == [[2, 2, 0], [0, 1, -1]]
    assert batch.counted.sum().item() == 5


def test_files(tmp_path):
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_text("x,y\n1,2\n")
    with gzip.open(packed, "wt") as file:
        file.write(plain.read_text())
    assert read_table(plain).equals(read_table(packed))
    odd = tmp_path / "b.csv"
    odd.write_text("x,y\n1,2,3\n4,5,6\n")  # newer files have columns that their header does not name
    assert read_table(odd).to_numpy().tolist() == [[1, 2], [4, 5]]
    with pytest.raises(InputError, match=r"missing\.csv"):
        read_table(tmp_path / "missing.csv")


def test_bad_series_are_refused_before_any_work():
    good = table()
    holes = good.assign(a=good["a"].where(good["day"] != 17))
    with pytest.raises(InputError, match="a is 'nan' in row 17"):
        forecasting(holes, ["a"])
    with pytest.raises(InputError, match="'x'"):
        forecasting(good.assign(a="x"), ["a"])
    with pytest.raises(InputError, match="b is constant"):
        forecasting(good.assign(b=good["b"].where(good["day"] >= 48, 7)), ["a", "b"], window=3)
    with pytest.raises(InputError, match="constant"):
        forecasting(good.assign(b=7), ["b"])
    with pytest.raises(InputError, match="no column 'c'"):
        forecasting(good, ["c"])
    with pytest.raises(InputError, match="shorter window"):
        forecasting(good, ["a"], window=30)
    frame = pd.DataFrame({"x0": [1, 2], "x1": [3, 4], "kind": ["up", "down"]})
    with pytest.raises(InputError, match="'down' is a label that was not there in training"):
        labelled(frame, "kind", 1, classes=("up",))
    with pytest.raises(InputError, match="missing in 1"):
        labelled(frame.assign(kind=["up", None]), "kind", 1)
    with pytest.raises(InputError, match="cannot be cut"):
        labelled(frame, "kind", 3)
    with pytest.raises(InputError, match="no rows"):
        labelled(frame.head(0), "kind", 1)


def test_labels_per_frame_and_the_channels_that_are_kept() -> None:
    values = torch.arange(12.0).reshape(6, 2)  # [row channel]
    loud = torch.tensor([0.0, 1, 0, 1, 1, math.nan])
    spans = [(0, 3), (3, 6)]
    corpus = SeriesCorpus("s", values, torch.zeros(6), spans, ("low", "high"), frames={"loud": loud}, kept=("low",))
    assert list(corpus.annotations) == ["low", "loud"]
    assert corpus.labels("loud", 0).tolist() == [0, 1, 0]
    assert corpus.labels("high", 1).tolist() == [7, 9, 11]
    assert corpus.fingerprint != SeriesCorpus("s", values, torch.zeros(6), spans, ("low", "high")).fingerprint
    with pytest.raises(InputError, match="the label loud has 2 values for 6 rows"):
        SeriesCorpus("s", values, torch.zeros(6), spans, ("low", "high"), frames={"loud": loud[:2]})
    with pytest.raises(InputError, match="has no channel 'middle'"):
        SeriesCorpus("s", values, torch.zeros(6), spans, ("low", "high"), kept=("middle",))
