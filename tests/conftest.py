"""Shapes in signatures are checked in every test; nothing is kept in the user's own folders."""

import gc
import os
import tempfile
import warnings

import hypothesis
from jaxtyping import install_import_hook

_checks = tempfile.TemporaryDirectory()
os.environ["UNITSCOPE_CHECKS"] = _checks.name
os.environ["COLUMNS"] = "200"  # tables of the command line are as wide as in a file, whoever runs the tests

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    hook = install_import_hook("unitscope", "beartype.beartype")
    hook.__enter__()

import torch  # noqa: E402  after the hook

torch.set_num_threads(1)

# The same examples in every run; look for new ones with --hypothesis-profile=default. Nothing here is timed.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("suite")

settings = tempfile.TemporaryDirectory()
os.environ["UNITSCOPE_SETTINGS"] = settings.name


def pytest_collection_finish():
    """Modules and tests stay to the end: no later collection need look through their millions of objects."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item):
    """Checks of types draw from ``random``; Hypothesis must not see what earlier tests left to be collected do so."""
    if item.get_closest_marker("hypothesis"):
        gc.collect()
