"""The recurrent layers of a model, by name."""

from dataclasses import dataclass

from torch import nn

from unitscope.errors import InputError
from unitscope.models.layers import layer_names
from unitscope.models.module import ModuleModel


@dataclass(frozen=True)
class LayerName:
    """One layer and direction of a recurrent module: ``rnn.0``, ``encoder.lstm.1_reverse``."""

    path: str
    name: str
    module: nn.RNNBase

    def __str__(self) -> str:
        return f"{self.path}.{self.name}"

    @property
    def number(self) -> int:
        return int(self.name.removesuffix("_reverse"))


def layers(model: ModuleModel) -> list[LayerName]:
    """Every layer and direction of the stock recurrent modules of a model."""
    return [
        LayerName(path or type(module).__name__.lower(), name, module)
        for path, module in model.module.named_modules()
        if isinstance(module, nn.RNNBase)
        for number in range(module.num_layers)
        for name in layer_names(module, number)
    ]


def find_layer(model: ModuleModel, name: str) -> LayerName:
    """The layer of that name. Raises ``InputError``, listing what there is, for another name."""
    known = {str(layer): layer for layer in layers(model)}
    if name not in known:
        raise InputError(f"{model.name} has no recurrent layer {name!r}; there are: {', '.join(known)}")
    return known[name]


def layer_of(model: ModuleModel, site: str) -> LayerName | None:
    """The stock recurrent layer whose stream a site is; None for another site."""
    return {str(layer): layer for layer in layers(model)}.get(site.rpartition(".")[0])


def is_hidden(model: ModuleModel, site: str) -> bool:
    """Whether a site is the hidden state of a stock recurrent layer."""
    return site in {f"{layer}.hidden" for layer in layers(model)}
