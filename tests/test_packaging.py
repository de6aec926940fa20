"""What is shipped is whole, and what is said of it in several places agrees."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import unitscope

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return folder


def sources() -> set[str]:
    """Every file of the package, relative to ``src``."""
    files = (path for path in (ROOT / "src" / "unitscope").rglob("*") if path.is_file())
    return {path.relative_to(ROOT / "src").as_posix() for path in files if "__pycache__" not in path.parts}


def test_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == sources()
    assert "unitscope/py.typed" in names


def test_wheel_works_alone_in_an_empty_folder(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}

    def unitscope(*words: str) -> str:
        command = [sys.executable, "-m", "unitscope", "--threads", "1", *words]
        done = subprocess.run(command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    unitscope("record", "stdlib-lstm256", "stdlib", "--sequences", "2", "--sites", "*.hidden", "--out", "run")
    unitscope("analyze", "run", "moments")
    unitscope("report", "run", "--unit", "rnn.0.hidden/67", "--quiet")
    where = subprocess.run(
        [sys.executable, "-c", "import unitscope; print(unitscope.__file__)"],
        cwd=tmp_path / "empty", env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(tmp_path / "site")


def test_source_archive_is_enough_to_build_and_test(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {f"src/{name}" for name in sources()} | {
        "pyproject.toml",
        "constraints.txt",
        "Makefile",
        "LICENSE",
        "README.md",
    }
    assert wanted <= names
    assert not any("node_modules/" in name or name.startswith((".venv/", "build/")) for name in names)


def test_wheel_is_small(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size < 8e6, "a small trained network (5 MB at most) and the page are all that may be large"


def test_every_requirement_is_pinned_and_every_pin_satisfies_it() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    extras = PROJECT["optional-dependencies"].values()
    for text in [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]:
        requirement = Requirement(text)
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned is not None, f"constraints.txt does not pin {requirement.name}"
        assert Version(pinned) in requirement.specifier, f"{pinned} in constraints.txt is no {requirement}"


def test_newest_entry_of_the_changelog_is_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entry = re.search(r"^## \[?([^\]\s]+)", text, re.MULTILINE)
    assert entry is not None
    assert entry[1] == unitscope.__version__


def test_nothing_of_the_package_is_pickled_or_platform_bound() -> None:
    wrong = [name for name in sources() if re.search(r"\.(pt|pth|pkl|pickle|npy|so|pyd)$", name)]
    assert not wrong


def test_package_parts_are_named_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = {name.split("/")[1].removesuffix(".py") for name in sources()} - {"__init__", "py.typed"}
    missing = sorted(part for part in parts if not re.search(rf"\b{part}\b", text))
    assert not missing, f"docs/architecture.md does not name {missing}"
