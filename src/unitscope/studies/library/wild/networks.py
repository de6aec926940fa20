"""Three networks that others trained, from the files in which they published them. No file is run or unpickled.

A generator of titles (M. Woolf's textgenrnn 2.0.0, MIT): two LSTMs of 128 units, an average over the last 40 symbols.
A pronouncer (K. Park and J. Kim's g2p_en 2.1.0, Apache-2.0): a GRU reads the letters of a word, one writes phonemes.
A segmenter of Thai (P. Chormai's attacut 1.0.6, MIT): three convolutions say at which characters a word begins.
"""

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from unitscope.corpus.vocabulary import UNKNOWN
from unitscope.errors import InputError

Net = TypeVar("Net", bound=nn.Module)
WINDOW = 40
"""Symbols that the generator reads at once."""
_SOUNDS = """AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2
EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1
UW2 V W Y Z ZH"""
WRITTEN = ["<pad>", UNKNOWN, "<s>", "</s>", *_SOUNDS.split()]
"""Phonemes in the order of the pronouncer's output."""
LETTERS = ["<pad>", UNKNOWN, "</s>", *"abcdefghijklmnopqrstuvwxyz"]


def found(folder: Path, name: str) -> Path:
    """The one file of this name in an unpacked package. Raises ``InputError`` where there is none."""
    path = next(iter(sorted(folder.rglob(name))), None)
    if path is None:
        raise InputError(f"{folder} holds no {name}; give the folder of the unpacked package")
    return path


def _filled(net: Net, weights: Mapping[str, Shaped[np.ndarray, "..."]]) -> Net:
    """The network with these weights. Raises ``InputError`` where they are not all it needs, or of other shapes."""
    try:
        net.load_state_dict(
            {name: torch.from_numpy(np.ascontiguousarray(values, np.float32)) for name, values in weights.items()}
        )
    except RuntimeError as error:
        raise InputError(f"the weights do not fit the network; are they of another version? {error}") from error
    return net.eval()


