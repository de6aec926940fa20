"""The data of the study, and how long each is learnt."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from unitscope.corpus.series import SeriesCorpus, forecasting, labelled, labelled_steps, read_table
from unitscope.errors import InputError


@dataclass(frozen=True)
class Task:
    """Data to learn, and how long."""

    name: str
    train: SeriesCorpus
    test: SeriesCorpus
    epochs: int
    low: float
    """Where the drives of every channel begin and end, in the units that the network reads."""
    high: float
    most: int = 400
    """Test sequences on which units are ablated."""
    rate: float = 3e-3

    @property
    def measure(self) -> str:
        return "loss" if self.train.classes else "deviation"


def digits(data: Path | None, steps: int) -> SeriesCorpus:
    """The 1,797 digits of scikit-learn, or ``digits.csv.gz`` of the data folder: 64 pixels or 8 rows of 8."""
    if data is not None and (data / "digits.csv.gz").exists():
        frame = pd.read_csv(data / "digits.csv.gz", header=None)
        table = frame.rename(columns={frame.columns[-1]: "digit"})
    else:
        try:
            from sklearn.datasets import load_digits  # type: ignore[import-untyped]
        except ImportError as error:
            raise InputError("the digits come with scikit-learn: pip install scikit-learn") from error
        given = load_digits()
        table = pd.DataFrame(given.data).assign(digit=given.target)
    pixels = table.drop(columns="digit") / 16
    return labelled(pixels.assign(digit=table["digit"].astype(int)), "digit", steps, name=f"digits in {steps} steps")


def tasks(data: Path | None) -> list[Task]:
    """Digits always; the others where ``data`` has their files. Raises ``InputError`` for a folder without any."""
    found = []
    for steps, epochs in ((64, 40), (8, 12)):
        corpus = digits(data, steps)
        order = np.random.default_rng(0).permutation(len(corpus)).tolist()
        train, test = corpus.take(order[:1347]), corpus.take(order[1347:])
        found.append(Task(f"digits, {steps} steps", train, test, epochs, 0.0, 1.0))
    if data is None:
        return found
    if not data.is_dir():
        raise InputError(f"{data} is no folder; give the one with co2-mm-mlo.csv and the others")
    if (path := data / "co2-mm-mlo.csv").exists():
        values = read_table(path)["Average"]
        rise = pd.DataFrame({"rise": values[values > 0].diff().dropna()})
        found.append(Task("CO2", *forecasting(rise, ["rise"], window=24, name="CO2"), 15, -1.0, 1.0))
    for path in sorted(data.glob("sp500*.csv")):
        change = pd.DataFrame({"change": np.log(read_table(path)["SP500"]).diff().dropna()})
        found.append(Task("S&P 500", *forecasting(change, ["change"], window=24, name="S&P 500"), 8, -1.0, 1.0))
    if (path := data / "protein-ts115.csv").exists():
        corpus = proteins(read_table(path))
        found.append(
            Task("protein structure", corpus.take(range(92)), corpus.take(range(92, 115)), 20, 0.0, 1.0, rate=1e-2)
        )
    return found


def proteins(table: pd.DataFrame) -> SeriesCorpus:
    """One residue per step, one channel per amino acid; helix, strand or coil at each."""
    letters = sorted(set("".join(table["seq"])))
    rows = [
        {"id": number, "structure": said, **{letter: float(letter == residue) for letter in letters}}
        for number, (sequence, structure) in enumerate(zip(table["seq"], table["dssp3"], strict=True))
        for residue, said in zip(sequence, structure, strict=True)
    ]
    return labelled_steps(pd.DataFrame(rows), "id", letters, "structure", name="protein structure")
