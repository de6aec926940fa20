import os

import pytest

from unitscope.errors import InputError
from unitscope.files.damage import DamageWarning, damaged, setting_aside


def test_what_is_damaged_gets_another_name_and_work_goes_on(tmp_path):
    path = tmp_path / "file"
    path.write_text("half")
    with (
        pytest.warns(DamageWarning, match=r"file is damaged \(it is half\); do it again; it was set aside"),
        setting_aside(path),
    ):
        raise damaged(path, "it is half", "do it again")
    assert os.listdir(tmp_path) == ["file.damaged"]


def test_nothing_else_is_passed_over(tmp_path):
    with pytest.raises(ZeroDivisionError), setting_aside(tmp_path):
        raise ZeroDivisionError
    with setting_aside(tmp_path):
        pass
    with pytest.warns(DamageWarning), setting_aside(tmp_path / "none"):
        raise InputError("it is not there")
