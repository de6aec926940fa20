"""Training classifiers and translators of characters: what is read in each update, and how."""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.labelled import LabelledTexts
from unitscope.corpus.translations import END, Translations
from unitscope.errors import InputError
from unitscope.networks import training
from unitscope.networks.attentive import AttentiveConfig
from unitscope.networks.bytenet import ByteNetConfig
from unitscope.networks.card import Card
from unitscope.networks.checkpoint import Carried
from unitscope.networks.device import find_device
from unitscope.networks.kinds import KINDS, kinds
from unitscope.networks.lessons.tasks import Classification, Translation, translations_scores
from unitscope.networks.recipes import Modern
from unitscope.networks.training import Run, Trained, Watch
from unitscope.networks.vdcnn import VDCNNConfig

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Fit:
    """Optimisation of a network: AdamW with warm-up and cosine decay, gradients clipped at norm 1."""

    kind: str = "vdcnn"
    size: str = "small"
    depth: int = 0
    """Stages of a VDCNN, layers of an LSTM, GRU or Transformer, blocks of a translator's encoder and of its decoder; 0
    for those of the size."""
    epochs: int = 30
    batch: int = 32
    rate: float = 2e-3
    noise: float = 0.05
    """Share of a text's symbols that are read as the unknown one, drawn anew each time, while training."""
    forget: float = 0.1
    """The same of what a translator has written so far, so that it comes to look at its sentence."""
    smoothing: float = 0.05
    """Share of each class that the other classes get, while a classifier is trained."""
    precision: Precision = "auto"
    """Of matrix products while training; ``auto`` is bfloat16 where the processor has instructions for it."""
    seed: int = 0
    device: str = "cpu"


def train(
    task: Classification | Translation,
    fit: Fit,
    folder: Path | None,
    command: str = "",
    checkpoint_seconds: float = 60.0,
    watch: Watch | None = None,
    keep: Sequence[float] = (),
    restart: bool = False,
) -> Trained:
    """Train, or go on where a run into the same folder was stopped; the folder keeps the best weights on validation.

    A run that was killed and started again gives the weights of one that was not; a finished one is loaded.
    Raises ``InputError`` for a kind or size that there is not, a folder with another run, and a loss that explodes.
    """
    known = kinds("translation" if isinstance(task, Translation) else "classes")
    if fit.kind not in known:
        raise InputError(f"{task.name} cannot be learnt by {fit.kind!r}; there are: {', '.join(known)}")
    if fit.size not in KINDS[fit.kind].sizes:
        raise InputError(f"no size is called {fit.size!r}; there are: {', '.join(KINDS[fit.kind].sizes)}")
    if fit.batch < 1 or fit.depth < 0 or not 0 <= min(fit.noise, fit.forget) <= max(fit.noise, fit.forget) < 1:
        raise InputError(f"training needs a batch and noise from 0 to below 1, not {fit}")
    precision = resolved(fit.precision, fit.device)
    asked = {**dataclasses.asdict(fit), "precision": precision}
    del asked["device"]
    run = Run(
        folder, asked, fit.seed, fit.device, precision == "bfloat16", tuple(keep), checkpoint_seconds, restart
    )  # fmt: skip
    recipe = Modern(epochs=fit.epochs, rate=fit.rate, patience=0)
    return training.train(Lesson(task, fit), _card(task, fit, command), recipe, run, watch)


def resolved(precision: Precision, device: str) -> Precision:
    """Meaning of ``auto`` on this machine."""
    if precision != "auto":
        return precision
    return "bfloat16" if find_device(device).type == "cuda" or _multiplies_bfloat16() else "float32"


def _multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for it; without them bfloat16 is slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:  # not Linux
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def fingerprint(task: Classification | Translation) -> str:
    """Hexadecimal SHA-256 of all parts of a task; a network's card keeps it."""
    parts = (task.train, task.validation, task.test)
    return hashlib.sha256("".join(part.fingerprint for part in parts).encode()).hexdigest()


