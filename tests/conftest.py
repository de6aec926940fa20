"""Shapes in signatures are checked in every test."""

import gc
import warnings

from jaxtyping import install_import_hook

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    hook = install_import_hook("unitscope", "beartype.beartype")
    hook.__enter__()

import torch

torch.set_num_threads(1)


def pytest_runtest_setup(item):
    """Checks of types draw from ``random``; Hypothesis must not see what earlier tests left to be collected do so."""
    if item.get_closest_marker("hypothesis"):
        gc.collect()
