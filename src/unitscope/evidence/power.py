"""Amount of further text that would decide an undecided pair."""

import math

from scipy import stats

MOST = 1000
"""Times as many pieces, beyond which it is said that no such text would."""


def more_pieces(t: float, pieces: int, level: float, power: float = 0.8) -> int | None:
    """Pieces of this kind to be added so that a p below ``level`` comes out with such a probability.

    ``t`` is what the pieces at hand gave; if the correlation is what it seems, it grows with the square root of their
    number. None where even ``MOST`` times as many would not do, or nothing is known; 0 where these are enough.
    """
    if not math.isfinite(t) or pieces < 2 or t == 0:
        return None

    def enough(count: int) -> bool:
        bound = stats.t.ppf(1 - level / 2, count - 1) + stats.t.ppf(power, count - 1)
        return bool(abs(t) * math.sqrt(count / pieces) >= bound)

    few, many = pieces, pieces
    while not enough(many):
        few, many = many, 2 * many
        if many > MOST * pieces:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many - pieces
