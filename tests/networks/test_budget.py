import pytest

from unitscope.errors import InputError
from unitscope.networks.budget import weights, width
from unitscope.networks.char import CharConfig, CharNet

# Rows of (symbols, row, weights, widths of LSTM, RNN and GRU with one, two and three layers).
TABLE = [
    (87, 64, 44_823, (64, 45, 37), (141, 96, 78), (77, 53, 44)),
    (87, 128, 122_327, (128, 84, 68), (273, 174, 139), (151, 98, 79)),
    (87, 256, 375_639, (256, 159, 126), (531, 325, 257), (300, 185, 146)),
    (87, 512, 1_275_479, (512, 308, 241), (1045, 623, 487), (596, 357, 280)),
    (101, 64, 49_317, (64, 46, 38), (142, 98, 81), (77, 54, 45)),
    (101, 128, 131_301, (128, 85, 69), (274, 178, 143), (152, 100, 81)),
    (101, 256, 393_573, (256, 161, 128), (534, 329, 260), (300, 187, 149)),
    (101, 512, 1_311_333, (512, 310, 243), (1048, 628, 492), (596, 359, 282)),
]


@pytest.mark.parametrize(("symbols", "row", "budget", "lstm", "rnn", "gru"), TABLE)
def test_the_papers_budgets(symbols, row, budget, lstm, rnn, gru):
    assert weights("lstm", 1, row, symbols) == budget
    for cell, widths in (("lstm", lstm), ("rnn", rnn), ("gru", gru)):
        for layers, units in enumerate(widths, start=1):
            assert width(cell, layers, symbols, row) == units
            # Units are whole, and half a unit of three layers is more than 1 % of a small row.
            assert abs(weights(cell, layers, units, symbols) / budget - 1) < 0.012


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_weights_are_those_of_the_network(cell, layers):
    net = CharNet(CharConfig(symbols=11, cell=cell, layers=layers, units=7))
    assert weights(cell, layers, 7, 11) == sum(weight.numel() for weight in net.parameters())


def test_a_row_that_is_too_small():
    with pytest.raises(InputError, match="larger row"):
        width("lstm", 3, 87, 1)
