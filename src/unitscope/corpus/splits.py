"""Which part of a text is read: train, validation or test."""

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast, get_args

from unitscope.errors import InputError

SplitKind = Literal["contiguous", "interleaved", "documents"]
Part = Literal["train", "validation", "test", "all"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """One part of a text, and the rule by which the text is divided.

    - ``contiguous``: the first 80 %, the next 10 %, the rest.
    - ``interleaved``: the text is cut to a multiple of ``rows * steps`` tokens and laid out as ``rows`` equal
      stretches; the first 80 % *of each stretch* is train, the next 10 % validation, the rest test, counted in
      whole batches of ``rows * steps``. This is the division of Karpathy, Johnson & Fei-Fei (2015, arXiv 1506.02078;
      the char-rnn loader). Its test text is easier than the contiguous one, since all of it lies near training text,
      so losses are comparable only within one kind.
    - ``documents``: whole documents, by a hash of their names: a file is always in the same part, whatever other
      files there are.

    ``part="all"`` reads everything, whatever the kind.
    """

    kind: SplitKind = "contiguous"
    part: Part = "all"
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test."""
    rows: int = 100
    """Stretches of the interleaved kind."""
    steps: int = 100
    """Tokens of a stretch that make one batch, for the interleaved kind."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(SplitKind):
            raise InputError(f"no split is called {self.kind!r}; there are: {', '.join(get_args(SplitKind))}")
        if self.part not in get_args(Part):
            raise InputError(f"no part of a text is called {self.part!r}; there are: {', '.join(get_args(Part))}")
        if len(self.fractions) != 3 or min(self.fractions) < 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise InputError(f"the shares of train, validation and test are {self.fractions}; three that add up to 1")
        if self.rows < 1 or self.steps < 1:
            raise InputError(f"rows and steps of a split are at least 1, not {self.rows} and {self.steps}")

    def of(self, part: Part) -> "Split":
        """The same division, another part."""
        return replace(self, part=part)

    def holds(self, document: str) -> bool:
        """Whether a document of this name is read at all."""
        if self.kind != "documents" or self.part == "all":
            return True
        digest = hashlib.sha256(document.encode()).digest()
        share = int.from_bytes(digest[:8], "big") / 2**64
        train, validation, _ = self.fractions
        return self.part == ("train" if share < train else "validation" if share < train + validation else "test")

    def spans(self, tokens: int) -> list[tuple[int, int]]:
        """First token and token after the last of each stretch that is read, of a text of so many tokens.

        For ``documents`` this is the whole of the documents that ``holds`` chose.
        """
        if self.part == "all" or self.kind == "documents":
            return [(0, tokens)] if tokens else []
        if self.kind == "contiguous":
            first, after = self._shares(tokens)
            return [(first, after)] if after > first else []
        batches = tokens // (self.rows * self.steps)
        if batches == 0:
            raise InputError(
                f"a text of {tokens:,} tokens is too short for an interleaved split of {self.rows} rows and "
                f"{self.steps} steps; choose fewer rows or steps, or another split"
            )
        stretch = batches * self.steps
        first, after = (share * self.steps for share in self._shares(batches))
        return [(row * stretch + first, row * stretch + after) for row in range(self.rows)] if after > first else []

    def _shares(self, whole: int) -> tuple[int, int]:
        """Where this part begins and ends, in whole units; train and validation are rounded down."""
        # A tenth of 310 must be 31, though 310 * 0.1 may come out a hair below.
        train, validation = (int(whole * share + 1e-6) for share in self.fractions[:2])
        edges = {"train": (0, train), "validation": (train, train + validation), "test": (train + validation, whole)}
        return edges[self.part]

    def to_json(self) -> dict[str, Any]:
        """Values that JSON holds."""
        return {**asdict(self), "fractions": list(self.fractions)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Split":
        """Inverse of ``to_json``. Raises ``InputError`` for anything else."""
        try:
            fractions = cast(tuple[float, float, float], tuple(float(share) for share in values["fractions"]))
            return cls(values["kind"], values["part"], fractions, int(values["rows"]), int(values["steps"]))
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no description of a split: {values!r}") from error
