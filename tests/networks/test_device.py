import pytest
import torch

from unitscope.errors import InputError
from unitscope.networks.device import find_device


def test_devices_that_are_there_and_not():
    assert find_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="no device is called 'gpu'; give cpu or cuda"):
        find_device("gpu")
    for missing in (f"cuda:{torch.cuda.device_count()}", "meta"):
        with pytest.raises(InputError, match=f"cannot compute on {missing!r}; give cpu"):
            find_device(missing)
