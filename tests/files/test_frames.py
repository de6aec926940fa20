import json

import pandas as pd
import pytest

from unitscope.files.frames import write_frame

FRAME = pd.DataFrame({"unit": ["=1+1", "-", "plain", "@x"], "value": [-1.5, 2.0, float("nan"), 3.0]})


def test_a_spreadsheet_computes_no_cell(tmp_path):
    write_frame(tmp_path / "units.csv", FRAME, index=False)
    assert (tmp_path / "units.csv").read_text().split() == [
        "unit,value", "'=1+1,-1.5", "-,2.0", "plain,", "'@x,3.0"
    ]  # fmt: skip


@pytest.mark.parametrize("index", [True, False])
def test_other_forms_keep_every_cell(tmp_path, index):
    frame = FRAME.set_index("unit") if index else FRAME
    write_frame(tmp_path / "units.parquet", frame, index)
    assert pd.read_parquet(tmp_path / "units.parquet").equals(frame)
    write_frame(tmp_path / "units.json", frame, index)
    assert json.loads((tmp_path / "units.json").read_text())[0] == {"unit": "=1+1", "value": -1.5}
