"""Corpora whose sequences are sentences with words, and that know which tokens each stretch of characters has."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from unitscope.corpus.reading import Reading
from unitscope.corpus.sentence import Sentence


class WithSentences(ABC):
    """Sequence i is sentence i."""

    sentences: Sequence[Sentence]

    @property
    @abstractmethod
    def reading(self) -> Reading:
        """Splits a text into tokens."""

    @abstractmethod
    def lengths(self, sequences: Sequence[int]) -> list[int]:
        """Tokens of each sentence."""

    @cached_property
    def mean_length(self) -> float:
        """Mean number of tokens, special ones left out; reads every text."""
        return float(np.mean(self.lengths(range(len(self.sentences)))))

    @abstractmethod
    def tokens_of(self, sequence: int, spans: Int[np.ndarray, "span 2"]) -> Int[np.ndarray, "span 2"]:
        """First token and token after the last of each span of characters of a sentence, from its first token."""

    def words(self, sequence: int) -> Int[Tensor, "word 2"]:
        """First token and token after the last of each word of a sentence."""
        spans = np.array([(word.start, word.stop) for word in self.sentences[sequence].words], np.int64).reshape(-1, 2)
        return torch.from_numpy(self.tokens_of(sequence, spans))
