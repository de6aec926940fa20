"""A module in a few words, for provenance."""

from torch import nn

SHOWN = 12
"""Layers that are named one by one; a deeper model's repeat, and its fingerprint has them all."""


def described(module: nn.Module, name: str) -> dict[str, str]:
    """Name, class, layers, size and precision."""
    layers = [
        f"{path}: {child}" if path else str(child)
        for path, child in module.named_modules()
        if not list(child.children())
    ]
    if len(layers) > SHOWN:
        layers = [*layers[:6], f"… {len(layers) - 9} more …", *layers[-3:]]
    precisions = {str(weight.dtype).removeprefix("torch."): None for weight in module.parameters()}
    return {
        "model": name,
        "class": type(module).__qualname__,
        "layers": "; ".join(layers),
        "parameters": f"{sum(weight.numel() for weight in module.parameters()):,}",
        "precision": ", ".join(precisions) or "no parameters",
    }
