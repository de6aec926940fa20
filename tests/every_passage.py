"""Match queries by their definition: every stretch of a text is looked at."""

import numpy as np


def every_passage(holds, begins, least, lengths, left, right):
    """By definition: no longer stretch of the same sequence has all of these conditions."""
    steps = holds.shape[1]
    ends = np.flatnonzero(np.append(begins, True))
    found = set()
    for a in range(steps):
        end = int(ends[np.searchsorted(ends, a, side="right")])
        begin = int(ends[np.searchsorted(ends, a, side="right") - 1])
        for b in range(a + 1, end + 1):
            on = holds[:, a:b].all(1)
            if on.sum() < least or not lengths[0] <= b - a <= lengths[1]:
                continue
            wider_left = a > begin and holds[on, a - 1].all()
            wider_right = b < end and holds[on, b].all()
            if wider_left or wider_right:
                continue
            if left and a > begin:
                on &= ~holds[:, a - 1]
            if right and b < end:
                on &= ~holds[:, b]
            found.add((a, b, int(on.sum())))
    return found