class Generator(nn.Module):
    """A weighted mean over embedding and states at all symbols read so far predicts the next one."""

    def __init__(self, symbols: int, width: int, units: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(symbols, width)
        self.first = nn.LSTM(width, units, batch_first=True)
        self.second = nn.LSTM(units, units, batch_first=True)
        self.attention = nn.Linear(width + 2 * units, 1, bias=False)
        self.out = nn.Linear(width + 2 * units, symbols)

    def forward(self, ids: Int[Tensor, "row time"]) -> Float[Tensor, "row time symbol"]:
        seen = self.embed(ids)
        one = self.first(seen)[0]
        every = torch.cat([seen, one, self.second(one)[0]], dim=-1)
        score = self.attention(every)
        weight = (score - score.amax(dim=1, keepdim=True)).exp()
        said: Tensor = self.out((weight * every).cumsum(dim=1) / weight.cumsum(dim=1).clamp_min(1e-30))
        return said


def generator(folder: Path) -> tuple[Generator, list[str]]:
    """The network and its symbols. Keras keeps an LSTM made on a GPU as cuDNN lays it out: each gate's kernel turned
    round in memory, its recurrent kernel transposed, and two biases.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise InputError("files of HDF5 need another package: pip install 'unitscope[arrays]'") from error
    ids = json.loads(found(folder, "textgenrnn_vocab.json").read_text(encoding="utf-8"))
    symbols = [UNKNOWN, *sorted(ids, key=lambda symbol: int(ids[symbol]))]
    with h5py.File(found(folder, "textgenrnn_weights.hdf5"), "r") as file:

        def read(name: str) -> Float[np.ndarray, "..."]:
            return np.asarray(file[name][()], np.float32)

        embedded, kernel = read("embedding/embedding/embeddings:0"), read("rnn_2/rnn_2/kernel:0")
        net = Generator(len(symbols), embedded.shape[1], len(kernel))
        weights = {
            "embed.weight": embedded,
            "attention.weight": read("attention/attention/attention_W:0").T,
            "out.weight": read("output/output/kernel:0").T,
            "out.bias": read("output/output/bias:0"),
        }
        for ours, name in (("first", "rnn_1"), ("second", "rnn_2")):
            gates = np.hsplit(read(f"{name}/{name}/kernel:0"), 4)
            weights[f"{ours}.weight_ih_l0"] = np.hstack([gate.T.reshape(gate.shape, order="F") for gate in gates]).T
            recurrent = np.hsplit(read(f"{name}/{name}/recurrent_kernel:0"), 4)
            weights[f"{ours}.weight_hh_l0"] = np.hstack([gate.T for gate in recurrent]).T
            first, second = np.split(read(f"{name}/{name}/bias:0"), 2)
            weights |= {f"{ours}.bias_ih_l0": first, f"{ours}.bias_hh_l0": second}
    return _filled(net, weights), symbols


class Pronouncer(nn.Module):
    """The state after the last letter begins the phonemes."""

    def __init__(self, letters: int, phonemes: int, width: int, units: int) -> None:
        super().__init__()
        self.letters, self.encoder = nn.Embedding(letters, width), nn.GRU(width, units, batch_first=True)
        self.phonemes, self.decoder = nn.Embedding(phonemes, width), nn.GRU(width, units, batch_first=True)
        self.out = nn.Linear(units, phonemes)

    def encode(self, letters: Int[Tensor, "row letter"]) -> Float[Tensor, "row letter unit"]:
        states: Tensor = self.encoder(self.letters(letters))[0]
        return states

    def forward(
        self, letters: Int[Tensor, "row letter"], lengths: Int[Tensor, " row"], written: Int[Tensor, "row time"]
    ) -> Float[Tensor, "row time phoneme"]:
        last = self.encode(letters)[torch.arange(len(letters)), lengths - 1]  # padding comes after it
        states = self.decoder(self.phonemes(written), last[None].contiguous())[0]
        said: Tensor = self.out(states)
        return said


def pronouncer(folder: Path) -> Pronouncer:
    """The network; its letters are ``LETTERS`` and what it writes is ``WRITTEN``."""
    with np.load(found(folder, "checkpoint20.npz"), allow_pickle=False) as file:
        (letters, width), (phonemes, units) = file["enc_emb"].shape, file["fc_w"].shape
        weights = {
            "letters.weight": file["enc_emb"],
            "phonemes.weight": file["dec_emb"],
            "out.weight": file["fc_w"],
            "out.bias": file["fc_b"],
        }
        for layer, part, kind in product(("encoder", "decoder"), ("ih", "hh"), ("weight", "bias")):
            weights[f"{layer}.{kind}_{part}_l0"] = file[f"{layer[:3]}_{kind[0]}_{part}"]
    return _filled(Pronouncer(letters, phonemes, width, units), weights)


class Segmenter(nn.Module):
    """The largest of three convolutions over the characters on both sides; one logit says whether a word begins."""

    def __init__(self, symbols: int, width: int, units: int, hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(symbols, width)
        self.conv1 = nn.Conv1d(width, units, 3, padding=1)
        self.conv2 = nn.Conv1d(width, units, 5, padding=6, dilation=3)
        self.conv3 = nn.Conv1d(width, units, 9, padding=8, dilation=2)
        self.linear1 = nn.Linear(units, hidden)
        self.act = nn.ReLU()
        self.linear2 = nn.Linear(hidden, 1)

    def forward(self, ids: Int[Tensor, "row time"]) -> Float[Tensor, "row time 1"]:
        seen = self.embed(ids).transpose(1, 2)
        best = torch.stack([conv(seen) for conv in (self.conv1, self.conv2, self.conv3)]).amax(dim=0)
        said: Tensor = self.linear2(self.act(self.linear1(best.transpose(1, 2))))
        return said


def segmenter(folder: Path) -> tuple[Segmenter, list[str]]:
    """The network and its characters, in their order."""
    ids = json.loads(found(folder, "attacut-c/characters.json").read_text(encoding="utf-8"))
    state = torch.load(found(folder, "attacut-c/model.pth"), weights_only=True, map_location="cpu")
    state = {name.replace(".conv.", ".").replace("embeddings.", "embed."): each.numpy() for name, each in state.items()}
    net = Segmenter(*state["embed.weight"].shape, *state["linear1.weight"].shape[::-1])
    return _filled(net, state), [
        UNKNOWN if symbol == "<UNK>" else symbol for symbol in sorted(ids, key=lambda s: int(ids[s]))
    ]


def lstm(layer: nn.LSTM, values: Float[np.ndarray, "time number"]) -> Float[np.ndarray, "time unit"]:
    """States of an LSTM from nought, in NumPy and double precision: a second way to the same numbers."""
    return _steps(layer, values, np.zeros((2, layer.hidden_size)))


def gru(
    layer: nn.GRU, values: Float[np.ndarray, "time number"], begin: Float[np.ndarray, " unit"]
) -> Float[np.ndarray, "time unit"]:
    """States of a GRU."""
    return _steps(layer, values, begin[None])


def _steps(
    layer: nn.RNNBase, values: Float[np.ndarray, "time number"], state: Float[np.ndarray, "part unit"]
) -> Float[np.ndarray, "time unit"]:
    wi, wh, bi, bh = (np.asarray(each.detach(), np.float64) for each in layer.parameters())
    made = []
    for x in values:
        read, kept = wi @ x + bi, wh @ state[0] + bh
        if isinstance(layer, nn.LSTM):
            i, f, g, o = np.split(read + kept, 4)
            cell = _sigmoid(f) * state[1] + _sigmoid(i) * np.tanh(g)
            state = np.stack([_sigmoid(o) * np.tanh(cell), cell])
        else:
            (r, z, n), (hr, hz, hn) = np.split(read, 3), np.split(kept, 3)
            z = _sigmoid(z + hz)
            state = ((1 - z) * np.tanh(n + _sigmoid(r + hr) * hn) + z * state[0])[None]
        made.append(state[0])
    return np.stack(made)


def _sigmoid(x: Float[np.ndarray, " unit"]) -> Float[np.ndarray, " unit"]:
    made: Float[np.ndarray, " unit"] = 1 / (1 + np.exp(-x))
    return made
