"""Probes: what can be read out of frozen activations, and how much of that the probe could learn by itself."""
