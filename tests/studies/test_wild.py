"""The study of networks that others trained, on files of the same form with small random weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from unitscope.errors import InputError
from unitscope.studies import runner
from unitscope.studies.library import wild
from unitscope.studies.library.wild import Asked
from unitscope.studies.library.wild.networks import LETTERS, WRITTEN, generator, lstm, pronouncer, segmenter


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    draw = np.random.default_rng(0)

    def some(*shape: int) -> np.ndarray:
        return draw.normal(0, 0.5, shape).astype(np.float32)

    symbols = list("abcdefghijklmnopqrstuvwxyz .")
    (tmp_path / "textgenrnn_vocab.json").write_text(json.dumps({s: n + 1 for n, s in enumerate(symbols)}))
    with h5py.File(tmp_path / "textgenrnn_weights.hdf5", "w") as file:
        for name, values in {
            "embedding/embedding/embeddings:0": some(29, 6),
            "attention/attention/attention_W:0": some(14, 1),
            "output/output/kernel:0": some(14, 29),
            "output/output/bias:0": some(29),
            **{f"rnn_{n}/rnn_{n}/kernel:0": some(width, 16) for n, width in ((1, 6), (2, 4))},
            **{f"rnn_{n}/rnn_{n}/recurrent_kernel:0": some(4, 16) for n in (1, 2)},
            **{f"rnn_{n}/rnn_{n}/bias:0": some(32) for n in (1, 2)},
        }.items():
            file[name] = values
    gru = {"w_ih": (15, 6), "w_hh": (15, 5), "b_ih": (15,), "b_hh": (15,)}
    np.savez(
        tmp_path / "checkpoint20.npz",
        enc_emb=some(len(LETTERS), 6),
        dec_emb=some(len(WRITTEN), 6),
        fc_w=some(len(WRITTEN), 5),
        fc_b=some(len(WRITTEN)),
        **{f"{side}_{part}": some(*shape) for side in ("enc", "dec") for part, shape in gru.items()},
    )
    artifact = tmp_path / "attacut-c"
    artifact.mkdir()
    thai = ["<PAD>", "<UNK>", *"กขคเแา่้"]
    (artifact / "characters.json").write_text(json.dumps({s: n for n, s in enumerate(thai)}))
    state = {"embeddings.weight": (10, 4), "linear1.weight": (3, 5), "linear1.bias": (3,), "linear2.weight": (1, 3)}
    state |= {"linear2.bias": (1,)}
    for n, wide in ((1, 3), (2, 5), (3, 9)):
        state |= {f"conv{n}.conv.weight": (5, 4, wide), f"conv{n}.conv.bias": (5,)}
    torch.save({name: torch.from_numpy(some(*shape)) for name, shape in state.items()}, artifact / "model.pth")
    words = ["".join(draw.choice(list("aeioutshn"), draw.integers(2, 8))) for _ in range(90)]
    spoken = ["AA1", "B", "S", "T", "IH0", "N"]
    (tmp_path / "words.dict").write_text(
        "".join(f"{w} {' '.join(draw.choice(spoken, 3))}\n" for w in sorted(set(words)))
    )
    (tmp_path / "freq.txt").write_text("เกา่\t7\nขา\t5\nแค้\t3\nก\t1\n", encoding="utf-8")
    sentence = "".join(draw.choice(symbols, 360))
    (tmp_path / "text.txt").write_text("\n\n".join(sentence[n:] + sentence[:n] for n in range(0, 240, 24)))
    return tmp_path


def test_all_three_are_read_and_asked(packages: Path, tmp_path: Path) -> None:
    given = Asked(quick=True, generator=packages, pronouncer=packages, segmenter=packages, size=200)
    given = Asked(**{**vars(given), "text": packages / "text.txt", "words": packages / "words.dict"})
    given = Asked(**{**vars(given), "thai": packages / "freq.txt"})
    done = runner.do("wild", given, tmp_path / "out")
    values = {one.claim.id: one.value for one in done.claims}
    assert all(values[f"equal-{name}"].mean < 1e-5 for name in ("generator", "pronouncer reads", "pronouncer writes"))
    assert {"follow-generator", "follow-segmenter", "skill-pronouncer writes", "longer-160"} <= set(values)
    assert "use-pronouncer reads" not in values  # its encoder predicts nothing
    assert (tmp_path / "out" / "index.html").is_file()


def test_weights_of_a_gpu_are_turned_round(packages: Path) -> None:
    """An LSTM of Keras, computed from the file's own matrices as cuDNN reads them."""
    h5py = pytest.importorskip("h5py")
    net, symbols = generator(packages)
    assert symbols[1:4] == ["a", "b", "c"]
    x = np.random.default_rng(1).normal(size=(3, 6))
    with h5py.File(packages / "textgenrnn_weights.hdf5", "r") as file:
        kernel, recurrent, bias = (file[f"rnn_1/rnn_1/{name}:0"][()] for name in ("kernel", "recurrent_kernel", "bias"))
    flat = np.concatenate([gate.reshape(-1) for gate in np.hsplit(kernel, 4)]).reshape(4, 4, 6)  # [gate unit number]
    into, again = np.concatenate(flat), np.concatenate(np.hsplit(recurrent, 4))
    h, c, sigmoid = np.zeros(4), np.zeros(4), lambda v: 1 / (1 + np.exp(-v))
    for step in x:
        i, f, g, o = np.split(into @ step + again @ h + bias[:16] + bias[16:], 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    np.testing.assert_allclose(lstm(net.first, x)[-1], h, atol=1e-6)


def test_what_is_lacking_is_said(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no network is given"):
        wild.runs(Asked())
    with pytest.raises(InputError, match="give --thai as well"):
        wild.runs(Asked(segmenter=packages))
    with pytest.raises(InputError, match=r"holds no checkpoint20\.npz"):
        pronouncer(tmp_path / "none")
    saved = torch.load(packages / "attacut-c" / "model.pth", weights_only=True)
    torch.save({**saved, "conv1.conv.bias": torch.zeros(7)}, packages / "attacut-c" / "model.pth")
    with pytest.raises(InputError, match="do not fit the network"):
        segmenter(packages)
