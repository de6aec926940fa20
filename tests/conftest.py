"""Shapes in signatures are checked in every test."""

import warnings

from jaxtyping import install_import_hook

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    hook = install_import_hook("unitscope", "beartype.beartype")
    hook.__enter__()

import torch

torch.set_num_threads(1)
