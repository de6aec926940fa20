"""Pieces of evidence, and every interval, p, q and control computed from them.

Plain NumPy and SciPy: nothing here knows a model, a source or a tensor. One idea is one file.
"""
