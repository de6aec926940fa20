"""Stimuli of any shape, with labels per step and per trial, and sounds with labels of intervals."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile
from torch import nn

from unitscope.corpus.sounds import mel_frames, read_intervals, read_sound, sounds
from unitscope.corpus.stimuli import stimuli
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.recording.record import record
from unitscope.source.live import Live

LENGTHS = [5, 3, 4]
PADDED = np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)  # [trial time channel]
RATE = 8000


def test_trials_with_conditions_and_events() -> None:
    go = np.zeros((3, 5))
    go[:, 2] = 1
    corpus = stimuli(PADDED, lengths=LENGTHS, labels={"side": list("lrl"), "go": go}, targets=list("lrl"), rate=10.0)
    assert corpus.annotations == ["side=l", "side=r", "go", "time", "class=l", "class=r"]
    assert corpus.lengths(range(3)) == LENGTHS
    batch = corpus.batch([1, 2])
    np.testing.assert_array_equal(batch.tokens[1, :4].numpy(), PADDED[2, :4])
    assert batch.targets.tolist() == [[-1, -1, 1, -1], [-1, -1, -1, 0]]  # at the last step of each
    assert corpus.labels("side=r", 1).tolist() == [1, 1, 1]
    assert corpus.labels("go", 2).tolist() == [0, 0, 1, 0]
    assert corpus.labels("time", 1).tolist() == pytest.approx([0, 0.1, 0.2])


def test_every_shape_is_the_same_stimulus() -> None:
    ragged = [PADDED[n, :length] for n, length in enumerate(LENGTHS)]
    flat = np.concatenate(ragged)
    mask = np.arange(5) < np.array(LENGTHS)[:, None]
    made = [
        stimuli(PADDED, lengths=LENGTHS), stimuli(PADDED, mask=mask), stimuli(ragged), stimuli(flat, lengths=LENGTHS)
    ]  # fmt: skip
    assert len({corpus.fingerprint for corpus in made}) == 1
    assert stimuli(ragged, kept=["channel 1"]).annotations == ["channel 1"]


def test_targets_are_classes_numbers_or_none() -> None:
    numbers = stimuli(PADDED, targets=PADDED[:, :, 0])
    np.testing.assert_array_equal(numbers.batch([2]).targets[0].numpy(), PADDED[2, :, 0])
    steps = stimuli(PADDED, lengths=LENGTHS, targets=np.tile([7, 9, 7, 9, 7], (3, 1)))
    assert (steps.classes, steps.batch([1]).targets.tolist()) == (("7", "9"), [[0, 1, 0]])
    assert not stimuli(PADDED).batch([0]).has_target.any()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"labels": {"a": [1, 2]}}, r"the label a has the shape \[2\]"),
        ({"channels": ["one"]}, "2 channels, and 1 names of channels"),
        ({"names": ["one"]}, "3 sequences, and 1 names"),
        ({"lengths": [1, 2]}, "needs 3 lengths"),
        ({"kept": ["x"]}, "has no channel 'x'"),
    ],
)
def test_what_does_not_fit(given: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        stimuli(PADDED, **given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not finite at step 2"):
        stimuli([[[0.0], [np.nan]]])


def test_a_network_reads_them_and_a_recording_keeps_the_labels(tmp_path: Path) -> None:
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(2, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.rnn(x)[0]
            return out

    corpus = stimuli(PADDED, lengths=LENGTHS, labels={"side": list("lrl")}, names=["a", "b", "c"])
    kept = record(Live(ModuleModel(Net(), channels=2), corpus), tmp_path / "run")
    assert kept.annotations == ("side=l", "side=r")
    assert kept.labels("side=r", 1).tolist() == [1, 1, 1]
    assert kept.document(1).name == "b"


def tone(path: Path, hertz: float, kind: str = "int16") -> Path:
    at = np.arange(RATE // 2) / RATE
    wave = np.sin(2 * np.pi * hertz * at) * (at >= 0.2)
    scaled = {"int16": wave * 32767, "uint8": wave * 127 + 128, "float32": wave}[kind]
    wavfile.write(path, RATE, scaled.astype(kind))
    return path


@pytest.mark.parametrize("kind", ["int16", "uint8", "float32"])
def test_sounds_of_every_depth_are_the_same(tmp_path: Path, kind: str) -> None:
    samples, rate = read_sound(tone(tmp_path / "a.wav", 440, kind))
    assert (samples.shape, rate) == ((RATE // 2, 1), RATE)
    assert float(np.abs(samples).max()) == pytest.approx(1, abs=0.02)
    frames, bands = mel_frames(samples[:, 0], rate)
    assert frames.shape == (50, 40)
    loudest = float(bands[int(frames[35].argmax())].removesuffix(" Hz"))
    assert abs(loudest - 440) < 60
    assert frames[35].max() - frames[5].max() > 30  # decibel: there is silence before


def test_intervals_are_labels_of_frames(tmp_path: Path) -> None:
    files = [tone(tmp_path / "a.wav", 440), tone(tmp_path / "b.wav", 880)]
    (tmp_path / "a.txt").write_text("0\t0.2\tsilence\n0.2\t0.5\ttone\n")
    corpus = sounds(files, {"a.wav": tmp_path / "a.txt"}, labels={"high": [0, 1]}, kept=["68 Hz"])
    assert corpus.annotations == ["68 Hz", "high", "label=silence", "label=tone", "time"]
    assert corpus.labels("label=tone", 0).tolist() == [0] * 20 + [1] * 30
    assert corpus.labels("label=tone", 1).isnan().all()  # nobody said
    assert corpus.document(1).name == "b.wav"
    assert len(sounds(files, frames=False).channels) == 1
    (tmp_path / "b.csv").write_text("start,end,label\n0.1,0.3,x\n")
    assert read_intervals(tmp_path / "b.csv") == [(0.1, 0.3, "x")]
    (tmp_path / "b.csv").write_text("start,end,label\n0.4,0.3,x\n")
    with pytest.raises(InputError, match=r"b\.csv:2: an interval from 0\.4 to 0\.3"):
        read_intervals(tmp_path / "b.csv")
    (tmp_path / "c.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(InputError, match="cannot be read as sound"):
        read_sound(tmp_path / "c.wav")


def test_other_sounds_by_libsndfile(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples, rate = read_sound(tone(tmp_path / "a.wav", 440))
    soundfile.write(tmp_path / "a.flac", samples, int(rate))
    again, same = read_sound(tmp_path / "a.flac")
    assert same == rate
    np.testing.assert_allclose(again, samples, atol=1e-4)
