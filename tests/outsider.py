"""A package of somebody else's, installed in a folder of its own: what it holds is found by entry points."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class Outsider:
    """``files`` by path inside the package; ``doors`` from the name of a door to the package that holds its members."""

    def __init__(self, folder: Path, name: str, files: Mapping[str, str], doors: Mapping[str, str]) -> None:
        self.folder = folder
        for place, code in files.items():
            path = folder / name / place
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(code, encoding="utf-8")
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "__init__.py").touch()
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        groups = [f"[unitscope.{door}]\n{name} = {package}\n" for door, package in doors.items()]
        (info / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")

    def python(self, code: str, *others: "Outsider") -> subprocess.CompletedProcess[str]:
        """Run code in a fresh interpreter that has the package."""
        places = [str(one.folder) for one in (self, *others)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
