"""Encoder–decoder networks with attention, and attentive guidance."""
