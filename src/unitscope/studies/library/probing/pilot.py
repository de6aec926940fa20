"""Control tasks on an untrained encoder: what a probe alone can learn (Hewitt & Liang 2019), and its codes.

Words are hashed character n-grams; a bidirectional LSTM whose weights were never trained mixes them. It knows nothing
of language but which word stands where, so a probe's accuracy here is mostly the probe's own doing.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unitscope.corpus.sentence import Sentence, Word
from unitscope.probing.codelength import linear_codelengths
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.probing.nonlinear import Hidden, fit_nonlinear
from unitscope.probing.tasks import Task, control, random_labels, seen_share

ROWS, WIDTH, UNITS = 20_000, 256, 256


def run_pilot(
    train: Sequence[Sentence], dev: Sequence[Sentence], words: int, wide: int, epochs: int, seed: int
) -> dict[str, Any]:
    """Accuracy and control accuracy of four probes of XPOS; the seed is that of words, network and control task."""
    order = np.random.RandomState(seed).permutation(len(train))
    chosen: list[Sentence] = []
    count = 0
    for place in order.tolist():
        if count >= words:
            break
        chosen.append(train[place])
        count += len(train[place].words)
    held = list(dev) if words > 20_000 else list(dev)[: max(50, len(chosen) // 3)]
    parts: list[list[Word]] = [[w for s in part for w in s.words] for part in (chosen, held)]
    net = _encoder(seed)
    x, y = (_encoded(net, part) for part in (chosen, held))
    mean, std = x.mean(0), x.std(0).clamp(min=1e-6)
    x, y = (x - mean) / std, (y - mean) / std
    task = Task.of("xpos", parts[0])
    codes = [task.codes(part) for part in parts]
    forms = [[w.form.lower() for w in part] for part in parts]
    controls = control(forms, codes, seed + 1)
    targets = [torch.stack([a, b]) for a, b in zip(codes, controls, strict=True)]
    classes = len(task.classes)
    # Half of the held-out words stop the training, the other half judge; one control for both.
    middle = len(parts[1]) // 2
    stop, judge = slice(0, middle), slice(middle, None)
    out: dict[str, Any] = {"words": len(parts[0]), "classes": classes, "seen": seen_share(forms[0], forms[1][middle:])}
    shares = torch.bincount(controls[0][controls[0] >= 0], minlength=classes).double()
    out["largest class"] = float(shares.max() / shares.sum())

    def accuracies(fit: Any) -> dict[str, float]:
        right = [
            float(
                (fit.log_probs(k, y[judge]).argmax(1) == targets[1][k, judge])[targets[1][k, judge] >= 0]
                .double()
                .mean()
            )
            for k in (0, 1)
        ]
        return {"accuracy": right[0], "control": right[1], "selectivity": right[0] - right[1]}

    out["linear"] = accuracies(fit_linear([x], targets[0], classes, [Penalty(l2=1e-4)]))
    development = ([y[stop]], targets[1][:, stop])
    for name, how in (
        ("linear, rank 10", Hidden(epochs, width=10, relu=False)),
        (f"MLP-1 ({wide})", Hidden(epochs, width=wide)),
        ("MLP-1 (45)", Hidden(epochs, width=45)),
        ("MLP-1 (10)", Hidden(epochs, width=10)),
    ):
        out[name] = accuracies(fit_nonlinear([x], targets[0], classes, development, how))
    return out


def run_codes(train: Sequence[Sentence], words: int, seed: int) -> dict[str, Any]:
    """Online codes of XPOS, of its control task, and of labels drawn anew for every word, in kilobits."""
    order = np.random.RandomState(seed).permutation(len(train)).tolist()
    chosen: list[Sentence] = []
    count = 0
    for place in order:
        if count >= words * 1.15:
            break
        chosen.append(train[place])
        count += len(train[place].words)
    items = [w for s in chosen for w in s.words]
    x = _encoded(_encoder(seed), chosen)
    x = (x - x.mean(0)) / x.std(0).clamp(min=1e-6)
    task = Task.of("xpos", items)
    codes = task.codes(items)
    (drawn,) = control([[w.form.lower() for w in items]], [codes], seed + 1)
    targets = torch.stack([codes, drawn, random_labels(codes, seed)])
    cut = min(words, int(len(items) / 1.1))
    development = ([x[cut:]], targets[:, cut:])
    found = linear_codelengths(
        [x[:cut]], targets[:, :cut], len(task.classes), development, [Penalty(l2=1e-3), Penalty(l2=1e-1)]
    )[0]
    shares = torch.bincount(codes[:cut][codes[:cut] >= 0]).double()
    shares = shares[shares > 0] / shares.sum()
    return {
        "words": cut,
        "uniform": found[0].uniform / 1000,
        "xpos": found[0].online / 1000,
        "control": found[1].online / 1000,
        "random": found[2].online / 1000,
        "entropy": float(-(shares * shares.log2()).sum()) * cut / 1000,
    }


def _encoder(seed: int) -> nn.LSTM:
    torch.manual_seed(seed)
    net = nn.LSTM(WIDTH, UNITS, bidirectional=True, batch_first=True)
    for name, weight in net.named_parameters():
        if "weight_hh" in name:
            for block in weight.data.chunk(4):
                nn.init.orthogonal_(block)
        elif "weight_ih" in name:
            nn.init.normal_(weight, std=0.12)
        else:
            nn.init.zeros_(weight)
    return net


def _encoded(net: nn.LSTM, sentences: Sequence[Sentence]) -> Tensor:
    """[word unit], the words of all sentences end to end."""
    table = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0)) / math.sqrt(WIDTH)
    known: dict[str, Tensor] = {}
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i].words))
    out: list[Tensor] = [torch.empty(0)] * len(sentences)
    with torch.no_grad():
        for first in range(0, len(order), 64):
            rows = order[first : first + 64]
            vectors = []
            for i in rows:
                for word in sentences[i].words:
                    if word.form not in known:
                        known[word.form] = _vector(word.form, table)
                vectors.append(torch.stack([known[word.form] for word in sentences[i].words]))
            packed = nn.utils.rnn.pack_sequence(vectors, enforce_sorted=False)
            hidden, lengths = nn.utils.rnn.pad_packed_sequence(net(packed)[0], batch_first=True)
            for i, values, length in zip(rows, hidden, lengths.tolist(), strict=True):
                out[i] = values[:length]
    return torch.cat(out)


def _vector(form: str, table: Tensor) -> Tensor:
    """Twice the whole form and eight times the mean of its 2-, 3- and 4-grams."""
    text = f"^{form}$"
    grams = [text[i : i + n] for n in (2, 3, 4) for i in range(len(text) - n + 1)]

    def row(piece: str) -> int:
        return int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=8).digest(), "big") % ROWS

    return 2 * table[row(text)] + 8 * table[[row(gram) for gram in grams]].mean(0)
