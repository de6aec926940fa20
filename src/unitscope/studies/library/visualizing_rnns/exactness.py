"""Whether what is read from inside the stock layers is what they compute."""

import torch
from torch import nn

from unitscope.corpus.text import TextCorpus
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharNet

STEPS = 100


def recording_error(model: ModuleModel, corpus: TextCorpus) -> float:
    """The largest difference, over 100 steps of 8 sequences, of two comparisons.

    The top hidden state with the output of the module's own layer, and for an LSTM every cell with f * c' + i * g (as a
    share of the cell where that is beyond 1, since float32 has seven digits).
    """
    net = model.module
    assert isinstance(net, CharNet)
    assert isinstance(net.rnn, nn.RNNBase)
    batch = corpus.batch(range(min(8, len(corpus))))
    layers = range(net.config.layers)
    streams = ["hidden"]
    if net.config.cell == "lstm":
        streams += ["cell", "input_gate", "forget_gate", "cell_gate"]
    found = model.run(batch, [f"rnn.{layer}.{stream}" for layer in layers for stream in streams])
    found = {site: values[:, :STEPS] for site, values in found.items()}
    with torch.inference_mode():
        one_hot = nn.functional.one_hot(batch.tokens[:, :STEPS], net.config.symbols).float()
        own, _ = net.rnn(one_hot)
    worst = float((found[f"rnn.{layers[-1]}.hidden"] - own).abs().max())
    if net.config.cell == "lstm":
        for layer in layers:
            cell, gate_in, gate_forget, candidate = (found[f"rnn.{layer}.{stream}"] for stream in streams[1:])
            before = nn.functional.pad(cell[:, :-1], (0, 0, 1, 0))
            error = (gate_forget * before + gate_in * candidate - cell).abs() / cell.abs().clamp(min=1)
            worst = max(worst, float(error.max()))
    return worst
