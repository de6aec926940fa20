"""Modules of which nobody would guess where their values lie, or what their output means."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unitscope.corpus.batch import Batch

SYMBOLS, WIDE, UNITS = 11, 6, 8


class Net(nn.Module):
    """Embedding, a layer, logits."""

    def __init__(self, layer: nn.Module, wide: int = UNITS, symbols: int = SYMBOLS):
        super().__init__()
        self.embed, self.rnn, self.out = nn.Embedding(SYMBOLS, WIDE), layer, nn.Linear(wide, symbols)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.rnn(self.embed(tokens))[0])


def lstm(**options):
    return nn.LSTM(WIDE, UNITS, batch_first=True, **options)


def gru(**options):
    return nn.GRU(WIDE, UNITS, batch_first=True, **options)


class Sorting(Net):
    """Rows are put into an order by their lengths, packed, and put back."""

    def __init__(self, order, layer=None):
        super().__init__(layer or lstm())
        self.order = order

    def forward(self, tokens, lengths):
        order = self.order(lengths)
        packed = pack_padded_sequence(self.embed(tokens)[order], lengths[order], batch_first=True, enforce_sorted=False)
        steps, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=tokens.shape[1])
        return self.out(steps[order.argsort()])


ORDERS = {
    "longest first": lambda lengths: lengths.argsort(descending=True, stable=True),
    "shortest first": lambda lengths: lengths.argsort(stable=True),
    "ties the other way round": lambda lengths: lengths.argsort(stable=True).flip(0),
    "ties as a sort of numpy has them": lambda lengths: torch.from_numpy(np.argsort(-lengths.numpy())),
}


class Flipped(Net):
    """Reads from the end by turning its input, and the output, round."""

    def forward(self, tokens):
        return self.out(self.rnn(self.embed(tokens).flip(1))[0].flip(1))


class CellBackwards(Net):
    """A cell in a loop from the last step to the first."""

    def __init__(self):
        super().__init__(nn.LSTMCell(WIDE, UNITS))

    def forward(self, tokens):
        x, state, steps = self.embed(tokens), None, []
        for t in reversed(range(tokens.shape[1])):
            state = self.rnn(x[:, t], state)
            steps.append(state[0])
        return self.out(torch.stack(steps[::-1], 1))


class Convolved(Net):
    """Steps see their neighbours before the layer, and so padding."""

    def __init__(self):
        super().__init__(lstm())
        self.conv = nn.Conv1d(WIDE, WIDE, 5, padding=2)

    def forward(self, tokens):
        return self.out(self.rnn(self.conv(self.embed(tokens).transpose(1, 2)).transpose(1, 2))[0])


class Averaged(Net):
    """A mean over all steps is added to each."""

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.out(self.rnn(x + x.mean(1, keepdim=True))[0])


class Whitened(Net):
    """Takes the mean of its batch away, so a sequence's values hang on the others."""

    def forward(self, tokens):
        x = self.embed(tokens)
        return self.out(self.rnn(x - x.mean(0, keepdim=True) if len(x) > 1 else x)[0])


class Carrying(Net):
    """Keeps its state from call to call, as training by truncated back-propagation does."""

    state = None

    def forward(self, tokens):
        state = self.state if self.state is not None and self.state[0].shape[1] == len(tokens) else None
        steps, state = self.rnn(self.embed(tokens), state)
        self.state = tuple(part.detach() for part in state)
        return self.out(steps)


class Buffered(Net):
    """The same in a buffer."""

    def __init__(self):
        super().__init__(gru())
        self.register_buffer("last", torch.zeros(1, 1, UNITS))

    def forward(self, tokens):
        steps, last = self.rnn(self.embed(tokens), self.last.expand(1, len(tokens), -1).contiguous())
        self.last.copy_(last[:, :1])
        return self.out(steps)


class Counting(Net):
    """Counts its calls and keeps what it read, but gives the same whatever was before."""

    def __init__(self):
        super().__init__(gru())
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.seen = []

    def forward(self, tokens):
        self.calls += 1
        self.seen.append(tokens)
        return super().forward(tokens)


class Drawing(Net):
    """Begins with random states, in evaluation mode too."""

    def forward(self, tokens):
        return self.out(self.rnn(self.embed(tokens), torch.randn(1, len(tokens), UNITS))[0])


def batch(lengths, seed=0):
    """Random tokens from 1 on; 0 is padding. The target is the next token."""
    draw = torch.Generator().manual_seed(seed)
    ends = torch.as_tensor(lengths)
    tokens = torch.randint(1, SYMBOLS, (len(ends), int(ends.max())), generator=draw)
    step = torch.arange(tokens.shape[1])
    targets = torch.full_like(tokens, -1)
    targets[:, :-1] = tokens[:, 1:]
    targets[step >= ends[:, None] - 1] = -1
    tokens[step >= ends[:, None]] = 0
    none = torch.zeros(len(ends), dtype=torch.long)
    return Batch(tokens, targets, none, ends, torch.arange(len(ends)))


def made(kind, *options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(*options).eval()
