"""Networks of equal size: the width that gives a cell as many weights as a one-layer LSTM has.

The rows 64, 128, 256 and 512 of Karpathy, Johnson & Fei-Fei 2015 (arXiv 1506.02078) are such budgets, named by the
width of that LSTM; they are not the widths of the other networks.
"""

from unitscope.errors import InputError
from unitscope.networks.char import Cell

GATES: dict[Cell, int] = {"rnn": 1, "lstm": 4, "gru": 3}


def weights(cell: Cell, layers: int, units: int, symbols: int) -> int:
    """Numbers that are learnt: one-hot input, two biases per gate as in PyTorch, linear readout with a bias."""
    inputs = symbols + (layers - 1) * units  # of all layers together
    recurrent = GATES[cell] * units * (inputs + layers * (units + 2))
    return recurrent + symbols * (units + 1)


def width(cell: Cell, layers: int, symbols: int, row: int) -> int:
    """Units per layer that come nearest to the weights of a one-layer LSTM of ``row`` units.

    Raises ``InputError`` if the row is too small for one unit per layer.
    """
    budget = weights("lstm", 1, row, symbols)
    if row < 1 or weights(cell, layers, 1, symbols) > budget:
        raise InputError(f"{layers} layers do not fit into the weights of an LSTM of {row} units; choose a larger row")
    low, high = 1, 2
    while weights(cell, layers, high, symbols) <= budget:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if weights(cell, layers, middle, symbols) <= budget else (low, middle)
    return min(low, high, key=lambda units: abs(weights(cell, layers, units, symbols) - budget))
