"""Visualizing and understanding recurrent networks, whole.

After Karpathy, Johnson & Fei-Fei 2015 (arXiv 1506.02078): recurrent networks of three kinds, several depths and
sizes read a text character by character; their losses are set beside each other's and n-grams', their gates are
counted, their errors are divided by cause, and what their cells stand for is found by search.
"""
