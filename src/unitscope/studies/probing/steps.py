"""Steps of the study, each kept when it is done, so that an interrupted study goes on where it was."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Shown = Callable[[str, int, int], None]


@dataclass
class Steps:
    """Outcomes by name, as JSON files in a folder; a step with other settings is done again."""

    folder: Path
    show: Shown
    total: int
    done: int = field(default=0, init=False)

    def __call__(self, name: str, settings: dict[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The kept outcome of a step, or else a fresh one."""
        path = self.folder / f"{name}.json"
        wanted = json.loads(json.dumps(settings))
        found = json.loads(path.read_text()) if path.exists() else {}
        if found.get("settings") != wanted:
            found = {"settings": wanted, "outcome": make()}
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(found, indent=1) + "\n")
            partial.replace(path)
            found = json.loads(path.read_text())
        self.done += 1
        self.show("steps of the study", self.done, self.total)
        outcome: dict[str, Any] = found["outcome"]
        return outcome
