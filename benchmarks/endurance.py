"""What signals, full disks, damage, malice and mistakes do: nothing lost, nothing run, no other number, one line.

    python benchmarks/endurance.py --quick                    # a small share of all of it, in half a minute
    python benchmarks/endurance.py                            # all of it; hours
    python benchmarks/endurance.py --part signals --commands record analyze

The parts are in benchmarks/endured. The status is 1 where anything went wrong, which is printed as it is seen.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from endured.arguments import arguments
from endured.children import preload
from endured.commands import COMMANDS, prepare
from endured.fuzzing import fuzz
from endured.hostile import hostile
from endured.notes import notes
from endured.signals import KINDS, endure
from endured.speed import digests, opening
from endured.together import together
from endured.variants import variants

SHORT = ["analyze"]
"""Commands that a quick look sends signals to."""
QUICK = ["SIGTERM", "SIGKILL"]
"""What it sends: where Python gets Ctrl-C is another place each time."""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--part", nargs="*", default=[], help="of: signals, hostile, fuzz, arguments, together, …")
    asked.add_argument("--commands", nargs="*", default=list(COMMANDS), help="those that signals are sent to")
    asked.add_argument("--signals", type=int, default=100, help="for each command")
    asked.add_argument(
        "--points", type=int, default=10_000, help="of writing, at each of which it dies, and the disk fills; or all"
    )
    asked.add_argument("--hostile", type=int, default=1_000, help="recordings that mean harm")
    asked.add_argument("--inputs", type=int, default=10_000, help="mutated files, descriptions and requests")
    asked.add_argument("--lines", type=int, default=1_000, help="command lines")
    asked.add_argument("--variants", type=int, default=300, help="damaged recordings")
    asked.add_argument("--first", type=int, default=0, help="number of the first mutated input")
    asked.add_argument("--quick", action="store_true", help="a small share of signals, malice and mutation")
    options = asked.parse_args()
    if options.quick:
        options.part = options.part or ["signals", "hostile", "fuzz"]
        options.commands, options.signals, options.points = SHORT, 3, 2
        options.hostile, options.inputs = 1, 60
    kinds = QUICK if options.quick else list(KINDS)
    preload()
    with tempfile.TemporaryDirectory() as made:
        base = Path(made) / "base"
        prepare(base, quick=options.quick)
        parts: dict[str, Callable[[], list[str]]] = {
            "signals": lambda: endure(base, options.commands, options.signals, options.points, kinds),
            "notes": lambda: notes(base, options.signals, options.points),
            "hostile": lambda: hostile(base, options.hostile),
            "fuzz": lambda: fuzz(base, options.inputs, options.first),
            "arguments": lambda: arguments(base, options.lines),
            "together": lambda: together(base),
            "opening": lambda: opening(base),
            "variants": lambda: variants(base, Path(made) / "variants", options.variants),
            "digests": lambda: digests(Path(made)),
        }
        # The last two compute in this process, after which no other may be made of it.
        wrong = [line for name, part in parts.items() if not options.part or name in options.part for line in part()]
    print(f"{len(wrong)} things went wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
