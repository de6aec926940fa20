"""Reference networks for time series: a recurrent layer and a linear head, to forecast or to classify."""

from dataclasses import dataclass
from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor, nn

from unitscope.corpus.series import SeriesCorpus
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel

Cell = Literal["rnn", "lstm", "gru"]


@dataclass(frozen=True)
class SeriesConfig:
    """The architecture."""

    channels: int
    outputs: int
    """Classes, or 1 for the value that comes next."""
    cell: Cell = "lstm"
    units: int = 32
    layers: int = 1

    def __post_init__(self) -> None:
        if self.cell not in get_args(Cell):
            raise InputError(f"no cell is called {self.cell!r}; there are: {', '.join(get_args(Cell))}")
        if min(self.channels, self.outputs, self.units, self.layers) < 1:
            raise InputError(f"a network needs a channel, an output, a unit and a layer at least, not {self}")


class SeriesNet(nn.Module):
    """``rnn``, a stock ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, then the linear ``head`` at every step."""

    def __init__(self, config: SeriesConfig) -> None:
        super().__init__()
        self.config = config
        stock = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
        self.rnn: nn.RNNBase = stock(config.channels, config.units, config.layers, batch_first=True)
        self.head = nn.Linear(config.units, config.outputs)

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time output"]:
        """Class scores, or the value that comes next, at every step."""
        predicted: Float[Tensor, "batch time output"] = self.head(self.rnn(x)[0])
        return predicted


def series_model(net: SeriesNet, corpus: SeriesCorpus, name: str = "series network") -> ModuleModel:
    """The network as a model whose units can be read."""
    if corpus.classes:
        return ModuleModel(net, name=name, channels=len(corpus.channels), logits=lambda output: output)
    return ModuleModel(net, name=name, channels=len(corpus.channels), values=lambda output: output[..., 0])
