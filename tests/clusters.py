"""Words whose classes are in known units."""

import torch
from torch import Tensor


def clusters(
    words: int = 600, units: int = 12, classes: int = 4, informative: int = 3, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Activations ``[word unit]`` and classes; only the first units know the class."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (words,), generator=generator)
    means = 2 * torch.randn(classes, informative, generator=torch.Generator().manual_seed(7))
    x = torch.randn(words, units, generator=generator)
    x[:, :informative] += means[y]
    return x * torch.linspace(0.5, 2, units) + 3, y
