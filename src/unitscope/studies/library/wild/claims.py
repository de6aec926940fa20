"""What is claimed of the three networks, and how each number is made of what was found."""

from collections.abc import Callable
from typing import Any

from unitscope.studies import (
    OURS,
    Claim,
    Outcomes,
    Value,
    above,
    below,
    exact,
    of_pieces,
)

LONGEST = 160
NAMES = ("generator", "pronouncer reads", "pronouncer writes", "segmenter")


def _mean(loss: dict[str, Any]) -> float:
    return float(loss["sums"].sum() / loss["counts"].sum())


def better(name: str) -> Callable[[Outcomes], Value | None]:
    """The loss of frequencies less that of the network."""

    def value(o: Outcomes) -> Value | None:
        one = o.one(network=name)
        if one is None:
            return None
        loss, gain = one["loss"], one["loss/unigrams"]
        said = f"{_mean(loss):.2f} against {gain:.2f}"
        return of_pieces(gain * loss["counts"] - loss["sums"], loss["counts"], said)

    return value


def longer(context: str) -> Callable[[Outcomes], Value | None]:
    """The loss of the generator in longer windows than its own, less that in its own."""

    def value(o: Outcomes) -> Value | None:
        one = o.one(network="generator")
        if one is None:
            return None
        own, far = one["loss"], one["longer"][context]
        return of_pieces(far["sums"] - _mean(own) * far["counts"], far["counts"])

    return value


def counted(name: str, path: str) -> Callable[[Outcomes], Value | None]:
    """A number of one network that is what it is."""
    return lambda o: exact(float(one[path])) if (one := o.one(network=name)) and one.has(path) else None


def following(name: str, used: bool = False) -> Callable[[Outcomes], Value | None]:
    """Labels that a unit follows, beyond untrained networks; those for which the network uses it."""

    def value(o: Outcomes) -> Value | None:
        one = o.one(network=name)
        if one is None:
            return None
        if used and all(f["used"] == "not measured" for f in one["found"]):
            return None  # what predicts nothing loses nothing
        own = {f["label"] for f in one["found"] if f["confirmed"] and (not used or f["used"] == "used")}
        return exact(len(own), f"of {one.outcome['labels']}: {', '.join(sorted(own))}")

    return value


def best(name: str, label: str) -> Callable[[Outcomes], Value | None]:
    """How much the best unit for a label, chosen elsewhere, is above the best of untrained networks, in |r|."""

    def value(o: Outcomes) -> Value | None:
        one = o.one(network=name)
        rows = [f for f in one["found"] if f["label"] == label] if one else []
        if not rows:
            return None
        row = max(rows, key=lambda f: abs(f["r"]))
        low, high = sorted((abs(row["low"]), abs(row["high"])))
        note = f"{row['unit']}, r {row['r']:.2f}; untrained {row['untrained']:.2f}"
        return Value(abs(row["r"]) - row["untrained"], low - row["untrained"], high - row["untrained"], note)

    return value


def claims() -> list[Claim]:
    """What is claimed of the three."""
    made = [
        Claim(f"equal-{name}", f"{name}: recorded states are those of NumPy (largest difference)", OURS, "rounding",
              counted(name, "difference"), below(1e-5))
        for name in NAMES[:3]
    ]  # fmt: skip
    made += [
        Claim(f"skill-{name}", f"{name}: predicts better than frequencies (nats a token)", OURS, "above 0",
              better(name), above(0))
        for name in ("generator", "pronouncer writes", "segmenter")
    ]  # fmt: skip
    made += [
        Claim(f"longer-{context}", f"generator: read with {context} to {2 * int(context) - 1} symbols before each, not "
              "its 39, it loses (nats a symbol)", OURS, "it restarts at every symbol", longer(context), above(0))
        for context in ("40", str(LONGEST))
    ]  # fmt: skip
    for name in NAMES:
        made.append(
            Claim(f"follow-{name}", f"{name}: labels that a unit follows", OURS, "", following(name), above(0.5))
        )
        made.append(
            Claim(f"use-{name}", f"{name}: labels for which the network uses such a unit", OURS, "",
                  following(name, used=True), above(0.5))
        )  # fmt: skip
    for name, label in (
        ("generator", "inside-capitalised-word"),
        ("generator", "inside-parentheses"),
        ("pronouncer reads", "vowels so far"),
        ("pronouncer reads", "e at the end"),
        ("pronouncer writes", "vowel with the main stress"),
        ("pronouncer writes", "vowel next"),
        ("pronouncer writes", "vowel with the main stress next"),
        ("pronouncer writes", "end next"),
        ("segmenter", "word begins"),
    ):
        says = f"{name}: the best unit for {label} is above the best of untrained networks (difference of |r|)"
        made.append(Claim(f"{name}-{label}".replace(" ", "-"), says, OURS, "above 0", best(name, label), above(0)))
    return made
