"""What is one piece of evidence, and every interval, p, q and control that is made of it.

Plain NumPy and SciPy: nothing here knows a model, a source or a tensor. One idea is one file.
"""