class Lesson:
    """Texts in batches of about equal length, some of their symbols hidden."""

    def __init__(self, task: Classification | Translation, fit: Fit) -> None:
        self.task, self.fit = task, fit

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.task)

    def batches(self, epoch: int) -> list[np.ndarray]:
        return batches_of(self.task.train, self.fit.batch, self.fit.seed, epoch)

    def fresh(self, net: Any) -> Carried:
        return ()

    def loss(self, net: Any, numbers: np.ndarray, carried: Carried) -> tuple[Tensor, Carried]:
        batch = self.task.train.batch(numbers.tolist()).to(self.fit.device)
        if isinstance(self.task, Translation):
            return self.task.loss(net, self._noisy(batch), self._forgotten(batch)), ()
        return self.task.loss(net, self._noisy(batch), self.fit.smoothing), ()

    def validate(self, net: Any) -> dict[str, int | float]:
        return self.task.scores(net, self.task.validation)

    def metrics(self, net: Any) -> dict[str, int | float]:
        found: dict[str, int | float] = {}
        for name, part in (("validation", self.task.validation), ("test", self.task.test)):
            found |= {f"{name} {what}": value for what, value in self.task.scores(net, part).items()}
        if isinstance(self.task, Translation):
            found |= translations_scores(net, self.task.test)
        return found | self.task.baselines()

    def _noisy(self, batch: Batch) -> Batch:
        """Some symbols become unknown ones, so that a network knows what to make of them."""
        vocabulary = self.task.train.vocabulary
        hidden = torch.rand(batch.tokens.shape).to(batch.tokens.device) < self.fit.noise
        end = vocabulary.ids.get(END, -1)
        tokens = torch.where(hidden & (batch.tokens != end), vocabulary.unknown or 0, batch.tokens)
        return dataclasses.replace(batch, tokens=tokens)

    def _forgotten(self, batch: Batch) -> Tensor:
        """Decoder input of a translator: the translation with some symbols replaced by the unknown one."""
        assert isinstance(self.task.train, Translations)
        vocabulary = self.task.train.target_vocabulary
        hidden = torch.rand(batch.targets.shape).to(batch.targets.device) < self.fit.forget
        known = batch.targets >= 0
        return torch.where(hidden & known, vocabulary.unknown or 0, batch.targets)


def batches_of(texts: LabelledTexts | Translations, size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """All texts in batches of about equal length on both sides, drawn anew for each epoch.

    Pools of 128 batches are sorted by the second side, and in each pool every eight batches by the first: of sentences
    and translations some 6 % of the positions are padding then, where sorting by one side alone leaves 13 %.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(texts))
    sides = texts.sides()
    first, second = sides[0], sides[-1]
    pools = np.array_split(order, max(1, len(order) // (size * 128)))
    ordered = []
    for pool in pools:
        by_second = pool[np.argsort(second[pool], kind="stable")]
        for start in range(0, len(by_second), 8 * size):
            group = by_second[start : start + 8 * size]
            ordered.append(group[np.argsort(first[group], kind="stable")])
    joined = np.concatenate(ordered)
    batches = [joined[start : start + size] for start in range(0, len(joined), size)]
    return [batches[number] for number in random.permutation(len(batches))]


def padding(texts: LabelledTexts | Translations, batches: Sequence[np.ndarray]) -> float:
    """Share of the positions of the batches, on both sides, that are padding."""
    read = filled = 0
    for lengths in texts.sides():
        read += int(lengths.sum())
        filled += sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1 - read / filled


def _card(task: Classification | Translation, fit: Fit, command: str) -> Card:
    texts = task.train
    return Card(
        kind=fit.kind,
        network=_config(task, fit),
        symbols=texts.vocabulary.symbols,
        targets=texts.target_vocabulary.symbols if isinstance(texts, Translations) else texts.classes,
        longest=0 if isinstance(texts, Translations) else texts.longest,
        corpus=task.name,
        command=command,
    )


def _config(task: Classification | Translation, fit: Fit) -> Any:
    kind, texts = KINDS[fit.kind], task.train
    given: dict[str, Any] = {"symbols": len(texts.vocabulary), **kind.sizes[fit.size]}
    if isinstance(texts, Translations):
        source, target = (sum(side) for side in texts.sides())
        given |= {"targets": len(texts.target_vocabulary)}
        given |= {"end": texts.vocabulary.ids[END], "target_end": texts.target_vocabulary.ids[END]}
        given |= {
            "stretch": max(1.0, round(target / source, 2)) if fit.kind == "bytenet" else round(target / source, 2)
        }
    else:
        given |= {"classes": len(texts.classes)} | ({} if fit.kind == "vdcnn" else {"kind": fit.kind})
    return _deep(kind.config(**given), fit.depth)


def _deep(config: Any, depth: int) -> Any:
    """The architecture with another number of stages, layers or blocks; 0 leaves it."""

    def repeated(dilations: tuple[int, ...]) -> tuple[int, ...]:
        return (dilations * -(-depth // len(dilations)))[:depth]

    match config:
        case _ if not depth:
            return config
        case VDCNNConfig():
            if depth > len(config.channels):
                raise InputError(f"this size has {len(config.channels)} stages; give a depth of so many at most")
            return dataclasses.replace(config, channels=config.channels[:depth], blocks=config.blocks[:depth])
        case ByteNetConfig():
            return dataclasses.replace(config, dilations=repeated(config.dilations))
        case AttentiveConfig():
            looks = tuple(sorted({min(depth - 1, look) for look in config.looks}))
            return dataclasses.replace(
                config,
                encoder_dilations=repeated(config.encoder_dilations),
                decoder_dilations=repeated(config.decoder_dilations),
                looks=looks,
            )
        case _:
            return dataclasses.replace(config, layers=depth)
