"""Corpora whose sequences are sentences with words, and that know which tokens each stretch of characters has."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from unitscope.corpus.sentence import Sentence


class WithSentences(ABC):
    """Sequence i is sentence i."""

    sentences: Sequence[Sentence]

    @abstractmethod
    def tokens_of(self, sequence: int, spans: Int[np.ndarray, "span 2"]) -> Int[np.ndarray, "span 2"]:
        """First token and token after the last of each span of characters of a sentence, from its first token."""

    def words(self, sequence: int) -> Int[Tensor, "word 2"]:
        """First token and token after the last of each word of a sentence."""
        spans = np.array([(word.start, word.stop) for word in self.sentences[sequence].words], np.int64).reshape(-1, 2)
        return torch.from_numpy(self.tokens_of(sequence, spans))
